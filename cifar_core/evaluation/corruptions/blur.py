"""Blur: out of focus, behind frosted glass, from a moving hand, from a moving zoom."""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import convolve, gaussian_filter, zoom

from cifar_core.arrays import Images
from cifar_core.evaluation.corruptions.kind import Pixels, corruption, weights


@corruption((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))
def defocus_blur(images: Images, lens: tuple[float, float], rng: Generator) -> Pixels:  # noqa: ARG001
    """Spread each pixel over a disc of up to 1.5 pixels radius, its edge softened by a Gaussian."""
    radius, softness = lens
    away = np.arange(-2, 3) ** 2
    disc = away[:, None] + away <= radius**2
    soft = weights(np.exp(-(np.arange(-1, 2) ** 2) / (2 * softness**2)))
    spread = convolve(weights(disc), np.outer(soft, soft), mode="constant")
    return np.asarray(convolve(images.astype(np.float32), spread[None, :, :, None], mode="mirror"))


@corruption((0.05, 1), (0.25, 1), (0.4, 1), (0.25, 2), (0.4, 2))
def glass_blur(images: Images, glass: tuple[float, int], rng: Generator) -> Pixels:
    """Let each pixel show itself or a neighbour above or to the left, once or twice; blur before and after.

    The authors' code means to swap pixels but copies one over the other, so this copies.
    """
    deviation, times = glass
    side = images.shape[1]
    pixels = _blurred(images, deviation).astype(np.uint8)
    inner = slice(2, side)
    rows, columns = np.indices((side, side))[:, inner, inner]
    picture = np.arange(len(images))[:, None, None]
    for _ in range(times):
        up, left = rng.integers(0, 2, (2, len(images), *rows.shape))
        pixels[:, inner, inner] = pixels[picture, rows - up, columns - left]
    return _blurred(pixels, deviation)


@corruption((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5))
def motion_blur(images: Images, motion: tuple[int, float], rng: Generator) -> Pixels:
    """Smear each picture sideways, up to 45 degrees up or down, as half a Gaussian of 1 to 2.5 pixels."""
    return smeared(images, *motion, rng.uniform(-45, 45, len(images)))


@corruption(1.06, 1.11, 1.16, 1.21, 1.26)
def zoom_blur(images: Images, end: float, rng: Generator) -> Pixels:  # noqa: ARG001
    """Average each picture with itself magnified in steps of 1 %, up to 6 to 25 %."""
    factors = np.arange(1, end, 0.01)
    whole = images.astype(np.float32)
    return (whole + sum(magnified(whole, factor) for factor in factors)) / (len(factors) + 1)


def smeared(
    images: NDArray[Any], reach: int, deviation: float, degrees: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Smear pictures along a line, as ImageMagick's motion blur does: to one side, with a Gaussian's weights.

    Parameters
    ----------
    images
        [N, S, S, channels]; beyond the border its pixels go on.
    reach
        How far the line goes, in pixels; there are weights for a line of twice this length.
    deviation
        The Gaussian's standard deviation, in pixels.
    degrees : float [N]
        The direction of each picture's line, clockwise from the right.
    """
    steps = np.arange(2 * reach + 1)
    shares = weights(np.exp(-(steps**2) / (2 * deviation**2)))
    angles = np.radians(degrees)
    # A half is rounded down, as there.
    down, right = (
        np.ceil(np.outer(way, steps) - 0.5).astype(int) for way in (np.sin(angles), np.cos(angles))
    )
    side, pictures = images.shape[1], np.arange(len(images))[:, None, None]
    places, result = np.arange(side), np.zeros(images.shape, np.float32)
    for step, share in enumerate(shares):
        rows = np.clip(places + down[:, step, None], 0, side - 1)[:, :, None]
        columns = np.clip(places + right[:, step, None], 0, side - 1)[:, None, :]
        result += share * images[pictures, rows, columns]
    return result


def magnified(images: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Magnify the middle of pictures [N, S, S, channels], bilinearly, and return as many pixels of it."""
    side = images.shape[1]
    kept = int(np.ceil(side / factor))
    first = (side - kept) // 2
    # What SciPy does with the lines of pixels, as a matrix [S, S]: far faster for many pictures at once.
    lines = zoom(np.eye(side, dtype=np.float32)[first : first + kept], (factor, 1), order=1)
    first = (len(lines) - side) // 2
    lines = lines[first : first + side]
    return np.asarray(np.einsum("ri,nijc,sj->nrsc", lines, images, lines, optimize=True), np.float32)


def _blurred(images: Images, deviation: float) -> NDArray[np.float32]:
    smooth = gaussian_filter(images.astype(np.float32), (0, deviation, deviation, 0), mode="nearest")
    return np.asarray(smooth)
