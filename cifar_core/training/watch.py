"""What a network says to a few test pictures while it learns: shown to people, decided by nobody."""

import contextlib
import io

import keras
import numpy as np

from cifar_core.arrays import Labels
from cifar_core.datasets.dataset import Batch, normalise
from cifar_core.errors import ModelDirectoryError
from cifar_core.files import write_whole
from cifar_core.runs.model_dir import ModelDirectory

PICTURES = 10


class Watch(keras.callbacks.Callback):
    """Writes what the network says to the same test pictures before training and after each epoch.

    Parameters
    ----------
    directory
        Of the run, which gets `watched.npz`.
    network
        From float32 [N, S, S, 3] in [0, 1] to logits [N, C]; it may be more than what is trained.
    test
        The test set, of which the first picture of each class is taken.
    done
        The epochs that an earlier process has finished.
    """

    def __init__(self, directory: ModelDirectory, network: keras.Model, test: Batch, done: int) -> None:
        super().__init__()
        self.directory, self.network = directory, network
        self.indices = first_of_each_class(test.labels)
        self.pictures = normalise(test.images[self.indices])
        self.answers: dict[int, np.ndarray] = {}  # by epoch
        with contextlib.suppress(ModelDirectoryError):  # nothing was asked yet
            known = directory.watched()
            if np.array_equal(known.indices, self.indices):
                before = zip(known.epochs.tolist(), known.probabilities, strict=True)
                self.answers = {epoch: answers for epoch, answers in before if epoch <= done}
        self.done = done

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Ask before anything is learned, unless that was done."""
        if self.done not in self.answers:
            self._ask(self.done)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Ask once more."""
        self._ask(epoch + 1)

    def _ask(self, epoch: int) -> None:
        logits = self.network(self.pictures, training=False)
        probabilities = keras.ops.softmax(keras.ops.cast(logits, "float32"))
        self.answers[epoch] = keras.ops.convert_to_numpy(probabilities).astype(np.float16)
        epochs, answers = np.array(list(self.answers)), np.stack(list(self.answers.values()))
        buffer = io.BytesIO()
        np.savez(buffer, epochs=epochs, indices=self.indices, probabilities=answers)
        write_whole(self.directory.watched_path, buffer.getvalue())


def first_of_each_class(labels: Labels, most: int = PICTURES) -> Labels:
    """Return the places of the first picture of each class, int64 [M], filled up with others to `most`."""
    _, first = np.unique(labels, return_index=True)
    others = np.setdiff1d(np.arange(len(labels)), first)
    return np.concatenate([first, others])[:most].astype(np.int64)
