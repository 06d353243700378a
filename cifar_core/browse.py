"""Which test images to look at, and in which order.

`probabilities` is float [10000, 10] or [N, 10], `labels` int [N], the true classes 0 to 9, as in
`cifar_core.metrics`; an image is its row.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cifar_core.image_notes import Notes
from cifar_core.metrics import FLOOR, Labels, Probabilities

Sort = Literal["confidence", "human disagreement", "loss"]
SORTS: tuple[Sort, ...] = get_args(Sort)


def select(
    probabilities: Probabilities, labels: Labels, true: int | None = None, predicted: int | None = None
) -> NDArray[np.intp]:
    """Find the images of one cell, row or column of the confusion matrix, in their own order.

    Returns
    -------
    ndarray
        Their rows, intp [M]. With both classes, those of `true` taken for `predicted`, which are the right
        answers where the two are the same class; with one or none, the mistakes among the rest.
    """
    guesses, y = np.asarray(probabilities).argmax(axis=1), np.asarray(labels)
    wanted = np.ones(len(y), bool) if true is not None and true == predicted else guesses != y
    if true is not None:
        wanted &= y == true
    if predicted is not None:
        wanted &= guesses == predicted
    return np.flatnonzero(wanted)


def order(
    images: NDArray[np.integer[Any]],
    sort: Sort,
    answers: Sequence[Probabilities],
    labels: Labels,
    notes: Notes,
) -> NDArray[np.integer[Any]]:
    """Sort images: the surest answers first, or what people disagree on most, or the greatest loss.

    Parameters
    ----------
    images : int [M]
        Rows of `labels`; among equals they keep the order of confidence, then their own.
    sort
        Human disagreement is the entropy of the votes; without them it is as `confidence`.
    answers
        Calibrated probabilities, float [N, 10], of one model or of several, whose mean then counts.
    notes
        Where the votes stand.
    """
    surest = np.mean([p[images].max(axis=1) for p in answers], axis=0)
    images = images[np.argsort(-surest, kind="stable")]
    if sort == "human disagreement" and notes.entropy is not None:
        return images[np.argsort(-notes.entropy[images], kind="stable")]
    if sort == "loss":
        of_label = [np.maximum(p[images, np.asarray(labels)[images]], FLOOR) for p in answers]
        return images[np.argsort(np.mean(np.log(of_label), axis=0), kind="stable")]
    return images
