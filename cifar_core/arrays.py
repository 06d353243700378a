"""The arrays that everything here is about: their types, and the checks that a caller's mistake ends at.

Throughout, `probabilities` is float [N, 10], one row an image, each summing to 1 (float16 as on disk is fine:
arithmetic is float64), and `labels` is int [N], the true classes 0 to 9.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Probabilities = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]

CLASSES = 10
SUM_TOLERANCE = 0.01  # float16 moves the sum of a row by less than 0.001; logits are further off

# The largest number that float16 rounds to zero. A stored zero may have been anything up to this; taken as
# this it counts the least loss it can have had, 25 ln 2 = 17.3 nats, and not infinity.
FLOOR = 2.0**-25


def checked_probabilities(probabilities: Probabilities) -> NDArray[np.float64]:
    """Return probabilities as float64 [N, 10]; ValueError unless they are such, of one image or more."""
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != CLASSES or not len(p):
        raise ValueError(f"Expected probabilities [N, {CLASSES}] of at least one image, got {list(p.shape)}.")
    # Written so that NaN fails too.
    if not ((p >= 0).all() and (np.abs(p.sum(axis=1) - 1) < SUM_TOLERANCE).all()):
        raise ValueError("Expected probabilities: no row may hold a negative number or sum to other than 1.")
    return p


def checked_labels(labels: Labels, images: int) -> NDArray[np.int64]:
    """Return labels as int64 [N]; ValueError unless they are classes, 0 to 9, of so many images."""
    y = np.asarray(labels)
    if y.shape != (images,) or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"Expected {images} whole labels, one an image, got {y.dtype} {list(y.shape)}.")
    if y.min() < 0 or y.max() >= CLASSES:
        raise ValueError(f"Labels are classes 0 to {CLASSES - 1}, not {y.min()} to {y.max()}.")
    return y.astype(np.int64)


def checked(probabilities: Probabilities, labels: Labels) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return both, checked, of the same images."""
    p = checked_probabilities(probabilities)
    return p, checked_labels(labels, len(p))


def log(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the natural logarithm, of a stored zero as of `FLOOR`."""
    return np.log(np.maximum(probabilities, FLOOR))
