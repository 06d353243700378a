"""The arrays that everything here is about: their types, and the checks that a caller's mistake ends at.

Throughout, `probabilities` is float [N, C], one row an image and one column a class, each row summing to 1
(float16 as on disk is fine: arithmetic is float64), and `labels` is int [N], the numbers of the true classes,
0 to C − 1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Probabilities = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]

SUM_TOLERANCE = 0.01  # float16 moves the sum of a row by less than 0.001; logits are further off

# The largest number that float16 rounds to zero. A stored zero may have been anything up to this; taken as
# this it counts the least loss it can have had, 25 ln 2 = 17.3 nats, and not infinity.
FLOOR = 2.0**-25


def check_images(images: Images, side: int) -> None:
    """Raise ValueError unless images are what a network sees, uint8 [N, S, S, 3]."""
    if images.dtype != np.uint8 or images.shape[1:] != (side, side, 3):
        raise ValueError(f"Expected uint8 [N, {side}, {side}, 3], got {images.dtype} {list(images.shape)}.")


def checked_probabilities(probabilities: Probabilities) -> NDArray[np.float64]:
    """Return probabilities as float64 [N, C]; ValueError unless they are such, of one image or more."""
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] < 2 or not len(p):
        raise ValueError(f"Expected probabilities [N, C] of an image or more, got {list(p.shape)}.")
    # Written so that NaN fails too.
    if not ((p >= 0).all() and (np.abs(p.sum(axis=1) - 1) < SUM_TOLERANCE).all()):
        raise ValueError("Expected probabilities: no row may hold a negative number or sum to other than 1.")
    return p


def checked_labels(labels: Labels, images: int, classes: int) -> NDArray[np.int64]:
    """Return labels as int64 [N]; ValueError unless they are those of so many images and classes."""
    y = np.asarray(labels)
    if y.shape != (images,) or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"Expected {images} whole labels, one an image, got {y.dtype} {list(y.shape)}.")
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(f"Labels are classes 0 to {classes - 1}, not {y.min()} to {y.max()}.")
    return y.astype(np.int64)


def checked(probabilities: Probabilities, labels: Labels) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return both, checked, of the same images."""
    p = checked_probabilities(probabilities)
    return p, checked_labels(labels, *p.shape)


def log(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the natural logarithm, of a stored zero as of `FLOOR`."""
    return np.log(np.maximum(probabilities, FLOOR))
