"""Test-time augmentation: a picture in several views, over which a model's answers are averaged.

The six views and their weights are airbench94's (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single
GPU"): half the weight lies on the picture and its mirror image, half on the mirror pairs of two shifts.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

TTA = Literal[1, 2, 6]  # how many views


def weighted(
    images: NDArray[np.uint8], tta: TTA, mirrors: bool = True
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield each view of the images with its weight; the weights sum to 1.

    Parameters
    ----------
    images
        uint8 [N, S, S, 3].
    tta
        1: the images as they are; 2: they and their mirror images; 6: the mirror pairs of them and of both
        shifts by one pixel along the diagonal from top left to bottom right, reflected at the border.
    mirrors
        Whether mirror images show the same thing; if not, they are left out.

    Yields
    ------
    tuple of float, ndarray
        The weight, and uint8 [N, S, S, 3], perhaps a view of `images` or one with negative strides.
    """
    if tta == 1:
        yield 1.0, images
        return
    pairs = [(1.0, images)]
    if tta == 6:
        padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        pairs = [(0.5, images), (0.25, padded[:, :-2, :-2]), (0.25, padded[:, 2:, 2:])]
    for weight, pictures in pairs:
        if not mirrors:
            yield weight, pictures
            continue
        yield weight / 2, pictures
        yield weight / 2, pictures[:, :, ::-1]
