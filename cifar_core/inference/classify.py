"""What a model says about pictures, calibrated: for the Classify page and the command line alike."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from cifar_core.arrays import Images, Probabilities, checked_probabilities, log
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import ood
from cifar_core.inference.calibration import temperature_scale
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import TTA
from cifar_core.runs.members import members
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Card

NDArrayOfFloats = npt.NDArray[np.float64]


class Calibration(NamedTuple):
    """What turns a model's outputs into answers that can be believed.

    The temperature of its probabilities (positive), and for “none of these” what is usual for the model, or
    for each member of an average, and the score above which a picture is none of its classes
    (`cifar_core.inference.ood`).
    """

    temperature: float
    known: ood.Known | ood.Together
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

    Raises
    ------
    ModelDirectoryError
        If card or predictions are missing or damaged; of an average, also those of a member.
    """
    card = directory.card()
    known = together(members(directory)) if directory.is_average else known_of(directory)
    return Calibration(temperature_of(card, tta), known, card["ood_threshold"])


def known_of(directory: ModelDirectory) -> ood.Known:
    """Return what is usual for a model that is no average."""
    predictions = directory.predictions()
    return ood.Known(**{name: predictions[name] for name in ood.Known._fields})


def together(models: Iterable[ModelDirectory]) -> ood.Together:
    """Return what is usual for models that are no averages, for each its own."""
    return ood.Together([(known_of(model), model.card()["ood_threshold"]) for model in models])


def temperature_of(card: Card, tta: TTA) -> float:
    """Return the temperature of a model's answers after so many views.

    Averaged answers are right more often than they claim and need a temperature of their own, a lower one.
    The card has it for six views, and it suits two better than the plain one does. What an average means
    over is calibrated for its views already, so it has but one.
    """
    return (card if tta == 1 else card.get("test_time_augmentation", card))["temperature"]


def classify(
    classifier: Classifier, calibration: Calibration, pictures: Iterable[Images], tta: TTA = 1
) -> list[Answer]:
    """Classify pictures.

    Parameters
    ----------
    classifier
        The model.
    calibration
        What calibrates it after so many views: `calibration_of`.
    pictures
        The looks at each, uint8 [K, S, S, 3] RGB with K at least 1, as `cifar_core.images.looks` makes them;
        the answer is about their mean.
    tta
        How many views of each look to take; whether it is none of the classes is decided at the first.

    Returns
    -------
    list of Answer
        One an image, in their order.

    Raises
    ------
    ModelDirectoryError
        If the model does not answer as one should, or what calibrates it is another model's.
    """
    looks = list(pictures)
    if not looks:
        return []
    images, known = np.concatenate(looks), calibration.known
    plain = classifier.outputs(images)
    if plain.features.shape[1] != known.features:
        raise ModelDirectoryError(
            "The results beside a model are those of another; `python -m cifar_core evaluate` with its name "
            "recomputes them."
        )
    counts = list(map(len, looks))
    answers = classifier.probabilities(images, tta, plain)
    probabilities = temperature_scale(mean_answers(answers, counts), calibration.temperature)
    scores = ood.score(plain.logits, plain.features, images, known)
    outside = _means(scores, counts) > calibration.ood_threshold
    names = classifier.facts.class_names
    return [Answer(names, row, bool(doubt)) for row, doubt in zip(probabilities, outside, strict=True)]


def mean_answers(probabilities: Probabilities, counts: Sequence[int]) -> NDArrayOfFloats:
    """Average the answers to several looks at each picture, as the mean of their logits would be.

    Parameters
    ----------
    probabilities : float [L, C]
        Of all looks, those at one picture behind each other.
    counts : of int [N]
        The looks at each picture, L in all.

    Returns
    -------
    ndarray
        float64 [N, C], rows sum to 1.
    """
    return np.asarray(softmax(_means(log(checked_probabilities(probabilities)), counts), axis=1))


def mean_of(answers: Sequence[Answer], counts: Sequence[int]) -> list[Answer]:
    """Average the answers of one model to several looks at each picture, as `mean_answers` does.

    A picture is none of the classes where most looks say so.
    """
    probabilities = mean_answers(np.stack([answer.probabilities for answer in answers]), counts)
    found, first = [], 0
    for row, count in zip(probabilities, counts, strict=True):
        doubts = [answer.none_of_these for answer in answers[first : first + count]]
        doubt = None if None in doubts else 2 * sum(map(bool, doubts)) > count
        found.append(Answer(answers[first].class_names, row, doubt))
        first += count
    return found


def _means(values: NDArrayOfFloats, counts: Sequence[int]) -> NDArrayOfFloats:
    """Average the rows that belong to one picture."""
    sums = np.add.reduceat(values, np.cumsum([0, *counts[:-1]]), axis=0)
    return np.asarray(sums / np.reshape(counts, (-1,) + (1,) * (values.ndim - 1)))
