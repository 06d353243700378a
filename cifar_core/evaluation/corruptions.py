"""How a model copes with worse pictures: six corruptions, each in five strengths, as CIFAR-10-C has them.

After Hendrycks and Dietterich 2019, "Benchmarking neural network robustness to common corruptions and
perturbations". Noise, blur, brightness, contrast and JPEG are as strong as CIFAR-10-C's `gaussian_noise`,
`gaussian_blur`, `brightness`, `contrast` and `jpeg_compression`; results may still differ from theirs by a
little, because they rounded values down and drew other noise. CIFAR-10-C has no shift.

Throughout, `images` is uint8 [N, S, S, 3] RGB, `strength` is 0 (the pictures as they are) to 5, and `seed`
fixes what is random, which is the same at every strength: a picture gets more of the same noise, and goes
further in the same direction. What comes back is a new uint8 [N, S, S, 3], rounded and clipped to 0 to 255.
Input of another kind raises ValueError.
"""

import io
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from cifar_core import arrays
from cifar_core.arrays import Images, check_images
from cifar_core.evaluation import metrics

STRENGTHS = (1, 2, 3, 4, 5)

# By strength, from 0. Those of noise and brightness are fractions of 255.
_NOISE = (0.0, 0.04, 0.06, 0.08, 0.09, 0.10)
_BLUR = (0.0, 0.4, 0.6, 0.7, 0.8, 1.0)
_BRIGHTNESS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
_CONTRAST = (1.0, 0.75, 0.5, 0.4, 0.3, 0.15)
_JPEG = (0, 80, 65, 58, 50, 40)
_SHIFT = (0, 1, 2, 4, 6, 8)


def noise(images: Images, strength: int, seed: int = 0) -> Images:
    """Add Gaussian noise to every channel of every pixel, standard deviation 4 to 10 % of the range."""
    _check(images, strength)
    drawn = np.random.default_rng(seed).standard_normal(images.shape, dtype=np.float32)
    return _pixels(images + np.float32(255 * _NOISE[strength]) * drawn)


def blur(images: Images, strength: int, seed: int = 0) -> Images:  # noqa: ARG001, it has nothing to draw
    """Blur with a Gaussian of standard deviation 0.4 to 1 pixel; beyond the border its pixels go on."""
    _check(images, strength)
    width = _BLUR[strength]
    return _pixels(gaussian_filter(images.astype(np.float32), (0, width, width, 0), mode="nearest"))


def brightness(images: Images, strength: int, seed: int = 0) -> Images:  # noqa: ARG001
    """Raise the value, of hue, saturation and value, by 5 to 30 % of the range; what was full stays full."""
    _check(images, strength)
    value = images.max(axis=-1, keepdims=True).astype(np.float32)
    raised = np.minimum(value + np.float32(255 * _BRIGHTNESS[strength]), 255)
    # Hue and saturation depend on the ratios of the channels only. Black has none and becomes grey.
    return _pixels(np.where(value > 0, images * (raised / np.maximum(value, 1)), raised))


def contrast(images: Images, strength: int, seed: int = 0) -> Images:  # noqa: ARG001
    """Shrink the distance of each pixel from its picture's mean colour to 75 to 15 %."""
    _check(images, strength)
    means = images.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    return _pixels(means + np.float32(_CONTRAST[strength]) * (images - means))


def jpeg(images: Images, strength: int, seed: int = 0) -> Images:  # noqa: ARG001
    """Save as JPEG of quality 80 to 40, colour at half the resolution as cameras do, and read it again."""
    _check(images, strength)
    if strength == 0:  # no quality is without loss
        return images.copy()
    result = np.empty(images.shape, np.uint8)
    for index, image in enumerate(images):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=_JPEG[strength])
        with Image.open(file) as picture:
            result[index] = np.asarray(picture)
    return result


def shift(images: Images, strength: int, seed: int = 0) -> Images:
    """Move each picture 1, 2, 4, 6 or 8 pixels up, down, left or right.

    What is uncovered shows the picture mirrored at its edge pixel, as in training (`augment`) and in `tta`.
    """
    _check(images, strength)
    margin = _SHIFT[strength]
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:3], axis=(1, 2))
    directions = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    moves = directions[np.random.default_rng(seed).integers(len(directions), size=len(images))]
    rows, columns = (margin + margin * moves).T
    return np.ascontiguousarray(windows[np.arange(len(images)), rows, columns].transpose(0, 2, 3, 1))


CORRUPTIONS: dict[str, Callable[[Images, int, int], Images]] = {
    "noise": noise,
    "blur": blur,
    "brightness": brightness,
    "contrast": contrast,
    "jpeg": jpeg,
    "shift": shift,
}


def robustness(
    classify: Callable[[Images], NDArray[np.floating[Any]]],
    images: Images,
    labels: arrays.Labels,
    *,
    seed: int = 0,
    tell: Callable[[float], object] = lambda _: None,
) -> dict[str, list[float]]:
    """Measure a model's accuracy on corrupted pictures, as `card.json` keeps it.

    It classifies every image thirty times: a part of the test set, 2,000 images, is a good deal faster.

    Parameters
    ----------
    classify : callable
        Takes uint8 [N, S, S, 3] and returns probabilities, float [N, C]; `Classifier.probabilities` does.
    images : uint8 [N, S, S, 3]
        At least one.
    labels : int [N]
        Their true classes, 0 to 9.
    seed : int
        Fixes the noise and the directions of the shifts.
    tell : callable
        Called with the share that is done, from 0 to 1.

    Returns
    -------
    dict
        For each of `CORRUPTIONS` the accuracies, 0 to 1, at strengths 1 to 5.
    """
    measured: dict[str, list[float]] = {name: [] for name in CORRUPTIONS}
    for done, (name, strength) in enumerate(itertools.product(CORRUPTIONS, STRENGTHS)):
        tell(done / (len(CORRUPTIONS) * len(STRENGTHS)))
        answers = classify(CORRUPTIONS[name](images, strength, seed))
        measured[name].append(metrics.accuracy(answers, labels))
    return measured


def _check(images: Images, strength: int) -> None:
    check_images(images, images.shape[1])
    if strength not in (0, *STRENGTHS):
        raise ValueError(f"The strength is 1 to 5, or 0 for none, not {strength}.")


def _pixels(values: NDArray[np.floating[Any]]) -> Images:
    """Round to whole numbers and clip: casting alone would round down and turn 256 into 0."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
