"""How a model copes with worse pictures: fifteen kinds, each in five strengths, as CIFAR-10-C has them.

After Hendrycks and Dietterich 2019, "Benchmarking neural network robustness to common corruptions and
perturbations", with the names and the constants of their public code. What differs: values are rounded, not
rounded down; the noise is drawn by another generator; frost is ice that the code draws, because their
photographs of ice are not ours. `shift` is ours, and counts in no mean.

Each kind is a function of `images`, uint8 [N, S, S, 3] RGB, a `strength`, 0 (the pictures as they are) to 5,
and a `seed`, which fixes what is random: at every strength the same draws. What comes back is a new uint8
[N, S, S, 3], rounded and clipped to 0 to 255. Input of another kind raises ValueError. Lengths are in pixels,
meant for a side of 32.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifar_core import arrays
from cifar_core.arrays import Images
from cifar_core.evaluation import metrics
from cifar_core.evaluation.corruptions.blur import defocus_blur, glass_blur, motion_blur, zoom_blur
from cifar_core.evaluation.corruptions.digital import (
    contrast,
    elastic_transform,
    jpeg_compression,
    pixelate,
    shift,
)
from cifar_core.evaluation.corruptions.kind import STRENGTHS, Corruption
from cifar_core.evaluation.corruptions.noise import gaussian_noise, impulse_noise, shot_noise
from cifar_core.evaluation.corruptions.weather import brightness, fog, frost, snow
from cifar_core.inference.calibration import temperature_scale

__all__ = [
    "CORRUPTIONS",
    "FAMILIES",
    "OURS",
    "STRENGTHS",
    "Corruption",
    "Robustness",
    "brightness",
    "defocus_blur",
    "gaussian_noise",
    "robustness",
    "shift",
]

OURS = "shift"
FAMILIES: dict[str, dict[str, Corruption]] = {
    "noise": {"gaussian_noise": gaussian_noise, "shot_noise": shot_noise, "impulse_noise": impulse_noise},
    "blur": {
        "defocus_blur": defocus_blur,
        "glass_blur": glass_blur,
        "motion_blur": motion_blur,
        "zoom_blur": zoom_blur,
    },
    "weather": {"snow": snow, "frost": frost, "fog": fog, "brightness": brightness},
    "digital": {
        "contrast": contrast,
        "elastic_transform": elastic_transform,
        "pixelate": pixelate,
        "jpeg_compression": jpeg_compression,
    },
}
CORRUPTIONS: dict[str, Corruption] = {
    **{name: kind for kinds in FAMILIES.values() for name, kind in kinds.items()},
    OURS: shift,
}


class Robustness(NamedTuple):
    """How a model does on worse pictures.

    accuracies
        For each of `CORRUPTIONS` the accuracies, 0 to 1, at strengths 1 to 5.
    mean
        Their mean over the fifteen kinds of CIFAR-10-C and the five strengths.
    calibration_error
        The expected calibration error over all answers to pictures of these kinds, 0 to 1.
    """

    accuracies: dict[str, list[float]]
    mean: float
    calibration_error: float


def robustness(
    classify: Callable[[Images], NDArray[np.floating[Any]]],
    images: Images,
    labels: arrays.Labels,
    temperature: float,
    *,
    seed: int = 0,
    tell: Callable[[float], object] = lambda _: None,
) -> Robustness:
    """Measure a model on corrupted pictures.

    It classifies every image eighty times: a part of the test set, 1,000 images, is a good deal faster.

    Parameters
    ----------
    classify : callable
        Takes uint8 [N, S, S, 3] and returns probabilities, float [N, C]; `Classifier.probabilities` does.
    images : uint8 [N, S, S, 3]
        At least one.
    labels : int [N]
        Their true classes.
    temperature
        What calibrates the probabilities, fitted on pictures as they are.
    seed : int
        Fixes what is random.
    tell : callable
        Called with the share that is done, from 0 to 1.
    """
    accuracies: dict[str, list[float]] = {name: [] for name in CORRUPTIONS}
    confidences, right = [], []
    for done, (name, strength) in enumerate(itertools.product(CORRUPTIONS, STRENGTHS)):
        tell(done / (len(CORRUPTIONS) * len(STRENGTHS)))
        answers = classify(CORRUPTIONS[name](images, strength, seed))
        correct = metrics.correct(answers, labels)
        accuracies[name].append(float(correct.mean()))
        if name != OURS:
            confidences.append(temperature_scale(answers, temperature).max(axis=1))
            right.append(correct)
    error = metrics.confidence_error(np.concatenate(confidences), np.concatenate(right))
    return Robustness(accuracies, float(np.mean(right)), error)
