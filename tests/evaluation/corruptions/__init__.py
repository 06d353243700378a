"""The corruptions, and the pictures that their tests make worse."""

import numpy as np

from cifar_core.arrays import Images


def flat(*colours: tuple[int, int, int], side: int = 32) -> Images:
    """Pictures of one colour each."""
    return np.stack([np.full((side, side, 3), colour, np.uint8) for colour in colours])


def point(side: int = 32) -> Images:
    """A green point on black."""
    picture = np.zeros((1, side, side, 3), np.uint8)
    picture[0, side // 2, side // 2, 1] = 255
    return picture


def distance(a: Images, b: Images) -> float:
    return float(np.abs(a.astype(float) - b).mean())
