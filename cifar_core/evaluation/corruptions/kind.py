"""What all kinds of corruption have in common: five strengths, a seed, and pictures in and out."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cifar_core.arrays import Images, check_images

Pixels = NDArray[Any]  # [N, S, S, 3], 0 to 255 and beyond, of any number type
Setting = TypeVar("Setting")

STRENGTHS = (1, 2, 3, 4, 5)


class Corruption(Protocol):
    """A function that makes pictures worse."""

    def __call__(self, images: Images, strength: int, seed: int = 0) -> Images:
        """Return new uint8 [N, S, S, 3]."""


def corruption(
    *settings: Setting,
) -> Callable[[Callable[[Images, Setting, Generator], Pixels]], Corruption]:
    """Make a corruption of a function that takes pictures, what a strength means to it, and random numbers.

    Parameters
    ----------
    settings
        What strengths 1 to 5 mean.
    """

    def decorate(make: Callable[[Images, Setting, Generator], Pixels]) -> Corruption:
        @wraps(make)
        def worse(images: Images, strength: int, seed: int = 0) -> Images:
            check_images(images, images.shape[1])
            if strength not in (0, *STRENGTHS):
                raise ValueError(f"The strength is 1 to 5, or 0 for none, not {strength}.")
            if strength == 0 or not len(images):
                return images.copy()
            made = make(images, settings[strength - 1], np.random.default_rng(seed))
            return np.asarray(np.rint(np.clip(made, 0, 255)), np.uint8, order="C")

        return worse

    return decorate


def weights(made: NDArray[Any]) -> NDArray[np.float32]:
    """Return a filter's weights, float32, so that they sum to 1."""
    return np.asarray(made / made.sum(), np.float32)
