"""A model that may decline: how often it is right when it answers only where it is confident.

Sources: El-Yaniv and Wiener 2010, "On the foundations of noise-free selective classification" (the trade-off
between coverage and risk); Geifman and El-Yaniv 2017, "Selective classification for deep neural networks"
(the probability of the likeliest class as the confidence).
"""

import numpy as np
import pandas as pd

from cifar_core import arrays
from cifar_core.evaluation import metrics


def coverage_curve(
    probabilities: arrays.Probabilities, labels: arrays.Labels, points: int = 200
) -> pd.DataFrame:
    """Return accuracy against coverage for one confidence threshold after another.

    Parameters
    ----------
    probabilities : float [N, C]
        One row an image, each summing to 1, as in `metrics`.
    labels : int [N]
        The true classes, 0 to 9.
    points : int
        The most rows to return, at least 2; where there are more thresholds they are thinned evenly along
        the coverage.

    Returns
    -------
    DataFrame
        From the fewest answers to all of them: coverage (share of the images whose confidence is at least the
        threshold, above 0, at most 1), accuracy (among those images, 0 to 1) and threshold (a confidence
        that an image has, 0 to 1). Equally confident images are answered together, so the first coverage
        may be large.

    Raises
    ------
    ValueError
        Input of another shape or range, or fewer than two points.
    """
    correct = metrics.correct(probabilities, labels)
    if points < 2:
        raise ValueError(f"A curve needs at least two points, not {points}.")
    confidence = np.asarray(probabilities, dtype=np.float64).max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    confidence, right = confidence[order], np.cumsum(correct[order])
    # The last image of each run of equal confidences, and so the number of answers at that threshold.
    ends = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))
    kept = ends[np.unique(np.searchsorted(ends, np.linspace(ends[0], ends[-1], points)))]
    answered = kept + 1
    return pd.DataFrame(
        {
            "coverage": answered / len(confidence),
            "accuracy": right[kept] / answered,
            "threshold": confidence[kept],
        }
    )
