"""What software does to pictures: contrast, warping, large pixels, JPEG; and shifts, which are ours."""

import io

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from cifar_core.arrays import Images
from cifar_core.evaluation.corruptions.kind import Pixels, corruption


@corruption(0.75, 0.5, 0.4, 0.3, 0.15)
def contrast(images: Images, share: float, rng: Generator) -> Pixels:  # noqa: ARG001
    """Shrink the distance of each pixel from its picture's mean colour to 75 to 15 %."""
    means = images.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    return np.asarray(means + np.float32(share) * (images - means))


@corruption((0.0, 0.0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03))
def elastic_transform(images: Images, sheet: tuple[float, float, float], rng: Generator) -> Pixels:
    """Pull each picture at three of its points, then warp it like rubber.

    The points go up to 8 to 3 % of the side. From strength 2 on every pixel goes a way of its own besides,
    Gaussian noise in all directions: at first as good as none, then up to a pixel or two.
    """
    height, width, pull = (images.shape[1] * share for share in sheet)
    rows, columns = _pulled(images.shape, pull, rng)
    pulled = _sampled(images, rows, columns, "reflect")
    ways = rng.uniform(-1, 1, (2, *images.shape[:3]))
    if height:
        ways = height * gaussian_filter(ways, (0, 0, width, width), mode="reflect", truncate=3)
        rows, columns = np.indices(images.shape[1:3])[:, None] + ways
        pulled = _sampled(pulled, rows, columns, "symmetric")
    return pulled


@corruption(0.95, 0.9, 0.85, 0.75, 0.65)
def pixelate(images: Images, share: float, rng: Generator) -> Pixels:  # noqa: ARG001
    """Leave 95 to 65 % of the lines of pixels, each as wide as it must be; half a pixel rounds down."""
    side = images.shape[1]
    few = max(int(side * share), 1)
    box = Image.Resampling.BOX
    pictures = map(Image.fromarray, images)
    return np.stack([np.asarray(p.resize((few, few), box).resize((side, side), box)) for p in pictures])


@corruption(80, 65, 58, 50, 40)
def jpeg_compression(images: Images, quality: int, rng: Generator) -> Pixels:  # noqa: ARG001
    """Save as JPEG of quality 80 to 40, colour at half the resolution as cameras do, and read it again."""
    result = np.empty(images.shape, np.uint8)
    for index, image in enumerate(images):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        with Image.open(file) as picture:
            result[index] = np.asarray(picture)
    return result


@corruption(1, 2, 4, 6, 8)
def shift(images: Images, margin: int, rng: Generator) -> Pixels:
    """Move each picture 1, 2, 4, 6 or 8 pixels up, down, left or right.

    What is uncovered shows the picture mirrored at its edge pixel, as in training (`augment`) and in `tta`.
    """
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:3], axis=(1, 2))
    directions = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    moves = directions[rng.integers(len(directions), size=len(images))]
    rows, columns = (margin + margin * moves).T
    return np.asarray(windows[np.arange(len(images)), rows, columns].transpose(0, 2, 3, 1))


def _pulled(shape: tuple[int, ...], pull: float, rng: Generator) -> NDArray[np.float64]:
    """Return from where each pixel comes, rows and columns [2, N, S, S], when three points are pulled."""
    count, side = shape[:2]
    near, far = side // 2 - side // 3, side // 2 + side // 3
    points = np.array([(far, far), (near, far), (near, near)], float)  # row and column
    moved = points + rng.uniform(-pull, pull, (count, 3, 2))
    # The one affine map that takes the moved points back: [N, row column 1, row column].
    back = np.linalg.solve(np.concatenate([moved, np.ones((count, 3, 1))], axis=2), points)
    places = np.concatenate([np.indices((side, side)), np.ones((1, side, side))])
    return np.asarray(np.einsum("nkd,kij->dnij", back, places))


def _sampled(images: Pixels, rows: NDArray[np.float64], columns: NDArray[np.float64], mode: str) -> Pixels:
    """Take pixels from between those of the pictures [N, S, S, 3], bilinearly, at places [N, S, S].

    `mode` says how a picture goes on beyond its border, as `numpy.pad` has it.
    """
    side = images.shape[1]
    inside = np.pad(np.arange(side), 2 * side, mode=mode)  # type: ignore[call-overload]
    pictures = np.arange(len(images))[:, None, None]
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    low, right = ((place - np.floor(place)).astype(np.float32)[..., None] for place in (rows, columns))
    pixels = images.astype(np.float32)

    def at(row: NDArray[np.intp], column: NDArray[np.intp]) -> Pixels:
        return np.asarray(pixels[pictures, inside[row + 2 * side], inside[column + 2 * side]])

    above = (1 - right) * at(top, left) + right * at(top, left + 1)
    below = (1 - right) * at(top + 1, left) + right * at(top + 1, left + 1)
    return np.asarray((1 - low) * above + low * below)
