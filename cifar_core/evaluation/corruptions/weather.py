"""Weather: snow, frost on the lens, fog, and a bright day."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from cifar_core.arrays import Images
from cifar_core.evaluation.corruptions.blur import magnified, smeared
from cifar_core.evaluation.corruptions.kind import Pixels, corruption

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue: ITU-R BT.601


@corruption(
    (0.1, 0.2, 1.0, 0.6, 8, 3.0, 0.95),
    (0.1, 0.2, 1.0, 0.5, 10, 4.0, 0.9),
    (0.15, 0.3, 1.75, 0.55, 10, 4.0, 0.9),
    (0.25, 0.3, 2.25, 0.6, 12, 6.0, 0.85),
    (0.3, 0.3, 1.25, 0.65, 14, 12.0, 0.8),
)
def snow(images: Images, snowfall: tuple[float, ...], rng: Generator) -> Pixels:
    """Whiten the ground, and let flakes fall: the peaks of noise, magnified and smeared downwards or upwards.

    Each picture gets its flakes twice, the second time turned by half.
    """
    mean, deviation, size, least, reach, length, clear = snowfall
    drawn = rng.standard_normal((*images.shape[:3], 1), dtype=np.float32)
    flakes = magnified(mean + deviation * drawn, size)
    flakes = np.where(flakes < least, 0, np.clip(flakes, 0, 1))
    flakes = smeared(flakes, int(reach), length, rng.uniform(-135, -45, len(images)))
    pixels = images / np.float32(255)
    white = np.maximum(pixels, (pixels @ _LUMINANCE)[..., None] * 1.5 + 0.5)
    return 255 * (clear * pixels + (1 - clear) * white + flakes + flakes[:, ::-1, ::-1])


@corruption((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))
def frost(images: Images, mixture: tuple[float, float], rng: Generator) -> Pixels:
    """Lay ice over each picture: 20 to 45 % of the ice is added to 100 to 75 % of the picture.

    CIFAR-10-C has parts of photographs of ice. Here the code makes it, so results differ from theirs: fine
    grains in drifts on a blue-grey ground, as bright and as rough as those photographs are on average.
    """
    picture, ice = mixture
    return picture * images + ice * _ice(images.shape, rng)


@corruption((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75))
def fog(images: Images, air: tuple[float, float], rng: Generator) -> Pixels:
    """Add a cloud, and darken all so that the brightest stays as bright as it was."""
    density, decay = air
    side = images.shape[1]
    clouds = _clouds(len(images), 1 << (side - 1).bit_length(), decay, rng)[:, :side, :side, None]
    most = images.max(axis=(1, 2, 3), keepdims=True) / np.float32(255)
    foggy = (images + 255 * density * clouds) * (most / (most + density))
    return np.asarray(foggy)


@corruption(0.05, 0.1, 0.15, 0.2, 0.3)
def brightness(images: Images, amount: float, rng: Generator) -> Pixels:  # noqa: ARG001
    """Raise the value, of hue, saturation and value, by 5 to 30 % of the range; what was full stays full."""
    value = images.max(axis=-1, keepdims=True).astype(np.float32)
    raised = np.minimum(value + np.float32(255 * amount), 255)
    # Hue and saturation depend on the ratios of the channels only. Black has none and becomes grey.
    return np.asarray(np.where(value > 0, images * (raised / np.maximum(value, 1)), raised))


def _ice(shape: tuple[int, ...], rng: Generator) -> NDArray[np.float32]:
    """Draw ice [N, S, S, 3], 0 to 255."""
    count, each = shape[0], (shape[0], 1, 1, 1)
    grains = rng.standard_normal(shape[:3], dtype=np.float32)
    drifts = gaussian_filter(rng.standard_normal(shape[:3], dtype=np.float32), (0, 3, 3), mode="wrap")
    drifts /= drifts.std(axis=(1, 2), keepdims=True)
    rough = (0.6 * grains + 0.8 * drifts)[..., None]
    ground, roughness = rng.uniform(115, 215, each), rng.uniform(14, 35, each)
    blue = rng.uniform(0, 2, (count, 1, 1, 1)) * np.array([-18, 3, 15])
    return np.asarray(np.clip(ground + roughness * rough + blue, 0, 255), np.float32)


def _clouds(count: int, side: int, decay: float, rng: Generator) -> NDArray[np.float64]:
    """Draw clouds, float [N, side, side], 0 to 1, by the diamond-square algorithm; they can be tiled.

    `side` is a power of two. From step to step the random part shrinks to a share of 1 / `decay`².
    """
    maps, step, amount = np.zeros((count, side, side)), side, 1.0

    def between(corners: NDArray[np.float64]) -> NDArray[np.float64]:
        return corners / 4 + amount * rng.uniform(-1, 1, corners.shape)

    while step > 1:
        half = step // 2
        corners = maps[:, ::step, ::step]
        pairs = corners + np.roll(corners, -1, axis=1)
        maps[:, half::step, half::step] = between(pairs + np.roll(pairs, -1, axis=2))
        middles = maps[:, half::step, half::step]
        across = corners + np.roll(corners, -1, axis=2) + middles + np.roll(middles, 1, axis=1)
        along = corners + np.roll(corners, -1, axis=1) + middles + np.roll(middles, 1, axis=2)
        maps[:, ::step, half::step], maps[:, half::step, ::step] = between(across), between(along)
        step, amount = half, amount / decay**2
    maps -= maps.min(axis=(1, 2), keepdims=True)
    return np.asarray(maps / maps.max(axis=(1, 2), keepdims=True))
