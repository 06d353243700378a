"""Whether a picture's pixels look like those of photographs at all, whatever it shows.

Static, letters, screens and bare walls differ from photographs in plain numbers: how much light and colour
vary, and how sharply. Six of them, and a Gaussian fitted to those of training pictures; the squared
Mahalanobis distance says how unusual a picture is (Mahalanobis 1936). Training pictures count as they are and
also grey, blurred, pale and slightly noisy, because photographs of the same things come so.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifar_core.arrays import Images

MOST = 2_000  # training pictures are plenty for six means and their covariance
_AT_ONCE = 500  # pictures, for the memory


class Usual(NamedTuple):
    """What is usual: the mean, float64 [6], and the inverse covariance, float64 [6, 6], of `statistics`."""

    mean: NDArray[np.float64]
    precision: NDArray[np.float64]


def statistics(images: Images) -> NDArray[np.float64]:
    """Return six numbers of each picture, the logarithm of one more than each.

    Parameters
    ----------
    images
        uint8 [N, S, S, 3] RGB.

    Returns
    -------
    ndarray
        float64 [N, 6]: the standard deviation of the brightness, the mean of its Laplacian, mean and median
        of its gradient, the mean of the colourfulness and of its differences from pixel to pixel.
    """
    parts = [_of(images[start : start + _AT_ONCE]) for start in range(0, len(images), _AT_ONCE)]
    return np.concatenate(parts)


def fit(images: Images, seed: int = 0) -> Usual:
    """Learn what is usual from training pictures, uint8 [N, S, S, 3]: `MOST` of them at most."""
    rng = np.random.default_rng(seed)
    chosen = images[rng.permutation(len(images))[:MOST]]
    found = np.concatenate([statistics(variant) for variant in _variants(chosen, rng)])
    # The little that is added keeps pictures without any colour, say, from having no inverse.
    covariance = np.cov(found.T) + 1e-3 * np.eye(found.shape[1])
    return Usual(found.mean(axis=0), np.asarray(np.linalg.inv(covariance), np.float64))


def distance(images: Images, usual: Usual) -> NDArray[np.float64]:
    """Return how unusual each picture is, float64 [N]: 6 on average for what `usual` was learned from."""
    off = statistics(images) - usual.mean
    return np.asarray(np.einsum("ni,ij,nj->n", off, usual.precision, off))


def _of(images: Images) -> NDArray[np.float64]:
    pixels = images.astype(np.float32)
    light = pixels.mean(axis=-1)
    across, down = np.diff(light, axis=2)[:, :-1], np.diff(light, axis=1)[:, :, :-1]
    gradient = np.hypot(across, down).reshape(len(images), -1)
    middle = light[:, 1:-1, 1:-1]
    beside = light[:, :-2, 1:-1] + light[:, 2:, 1:-1] + light[:, 1:-1, :-2] + light[:, 1:-1, 2:]
    colour = pixels - light[..., None]
    found = [
        light.std(axis=(1, 2)),
        np.abs(4 * middle - beside).mean(axis=(1, 2)),
        gradient.mean(axis=1),
        np.median(gradient, axis=1),
        np.sqrt((colour**2).mean(axis=-1)).mean(axis=(1, 2)),
        np.abs(np.diff(colour, axis=2)).mean(axis=(1, 2, 3)),
    ]
    return np.log1p(np.stack(found, axis=1).astype(np.float64))


def _variants(images: Images, rng: np.random.Generator) -> Iterator[Images]:
    """Yield pictures as they are, grey, blurred, pale and slightly noisy."""
    from scipy.ndimage import gaussian_filter  # which the app does not need

    pixels = images.astype(np.float32)
    means = pixels.mean(axis=(1, 2), keepdims=True)
    yield images
    for values in (
        np.broadcast_to(pixels.mean(axis=-1, keepdims=True), pixels.shape),
        gaussian_filter(pixels, (0, 0.8, 0.8, 0), mode="nearest"),
        means + 0.5 * (pixels - means),
        pixels + 6 * rng.standard_normal(pixels.shape, np.float32),
    ):
        yield np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
