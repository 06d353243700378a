"""Which pictures look alike: frames of one burst, one photograph saved twice, darker or cut otherwise.

Each is reduced to 8×8 pixels in colour; two are alike where these correlate by more than `ALIKE`. That finds
38 % of the 249 near-duplicates that people found between CIFAR-10's training and test set (Barz and Denzler
2020), and 60 pairs among 20,000 training images; a difference hash of 64 bits has to take 120 for 34 %.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cifar_core.arrays import Images
from cifar_core.datasets.dataset import Ints

ALIKE = 0.97  # a photograph moved by 3 % of its side has as much, and one pair in three million of CIFAR-10's
_CELLS = 8
_FLAT = 8.0  # a deviation, of 255, below which there is too little to compare
_ROWS = 1_000  # at a time


def thumbnail(picture: Image.Image) -> Images:
    """Return what two pictures are compared by, uint8 [192]."""
    return np.asarray(picture.resize((_CELLS, _CELLS), Image.Resampling.BOX), np.uint8).ravel()


def groups(thumbnails: Images, hashes: np.ndarray, together: Sequence[int] | None = None) -> Ints:
    """Put pictures that look alike into one group, and so those that are alike through others.

    Parameters
    ----------
    thumbnails : uint8 [N, 192]
        As `thumbnail` makes them.
    hashes : uint8 [N, 32]
        Of their content: exact duplicates are alike however flat they are.
    together : int [N], optional
        Pictures of one number are alike however they look.

    Returns
    -------
    ndarray
        int64 [N], the number of each one's group, from 0.
    """
    count = len(hashes)
    left, right = [np.arange(count)], [_first(np.unique(hashes, axis=0, return_inverse=True)[1].ravel())]
    if together is not None:
        left.append(np.arange(count))
        right.append(_first(np.asarray(together)))
    vectors = _normalised(thumbnails)
    for start in range(0, len(vectors), _ROWS):
        alike = vectors[start : start + _ROWS] @ vectors[start:].T > ALIKE  # later ones only: each pair once
        rows, columns = np.nonzero(alike)
        left.append(rows + start)
        right.append(columns + start)
    pairs = (np.concatenate(left), np.concatenate(right))
    graph = coo_matrix((np.ones(len(pairs[0]), bool), pairs), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _first(numbers: np.ndarray) -> np.ndarray:
    """Return where each number stands first, int [N]."""
    _, first, places = np.unique(numbers, return_index=True, return_inverse=True)
    return np.asarray(first[places])


def _normalised(thumbnails: Images) -> np.ndarray:
    """Return vectors of length 1 around 0, float32 [N, 192]: neither light nor contrast counts."""
    vectors = thumbnails.astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, _FLAT * vectors.shape[1] ** 0.5))
