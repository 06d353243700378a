"""CIFAR-10's pictures one by one, from wherever they come, back in the official order.

Predictions are kept in that order, and folders of pictures have lost it. `cifar10_order.npy` finds it again:
uint32 [60,000], a short hash of each picture with its label, the training set first. No two are alike.
That many bits find a picture, they do not prove it: whoever keeps the result compares `CONTENT_SHA256`.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np

from cifar_core.arrays import Images
from cifar_core.datasets.cifar10 import CLASS_NAMES, IMAGE_SHAPE, TEST_SIZE, TRAIN_SIZE
from cifar_core.datasets.dataset import Batch
from cifar_core.errors import DatasetError

SIZE = TRAIN_SIZE + TEST_SIZE
_TABLE = Path(__file__).with_name("cifar10_order.npy")


class Puzzle:
    """Sixty thousand empty places, and the pictures that have been put into theirs."""

    def __init__(self) -> None:
        self._images = np.empty((SIZE, *IMAGE_SHAPE), np.uint8)
        self._labels = np.empty(SIZE, np.int64)
        self._free = {int(short): place for place, short in enumerate(np.load(_TABLE))}

    @property
    def done(self) -> int:
        """How many pictures are in their places."""
        return SIZE - len(self._free)

    def add_png(self, content: bytes, label: int, name: str) -> None:
        """Put a picture into its place: a PNG file, its class 0 to 9, and what to call it in a message.

        DatasetError if it cannot be read, differs from the official one by a single pixel, belongs to another
        class, or has been there before.
        """
        place = None
        if (image := _pixels(content)) is not None:
            place = self._free.pop(short_hash(image, label), None)
        if image is None or place is None:
            raise DatasetError(
                f"{name} is none of CIFAR-10's pictures of the class {CLASS_NAMES[label]}, or is there twice."
            )
        self._images[place], self._labels[place] = image, label

    def solved(self) -> dict[str, Batch]:
        """Return the training and the test set; DatasetError if pictures are missing."""
        check_number(self.done)
        train, test = slice(TRAIN_SIZE), slice(TRAIN_SIZE, SIZE)
        return {
            "train": Batch(self._images[train], self._labels[train]),
            "test": Batch(self._images[test], self._labels[test]),
        }


def check_number(pictures: int) -> None:
    """Raise a DatasetError unless there are as many pictures as CIFAR-10 has."""
    if pictures != SIZE:
        raise DatasetError(f"CIFAR-10 has {SIZE:,} pictures, and {pictures:,} are there.")


def short_hash(image: Images, label: int) -> int:
    """Return the hash by which `cifar10_order.npy` lists a picture, uint8 [32, 32, 3] RGB, and its class."""
    digest = hashlib.blake2b(image.tobytes(), digest_size=4)
    digest.update(bytes([label]))
    return int.from_bytes(digest.digest(), "little")


def _pixels(content: bytes) -> Images | None:
    """Return the pixels of a PNG file of the right size; None for all else."""
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=["PNG"]) as picture:
            if picture.size != IMAGE_SHAPE[:2]:
                return None  # before it is decompressed
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
