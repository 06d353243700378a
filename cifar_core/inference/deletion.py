"""Which map of what mattered to trust: take away what it marks, and see how fast the model changes its mind.

The deletion curve of Petsiuk, Das and Saenko 2018, "RISE: randomized input sampling for explanation of
black-box models": the probability of a class as ever more pixels are deleted, those first that a map says
speak for it most. The smaller the area below it, the better the map knows what mattered. Deleted pixels are
blurred here: in grey, as elsewhere, they are noise, which a network minds in itself (`saliency`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

STEPS = 8  # each deletes as many pixels


def curve(
    classify: Callable[[NDArray[np.uint8]], NDArray[np.floating[Any]]],
    image: NDArray[np.uint8],
    class_index: int,
    found: NDArray[np.floating[Any]],
) -> NDArray[np.float64]:
    """Return the probability of a class as the pixels that speak for it are blurred away.

    Parameters
    ----------
    classify : callable
        Takes uint8 [N, S, S, 3] and returns probabilities, float [N, C]. It is called once.
    image : uint8 [S, S, 3]
        RGB.
    class_index : int
        The number of the class.
    found : float [S, S]
        The map: the larger, the more a pixel speaks for the class. Pixels that are alike come in any order.

    Returns
    -------
    ndarray
        float64 [STEPS + 1], from the whole picture to none of it. Its mean is the area below the curve.
    """
    side = len(image)
    if found.shape != (side, side):
        raise ValueError(f"Expected a map [{side}, {side}], got {list(found.shape)}.")
    any_order = np.random.default_rng(0).random(found.size)
    rank = np.lexsort((any_order, -found.ravel())).argsort().reshape(side, side, 1)
    blurred = gaussian_filter(image.astype(np.float32), (side / 8, side / 8, 0), mode="nearest")
    gone = [rank < round(found.size * step / STEPS) for step in range(STEPS + 1)]
    steps = np.stack([np.where(deleted, np.rint(blurred).astype(np.uint8), image) for deleted in gone])
    return np.asarray(classify(steps)[:, class_index], np.float64)
