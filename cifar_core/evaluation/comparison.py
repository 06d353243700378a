"""Models side by side: on which images they differ, and whether that is chance.

Throughout, `right` is bool [N]: whether a model is right about each image; two of them are about the same
images in the same order. Rates are fractions.

Sources: McNemar 1947 (`metrics.mcnemar`); Agresti and Min 2005, "Simple improved confidence
intervals for comparing matched proportions"; Wilson 1927 (`metrics.wilson_interval`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifar_core.arrays import Labels, Mask, Probabilities
from cifar_core.evaluation import metrics
from cifar_core.evaluation.metrics import Interval

Quadrant = Literal["both", "first", "second", "neither"]  # who is right about an image

QUADRANTS: tuple[Quadrant, ...] = get_args(Quadrant)
COMMON_LEVEL = 0.05  # below it a difference is usually not put down to chance


class Duel(NamedTuple):
    """Two models on the same images.

    quadrants
        The images, ascending int [M], about which both, only the first, only the second and neither is right.
    difference
        Accuracy of the first less that of the second; `interval` is its 95 % interval (Agresti and Min).
    p_value
        How likely so uneven a split is, or a more uneven one, between models that are equally good (McNemar).
    """

    quadrants: dict[Quadrant, NDArray[np.intp]]
    difference: float
    interval: Interval
    p_value: float


def duel(first: Mask, second: Mask) -> Duel:
    """Compare two models on the same images; ValueError unless both are bool [N] of one N, at least 1."""
    only_first, only_second, p_value = metrics.mcnemar(first, second)
    quadrants: dict[Quadrant, NDArray[np.intp]] = {
        "both": np.flatnonzero(first & second),
        "first": np.flatnonzero(first & ~second),
        "second": np.flatnonzero(second & ~first),
        "neither": np.flatnonzero(~first & ~second),
    }
    difference = (only_first - only_second) / len(first)
    return Duel(quadrants, difference, _difference_interval(only_first, only_second, len(first)), p_value)


def chance(p_value: float) -> str:
    """Say a probability, 0 to 1, as people do: "about 12 times in 100", "about once in 4,000 times"."""
    if not 0 <= p_value <= 1:
        raise ValueError(f"A probability is between 0 and 1, not {p_value}.")
    if p_value < 1e-6:
        return "less than once in a million times"
    if p_value < 0.015:
        once_in = 1 / p_value
        digit = 10 ** math.floor(math.log10(once_in))
        return f"about once in {round(once_in / digit) * digit:,} times"
    if p_value > 0.995:
        return "practically every time"
    return f"about {round(p_value * 100)} times in 100"


def f1_by_class(
    predictions: Mapping[str, Probabilities], labels: Labels, class_names: Sequence[str]
) -> pd.DataFrame:
    """Return the F1 of each model, 0 to 1, float64, one column a model, one row a class, the hardest first.

    `predictions` holds the probabilities of each model, by name, as `metrics` wants them.
    """
    columns = {
        name: metrics.per_class(probabilities, labels, class_names).set_index("class")["f1"]
        for name, probabilities in predictions.items()
    }
    table = pd.DataFrame(columns)
    return table.loc[table.mean(axis=1).sort_values(kind="stable").index]


def on_test_sets(right: Mapping[str, Mask], sets: Mapping[str, Mask]) -> pd.DataFrame:
    """Measure each model on parts of the test set.

    Parameters
    ----------
    right
        By model.
    sets
        By name, the images of a part, bool [N], at least one.

    Returns
    -------
    DataFrame
        One row a part and model, in the given order: test_set, images, model, accuracy, low, high (Wilson's
        95 % interval).
    """
    rows: list[dict[str, Any]] = []
    for test_set, mask in sets.items():
        for model, answers in right.items():
            correct, images = int((answers & mask).sum()), int(mask.sum())
            interval = metrics.wilson_interval(correct, images)
            row = {"test_set": test_set, "images": images, "model": model, "accuracy": correct / images}
            rows.append({**row, "low": interval.low, "high": interval.high})
    return pd.DataFrame(rows)


def _difference_interval(only_first: int, only_second: int, images: int) -> Interval:
    """Return the 95 % interval of the difference of two accuracies on the same images.

    Wald's interval after half an image was added to each of the four quadrants, so that models which never
    differ do not get an interval of no width (Agresti and Min 2005).
    """
    n, b, c = images + 2, only_first + 0.5, only_second + 0.5
    middle = (b - c) / n
    half = metrics.Z_95 * math.sqrt(b + c - (b - c) ** 2 / n) / n
    return Interval(max(middle - half, -1.0), min(middle + half, 1.0))
