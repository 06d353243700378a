"""Every number the project reports about a model, computed from its predictions alone.

`probabilities` and `labels` are as in `arrays`; input of another shape or range, or none at all, raises
ValueError. Rates are fractions, losses are in nats.

Sources: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; McNemar 1947,
"Note on the sampling error of the difference between correlated proportions"; Naeini, Cooper and Hauskrecht
2015, "Obtaining well calibrated probabilities using Bayesian binning"; Guo, Pleiss, Sun and Weinberger 2017,
"On calibration of modern neural networks".
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri

from cifar_core.arrays import Labels, Mask, Probabilities, checked, log
from cifar_core.inference.calibration import temperature_scale

Summary = dict[str, float | list[float]]

Z_95 = float(ndtri(0.975))  # standard deviations to either side of the middle that hold 95 % of a normal one
BETTER_ODDS = 1.25  # than a guess has, of a model that has learned something


class Interval(NamedTuple):
    """A confidence interval, both ends included."""

    low: float
    high: float


def wilson_interval(correct: int, total: int) -> Interval:
    """Return the 95 % score interval, within [0, 1], of `correct` out of `total` images (Wilson 1927)."""
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"{correct} correct out of {total} is not a proportion.")
    # Written out, because scipy.stats would cost the app 50 MB; the tests compare with it.
    p, n, z = int(correct) / int(total), int(total), Z_95
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return Interval(middle - half if correct else 0.0, middle + half if correct < total else 1.0)


def correct(probabilities: Probabilities, labels: Labels) -> NDArray[np.bool_]:
    """Return whether the likeliest class of each image is the true one, bool [N]."""
    p, y = checked(probabilities, labels)
    return np.asarray(p.argmax(axis=1) == y)


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Return the fraction of images, 0 to 1, whose likeliest class is the true one."""
    return float(correct(probabilities, labels).mean())


def cross_entropy(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean of -log p(true class), in nats, 0 to 17.3 (`FLOOR` stands in for a stored zero)."""
    p, y = checked(probabilities, labels)
    return float(-log(p)[np.arange(len(y)), y].mean())


def macro_f1(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean over all classes of their F1, 0 to 1; a class never met nor predicted counts 0."""
    return float(_f1(confusion(probabilities, labels)).mean())


def only_guesses(macro_f1: float, classes: int) -> bool:
    """Return whether answers are about as good as those of somebody who does not look at the pictures.

    Who names class c for a share q of the pictures, whatever they show, has on average an F1 of
    2 p q / (p + q) in it, p being the share of the pictures that are of it. That is at most (p + q) / 2, and
    those sum to 1: no way of guessing has a macro F1 above 1 / classes, however uneven the classes are, and
    to name always the same one has far less. An accuracy says no such thing: always to name the more frequent
    of two classes can be right in 90 % of cases. A model has learned something if its odds are better than
    those by a quarter or more: with ten classes from 12.2 % on, with two from 55.6 %. A guess is so lucky in
    6 % of cases at most with a hundred pictures of each class, and never with three hundred.
    """
    return macro_f1 < BETTER_ODDS / (classes - 1 + BETTER_ODDS)


def confusion(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """Return the confusion matrix, int64 counts [C, C], rows true and columns predicted."""
    p, y = checked(probabilities, labels)
    # Counted here, because scikit-learn would cost the app 60 MB; the tests compare with it.
    classes = p.shape[1]
    return np.bincount(y * classes + p.argmax(axis=1), minlength=classes**2).reshape(classes, classes)


def per_class(probabilities: Probabilities, labels: Labels, class_names: Sequence[str]) -> pd.DataFrame:
    """Return one row a class: class (name), precision, recall, f1 (0 to 1, 0 if undefined), support."""
    matrix = confusion(probabilities, labels)
    right, support, guessed = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    scores = {
        "precision": _ratio(right, guessed),
        "recall": _ratio(right, support),
        "f1": _f1(matrix),
        "support": support,
    }
    return pd.DataFrame({"class": class_names, **scores})


def most_confused(confusion_counts: NDArray[Any], class_names: Sequence[str]) -> pd.DataFrame:
    """List the pairs of classes that are mixed up, most frequent first.

    From the int counts [C, C] of `confusion`: true, predicted (names), count (at least 1) and rate (share
    of the true class, above 0, at most 1). Ties keep the order of the matrix.
    """
    counts = np.asarray(confusion_counts)
    classes = len(class_names)
    if counts.shape != (classes, classes) or not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(
            f"Expected whole counts [{classes}, {classes}], got {counts.dtype} {list(counts.shape)}."
        )
    true, predicted = np.nonzero(counts * ~np.eye(classes, dtype=bool))
    count, names = counts[true, predicted], np.array(class_names)
    pairs = pd.DataFrame({"true": names[true], "predicted": names[predicted], "count": count})
    pairs["rate"] = count / counts.sum(axis=1)[true]
    return pairs.sort_values("count", ascending=False, kind="stable", ignore_index=True)


def reliability(probabilities: Probabilities, labels: Labels, bins: int = 15) -> pd.DataFrame:
    """Sort the images by the confidence in their likeliest class and say how often each group is right.

    The groups are `bins` intervals of equal width between 0 and 1, upper end included (Guo 2017): low,
    high (ends), confidence, accuracy (means within), all 0 to 1, and count (images). Empty ones are left out.
    """
    p, y = checked(probabilities, labels)
    return _reliability(p.max(axis=1), correct(p, y), bins)


def calibration_error(probabilities: Probabilities, labels: Labels, bins: int = 15) -> float:
    """Return the expected calibration error of the likeliest class, 0 to 1 (Naeini 2015, Guo 2017).

    The gap between confidence and accuracy in each bin of `reliability`, averaged over the images.
    """
    p, y = checked(probabilities, labels)
    return confidence_error(p.max(axis=1), correct(p, y), bins)


def confidence_error(confidence: NDArray[np.float64], right: Mask, bins: int = 15) -> float:
    """Return the `calibration_error` of answers, [N], of which it is known how sure and whether right."""
    table = _reliability(confidence, right, bins)
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["count"]))


def mcnemar(correct_a: NDArray[np.bool_], correct_b: NDArray[np.bool_]) -> tuple[int, int, float]:
    """Compare two models on the same images by those that only one gets right (McNemar 1947, exact binomial).

    Parameters
    ----------
    correct_a, correct_b : bool [N]
        Whether each model is right about each image.

    Returns
    -------
    tuple of int, int, float
        Images only a gets right, images only b gets right, and the two-sided p value, 0 to 1, of a difference
        at least this large between models that are equally good; 1 where they never differ.
    """
    a, b = np.asarray(correct_a), np.asarray(correct_b)
    if a.shape != b.shape or a.ndim != 1 or not a.size or a.dtype != bool or b.dtype != bool:
        got = f"{a.dtype} {list(a.shape)} and {b.dtype} {list(b.shape)}"
        raise ValueError(f"Expected two boolean arrays of one length, got {got}.")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    # Both tails of a fair coin are alike: one of them twice, but not its middle.
    p_value = min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))
    return only_a, only_b, p_value


def summary(probabilities: Probabilities, labels: Labels, temperature: float) -> Summary:
    """Return the results as `card.json` names them; `loss` is that of the uncalibrated probabilities."""
    p, y = checked(probabilities, labels)
    return {
        "accuracy": accuracy(p, y),
        "accuracy_interval": list(wilson_interval(int(correct(p, y).sum()), len(y))),
        "loss": cross_entropy(p, y),
        "macro_f1": macro_f1(p, y),
        "calibration_error_before": calibration_error(p, y),
        "calibration_error": calibration_error(temperature_scale(p, temperature), y),
        "temperature": float(temperature),
    }


def _reliability(confidence: NDArray[np.float64], right: Mask, bins: int) -> pd.DataFrame:
    if bins < 1:
        raise ValueError(f"At least one bin is needed, not {bins}.")
    edges = np.linspace(0, 1, bins + 1)
    images = pd.DataFrame({"confidence": confidence, "accuracy": right})
    groups = images.groupby(np.digitize(images["confidence"], edges[1:-1], right=True))
    table = groups.mean().assign(count=groups.size())
    table.insert(0, "low", edges[table.index])
    table.insert(1, "high", edges[table.index + 1])
    return table.reset_index(drop=True)


def _f1(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    return _ratio(2 * matrix.diagonal(), matrix.sum(axis=0) + matrix.sum(axis=1))


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide; nothing out of nothing is 0."""
    ratio = np.zeros(np.broadcast(part, whole).shape)
    np.divide(part, whole, out=ratio, where=whole != 0)
    return ratio
