"""Handwritten digits, which scikit-learn brings: 1,797, of 8×8 pixels in 17 greys (Alpaydin, Kaynak 1998).

They are here to make everything run without a download: small enough to learn in seconds.
"""

import functools
from collections.abc import Mapping

import numpy as np
from PIL import Image

from cifar_core.datasets.dataset import Batch, Dataset, Facts, Part

_TEST = 360
_SEED = 0


class Digits(Dataset):
    """The digits, enlarged to 32×32 RGB; a fifth of them, as many of each class, are the test."""

    title = "Handwritten digits"
    sizes: Mapping[Part, int] = {"train": 1_797 - _TEST, "test": _TEST}
    facts = Facts(
        name="digits",
        digest="1460f097bdeb3ca508ba6202b860d6c1f288d77b89209287b4ccd170e226e0a3",
        side=32,
        mirrors=False,  # nobody writes a 3 that way round
        class_names=tuple("0123456789"),
    )

    def load(self, part: Part) -> Batch:
        """Return a part; it is always here."""
        return _parts()[part]


@functools.cache
def _parts() -> dict[Part, Batch]:
    from sklearn.datasets import load_digits  # half a second, and most of the app does without
    from sklearn.model_selection import train_test_split

    found = load_digits()
    train, test = train_test_split(
        np.arange(len(found.target)), test_size=_TEST, random_state=_SEED, stratify=found.target
    )
    both = Batch(enlarged(found.images), found.target.astype(np.int64))
    return {"train": both.take(np.sort(train)), "test": both.take(np.sort(test))}


def enlarged(digits: np.ndarray, side: int = 32) -> np.ndarray:
    """Turn greys from 0 to 16, float [N, 8, 8], into pictures, uint8 [N, S, S, 3] RGB."""
    grey = np.rint(digits * (255 / 16)).astype(np.uint8)
    pictures = [Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC) for digit in grey]
    return np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
