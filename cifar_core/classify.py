"""What a model says about pictures, calibrated: for the Classify page and the command line alike."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cifar_core.dataset import CLASS_NAMES
from cifar_core.metrics import temperature_scale
from cifar_core.runtime import Classifier


class Answer(NamedTuple):
    """The likeliest class, its calibrated probability, and all ten, float64 [10], summing to 1."""

    class_name: str
    confidence: float
    probabilities: npt.NDArray[np.float64]


def classify(classifier: Classifier, temperature: float, images: npt.NDArray[np.uint8]) -> list[Answer]:
    """Classify images.

    Parameters
    ----------
    classifier
        The model.
    temperature
        What calibrates it: the `temperature` on its card.
    images
        uint8 [N, 32, 32, 3] RGB, as `cifar_core.images` makes them.

    Returns
    -------
    list of Answer
        One an image, in the same order.
    """
    if not len(images):
        return []
    calibrated = temperature_scale(classifier.probabilities(images), temperature)
    return [Answer(CLASS_NAMES[row.argmax()], float(row.max()), row) for row in calibrated]
