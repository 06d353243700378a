"""What a model says about pictures, calibrated: for the Classify page and the command line alike."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import ood
from cifar_core.inference.calibration import temperature_scale
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import TTA
from cifar_core.runs.model_dir import ModelDirectory


class Calibration(NamedTuple):
    """What turns a model's outputs into answers that can be believed.

    The temperature of its probabilities (positive), and for “none of these” the direction of each class,
    float32 [C, D], and the score above which a picture is none of them (`cifar_core.inference.ood`).
    """

    temperature: float
    directions: npt.NDArray[np.float32]
    ood_threshold: float


class Answer(NamedTuple):
    """What a model says about one picture: all probabilities float64 [C], by class, and a doubt.

    The doubt is None where the one who answers does not say.
    """

    class_names: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]
    none_of_these: bool | None

    @property
    def class_index(self) -> int:
        """The number of the likeliest class."""
        return int(self.probabilities.argmax())

    @property
    def class_name(self) -> str:
        """The likeliest class."""
        return self.class_names[self.class_index]

    @property
    def confidence(self) -> float:
        """The probability of the likeliest class."""
        return float(self.probabilities[self.class_index])

    def likeliest(self, count: int) -> list[tuple[str, float]]:
        """Return so many classes and their probabilities, the likeliest first."""
        ranked = (-self.probabilities).argsort(kind="stable")[:count]
        return [(self.class_names[index], float(self.probabilities[index])) for index in ranked]

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON-ready values, the probabilities by class."""
        return {
            "class": self.class_name,
            "confidence": self.confidence,
            "probabilities": dict(zip(self.class_names, self.probabilities.tolist(), strict=True)),
            "none_of_these": self.none_of_these,
        }


def calibration_of(directory: ModelDirectory, tta: TTA = 1) -> Calibration:
    """Return what calibrates a model's answers after so many views.

    Averaged answers are right more often than they claim and need a temperature of their own, a lower one.
    The card has it for six views, and it suits two better than the plain one does.

    Raises
    ------
    ModelDirectoryError
        If card or predictions are missing or damaged.
    """
    card, predictions = directory.card(), directory.predictions()
    temperature = (card if tta == 1 else card["test_time_augmentation"])["temperature"]
    return Calibration(temperature, predictions["class_directions"], card["ood_threshold"])


def classify(
    classifier: Classifier, calibration: Calibration, images: npt.NDArray[np.uint8], tta: TTA = 1
) -> list[Answer]:
    """Classify images.

    Parameters
    ----------
    classifier
        The model.
    calibration
        What calibrates it after so many views: `calibration_of`.
    images
        uint8 [N, S, S, 3] RGB, as `cifar_core.images` makes them.
    tta
        How many views of each to look at; whether it is none of the classes is decided at the first.

    Returns
    -------
    list of Answer
        One an image, in their order.

    Raises
    ------
    ModelDirectoryError
        If the model does not answer as one should, or what calibrates it is another model's.
    """
    if not len(images):
        return []
    plain = classifier.outputs(images)
    if plain.features.shape[1] != calibration.directions.shape[1]:
        raise ModelDirectoryError(
            "The results beside a model are those of another; `python -m cifar_core evaluate` with its name "
            "recomputes them."
        )
    raw = plain.probabilities if tta == 1 else classifier.probabilities(images, tta)
    probabilities = temperature_scale(raw, calibration.temperature)
    outside = ood.ood_score(plain.logits, plain.features, calibration.directions) > calibration.ood_threshold
    names = classifier.facts.class_names
    return [Answer(names, row, bool(doubt)) for row, doubt in zip(probabilities, outside, strict=True)]
