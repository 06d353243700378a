"""What a model says about pictures, calibrated: for the Classify page and the command line alike."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import ood
from cifar_core.inference.calibration import temperature_scale
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import Views
from cifar_core.runs.model_dir import ModelDirectory


class Calibration(NamedTuple):
    """What turns a model's outputs into answers that can be believed.

    The temperature of its probabilities (positive), and for “none of the ten” the direction of each class,
    float32 [10, D], and the score above which a picture is none of them (`cifar_core.inference.ood`).
    """

    temperature: float
    directions: npt.NDArray[np.float32]
    threshold: float


class Answer(NamedTuple):
    """What a model says about one picture: the likeliest class, all probabilities [10], and a doubt.

    The doubt is None where the one who answers does not say.
    """

    class_name: str
    confidence: float
    probabilities: npt.NDArray[np.float64]
    none_of_the_ten: bool | None

    @classmethod
    def of(cls, probabilities: npt.NDArray[np.float64], none_of_the_ten: bool | None) -> "Answer":
        """Return the answer that calibrated probabilities, float64 [10], come to."""
        likeliest = int(probabilities.argmax())
        confidence = float(probabilities[likeliest])
        return cls(CLASS_NAMES[likeliest], confidence, probabilities, none_of_the_ten)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON-ready values, the probabilities by class."""
        return {
            "class": self.class_name,
            "confidence": self.confidence,
            "probabilities": dict(zip(CLASS_NAMES, self.probabilities.tolist(), strict=True)),
            "none_of_the_ten": self.none_of_the_ten,
        }


def calibration_of(directory: ModelDirectory, views: Views = 1) -> Calibration:
    """Return what calibrates a model's answers after so many views.

    Averaged answers are right more often than they claim and need a temperature of their own, a lower one.
    The card has it for six views, and it suits two better than the plain one does.

    Raises
    ------
    ModelDirectoryError
        If card or predictions are missing, damaged, or of a version that did not have all of it.
    """
    try:
        card = directory.card()
        temperature = float((card if views == 1 else card["test_time_augmentation"])["temperature"])
        threshold, directions = float(card["novelty_threshold"]), directory.predictions()["class_directions"]
        if 0 < temperature < math.inf and math.isfinite(threshold):
            return Calibration(temperature, directions, threshold)
    except (ModelDirectoryError, KeyError, TypeError, ValueError):
        pass
    raise ModelDirectoryError(
        f"The results of “{directory.name}” are missing or damaged; "
        f"`python -m cifar_core evaluate {directory.name}` recomputes them."
    )


def classify(
    classifier: Classifier, calibration: Calibration, images: npt.NDArray[np.uint8], views: Views = 1
) -> list[Answer]:
    """Classify images.

    Parameters
    ----------
    classifier
        The model.
    calibration
        What calibrates it after so many views: `calibration_of`.
    images
        uint8 [N, 32, 32, 3] RGB, as `cifar_core.images` makes them.
    views
        How many views of each to look at, `tta`; whether it is none of the ten is decided at
        the first.

    Returns
    -------
    list of Answer
        One an image, in their order.
    """
    if not len(images):
        return []
    plain = classifier.outputs(images)
    raw = plain.probabilities if views == 1 else classifier.probabilities(images, views)
    scores = ood.familiarity(plain.logits, plain.features, calibration.directions)
    return [
        Answer.of(row, bool(strange))
        for row, strange in zip(
            temperature_scale(raw, calibration.temperature), scores > calibration.threshold, strict=True
        )
    ]
