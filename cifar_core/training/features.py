"""What a frozen network sees in pictures: computed once for each, and kept with a dataset of one's own."""

import contextlib
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from cifar_core.datasets.dataset import Batch, normalise
from cifar_core.files import read_arrays, write_whole
from cifar_core.training.run_log import Report, StopRequested

_HASH = 16  # bytes


class Features:
    """The features of pictures, float32 [N, F]: computed by `backbone`, or known from before.

    Parameters
    ----------
    backbone
        From float32 [N, S, S, 3] in [0, 1] to features.
    size
        Pictures at a time.
    folder
        Where they are kept; None keeps nothing. A file a backbone, of which its weights are the name.
    """

    def __init__(self, backbone: keras.Model, size: int, folder: Path | None) -> None:
        self._compute, self._size = tf.function(backbone), size
        self._path = folder and folder / f"features-{_hash(*backbone.get_weights()).hex()}.npz"
        self._width = int(backbone.output.shape[-1])
        self._known: dict[bytes, np.ndarray] = {}
        if self._path:
            with contextlib.suppress(OSError, ValueError):  # none are kept yet; a damaged file is made anew
                arrays = read_arrays(self._path, {"pictures", "features"})
                self._known = dict(zip(map(bytes, arrays["pictures"]), arrays["features"], strict=True))

    def embed(
        self, batches: Sequence[Batch], report: Report, stop_requested: Callable[[], bool]
    ) -> list[Batch]:
        """Return the batches with features in the place of images.

        Those that were computed before a stop, too, are kept. StopRequested if somebody asked for it.
        """
        names = [[_hash(image) for image in images] for images, _ in batches]
        missing = {
            name: image
            for of_batch, (images, _) in zip(names, batches, strict=True)
            for name, image in zip(of_batch, images, strict=True)
            if name not in self._known
        }
        try:
            self._learn(missing, report, stop_requested)
        finally:
            self._keep(bool(missing))
        return [
            Batch(np.stack([self._known[name] for name in of_batch]), labels)
            for of_batch, (_, labels) in zip(names, batches, strict=True)
        ]

    def _learn(
        self, missing: dict[bytes, np.ndarray], report: Report, stop_requested: Callable[[], bool]
    ) -> None:
        names = list(missing)
        for start in range(0, len(names), self._size):
            if stop_requested():
                raise StopRequested
            some = names[start : start + self._size]
            images = np.stack([missing[name] for name in some])
            self._known.update(zip(some, np.asarray(self._compute(normalise(images))), strict=True))
            report(phase=f"computing features, {start + len(some):,} of {len(names):,} images")

    def _keep(self, changed: bool) -> None:
        if not self._path or not changed or not self._known:
            return
        buffer = io.BytesIO()
        pictures = np.frombuffer(b"".join(self._known), np.uint8).reshape(-1, _HASH)
        np.savez(buffer, pictures=pictures, features=np.stack(list(self._known.values())))
        with contextlib.suppress(OSError):  # a full disk, say; they can be computed again
            self._path.parent.mkdir(exist_ok=True)
            write_whole(self._path, buffer.getvalue())


def _hash(*arrays: np.ndarray) -> bytes:
    found = hashlib.blake2b(digest_size=_HASH)
    for array in arrays:
        found.update(str(array.shape).encode())
        found.update(np.ascontiguousarray(array).data)
    return found.digest()
