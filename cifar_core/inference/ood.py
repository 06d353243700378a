"""“None of these”: whether a picture shows none of the classes that a model was trained on.

Two things speak against a picture. Its pixels: static, letters and screens look like no photograph
(`pixel_statistics`). And the model's answer: how strongly its classes answer, the energy of Liu, Wang, Owens
and Li 2020, "Energy-based out-of-distribution detection", times how nearly the features point where those of
a class do. (So do Park, Jung and Teoh 2023, "Nearest neighbor guidance for out-of-distribution detection",
with thousands of training images where here the mean of each class is enough.)

Each is measured in steps from a usual validation image to one of the least usual, and the larger one is
the score. A picture above the `threshold` counts as none of the classes. For photographs of other things
the answer decides, for what is no photograph the pixels do: by its answer alone, `fast` let 99 % of static
pass.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from cifar_core.arrays import Images
from cifar_core.inference import pixel_statistics
from cifar_core.inference.pixel_statistics import Usual

Floats = NDArray[np.floating[Any]]

KEPT = 0.95  # the share of a dataset's own pictures that are let through
# The shares of validation images whose answers, and whose pixels, count as less than one step. Together they
# doubt 5 %. A stricter limit for pixels finds more static and screens, and fewer other animals.
KEPT_BY_ANSWER, KEPT_BY_PIXELS = 0.965, 0.985


class Known(NamedTuple):
    """What `score` has to know of a model, as `predictions.npz` holds it.

    Attributes
    ----------
    class_directions : float32 [C, D]
        Where the features of each class point.
    answer_steps : float64 [2]
        The answer score of a usual image, and of one that is a step away.
    usual_mean, usual_precision : float64 [6], float64 [6, 6]
        What pixels are usually like (`pixel_statistics.Usual`).
    pixel_step : float64 [1]
        The distance of pixels that counts as a step.
    """

    class_directions: NDArray[np.float32]
    answer_steps: NDArray[np.float64]
    usual_mean: NDArray[np.float64]
    usual_precision: NDArray[np.float64]
    pixel_step: NDArray[np.float64]

    @property
    def usual(self) -> Usual:
        """What pixels are usually like."""
        return Usual(self.usual_mean, self.usual_precision)

    @property
    def features(self) -> int:
        """How many features the model has: D."""
        return int(self.class_directions.shape[1])


class Together(NamedTuple):
    """What `score` has to know of several models that answer as one: of each what is usual, its threshold."""

    members: Sequence[tuple[Known, float]]

    @property
    def features(self) -> int:
        """How many features the models have, all together."""
        return sum(known.features for known, _ in self.members)


def learn(
    directions: NDArray[np.float32], answer_scores: Floats, validation: Images, training: Images
) -> Known:
    """Learn what is usual.

    Parameters
    ----------
    directions : float32 [C, D]
        `class_directions`.
    answer_scores : float [V]
        `answer_score` of the validation images.
    validation, training : uint8 [V, S, S, 3], uint8 [N, S, S, 3]
        The images: pixels are learned from the training images, their limit from the validation images.
    """
    usual = pixel_statistics.fit(training)
    steps = np.quantile(np.asarray(answer_scores, np.float64), [0.5, KEPT_BY_ANSWER])
    limit = np.quantile(pixel_statistics.distance(validation, usual), KEPT_BY_PIXELS)
    return Known(directions, steps, usual.mean, usual.precision, np.array([limit]))


def class_directions(features: Floats, labels: NDArray[np.integer[Any]], classes: int) -> NDArray[np.float32]:
    """Find where the features of each class point.

    Fit it on the validation images, 2,000 are plenty.

    Parameters
    ----------
    features : float [N, D]
        Of images of all classes.
    labels : int [N]
        The numbers of their true classes.
    classes : int
        How many there are.

    Returns
    -------
    ndarray
        float32 [C, D], the mean of each class, of length 1.

    Raises
    ------
    ValueError
        A class has no images.
    """
    counts = np.bincount(labels, minlength=classes)
    if len(features) != len(labels) or len(counts) != classes or not counts.all():
        raise ValueError("Expected features and labels of as many images, and images of each class.")
    means = [features[labels == index].mean(axis=0, dtype=np.float64) for index in range(classes)]
    return _unit(np.stack(means)).astype(np.float32)


def answer_score(logits: Floats, features: Floats, directions: Floats) -> NDArray[np.float64]:
    """Score a model's answers by minus the energy times the cosine to the nearest class.

    Parameters
    ----------
    logits, features : float [N, C], float [N, D]
        What the model says of each picture: what comes before the softmax, and what its last layer sees.
    directions : float [C, D]
        `class_directions`.

    Returns
    -------
    ndarray
        float64 [N], the higher, the more likely it is none of the classes.
    """
    raw = np.asarray(logits, np.float64)
    # Without their mean, which a softmax ignores, the energy is at least log C, and a product makes sense.
    energy = logsumexp(raw - raw.mean(axis=1, keepdims=True), axis=1)
    nearest = (_unit(features) @ directions.T).max(axis=1)
    return np.asarray(-energy * nearest)


def score(logits: Floats, features: Floats, images: Images, known: Known | Together) -> NDArray[np.float64]:
    """Score pictures, float64 [N]: the higher, the more likely each is none of the classes.

    The score of several models is the mean of how far each one's lies above its own threshold.

    Parameters
    ----------
    logits, features, images : float [N, C], float [N, D], uint8 [N, S, S, 3]
        The pictures, and what the model says of each; what several say side by side, in the order of `known`.
    known
        What is usual for the model, or the models.
    """
    if isinstance(known, Together):
        ends = np.cumsum([each.features for each, _ in known.members])[:-1]
        said = zip(
            np.split(logits, len(known.members), axis=1), np.split(features, ends, axis=1), strict=True
        )
        pairs = zip(said, known.members, strict=True)
        above = [score(*theirs, images, each) - bar for theirs, (each, bar) in pairs]
        return np.asarray(np.mean(above, axis=0))
    usual, limit = known.answer_steps
    answer = (answer_score(logits, features, known.class_directions) - usual) / max(limit - usual, 1e-9)
    pixels = pixel_statistics.distance(images, known.usual) / max(float(known.pixel_step[0]), 1e-9)
    return np.asarray(np.maximum(answer, pixels))


def threshold(validation_scores: Floats) -> float:
    """Return the score that 95 % of the validation images do not exceed."""
    return float(np.quantile(np.asarray(validation_scores, np.float64), KEPT))


def _unit(vectors: Floats) -> Floats:
    v = np.asarray(vectors, np.float64)  # whose squares float32 may not hold
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12))
