"""What a network was after some of its epochs, for those who look inside it later.

Meanwhile only its weights are put aside, in half precision, which takes a tenth of a second. At the end
`export.save_snapshots` makes small models of them.
"""

import contextlib
import io

import keras
import numpy as np

from cifar_core.files import read_arrays, write_whole
from cifar_core.runs.model_dir import ModelDirectory

MOST = 7  # snapshots of a run: with the end of its training that makes eight
MOST_BYTES = 100_000_000  # that they may take together


class Snapshots(keras.callbacks.Callback):
    """Puts the weights of a network aside after some epochs.

    Parameters
    ----------
    directory
        Of the run, which gets `snapshots/`.
    network
        Whose weights to keep, in the order in which `export.save_snapshots` sets them.
    epochs
        After how many epochs the training ends.
    """

    def __init__(self, directory: ModelDirectory, network: keras.Model, epochs: int) -> None:
        super().__init__()
        self.directory, self.network = directory, network
        self.moments = moments(epochs, network.count_params())

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Put the weights aside, if this is one of the epochs."""
        if epoch + 1 in self.moments:
            path = self.directory.snapshot_path(epoch + 1, ".npz")
            path.parent.mkdir(exist_ok=True)
            buffer = io.BytesIO()
            np.savez(buffer, *map(in_half, self.network.get_weights()))
            write_whole(path, buffer.getvalue(), durable=False)


def moments(epochs: int, parameters: int) -> list[int]:
    """Choose after which epochs, but for the last, to keep a network of so many parameters.

    Closer at the beginning, where it learns most; fewer of a large network, to keep within `MOST_BYTES`.
    """
    count = min(MOST, MOST_BYTES // (2 * parameters))
    spread = np.geomspace(1, epochs, count + 1)[:count].round().astype(int)
    return [int(epoch) for epoch in np.unique(spread) if epoch < epochs]


def in_half(weight: np.ndarray) -> np.ndarray:
    """Round kernels that fit; vectors weigh nothing, and variances can be too small for half precision."""
    fits = weight.ndim > 1 and np.abs(weight).max() <= np.finfo(np.float16).max
    return weight.astype(np.float16) if fits else weight


def put_aside(directory: ModelDirectory, epoch: int) -> list[np.ndarray]:
    """Return the weights after an epoch; none where the file is damaged, which is no reason to fail."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        arrays = read_arrays(directory.snapshot_path(epoch, ".npz"))
        return [arrays[f"arr_{place}"].astype(np.float32) for place in range(len(arrays))]
    return []


def forget_from(directory: ModelDirectory, epoch: int) -> None:
    """Forget what came after an epoch, and at it: the model is what it was then."""
    for later in directory.snapshots(".npz"):
        if later >= epoch:
            directory.snapshot_path(later, ".npz").unlink()
