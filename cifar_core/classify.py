"""What a model says about pictures, calibrated: for the Classify page and the command line alike."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cifar_core.dataset import CLASS_NAMES
from cifar_core.errors import ModelDirectoryError
from cifar_core.metrics import temperature_scale
from cifar_core.model_dir import ModelDirectory
from cifar_core.runtime import Classifier
from cifar_core.views import Views


class Answer(NamedTuple):
    """The likeliest class, its calibrated probability, and all ten, float64 [10], summing to 1."""

    class_name: str
    confidence: float
    probabilities: npt.NDArray[np.float64]


def temperature_of(directory: ModelDirectory, views: Views = 1) -> float:
    """Return what calibrates a model's answers after so many views.

    Averaged answers are right more often than they claim and need a temperature of their own, a lower one.
    The card has it for six views, and it suits two better than the plain one does; a card written before
    there were views has the plain one only.

    Raises
    ------
    ModelDirectoryError
        If the card is missing or damaged.
    """
    try:
        card = directory.card()
        found = float((card if views == 1 else card.get("test_time_augmentation", card))["temperature"])
        if 0 < found < math.inf:
            return found
    except (ModelDirectoryError, KeyError, TypeError, ValueError):
        pass
    raise ModelDirectoryError(
        f"The results of “{directory.name}” are missing or damaged; "
        f"`python -m cifar_core evaluate {directory.name}` recomputes them."
    )


def classify(
    classifier: Classifier, temperature: float, images: npt.NDArray[np.uint8], views: Views = 1
) -> list[Answer]:
    """Classify images.

    Parameters
    ----------
    classifier
        The model.
    temperature
        What calibrates it after so many views: `temperature_of`.
    images
        uint8 [N, 32, 32, 3] RGB, as `cifar_core.images` makes them.
    views
        How many views of each to look at, `cifar_core.views`.

    Returns
    -------
    list of Answer
        One an image, in the same order.
    """
    if not len(images):
        return []
    calibrated = temperature_scale(classifier.probabilities(images, views), temperature)
    return [Answer(CLASS_NAMES[row.argmax()], float(row.max()), row) for row in calibrated]
