"""Which test images to look at, and in which order.

`probabilities` and `labels` are as in `arrays`; an image is its row.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifar_core.annotations.image_notes import Notes
from cifar_core.arrays import FLOOR, Labels, Probabilities

Item = TypeVar("Item")

ANY = "any class"  # where a class may be chosen but need not
Sort = Literal["confidence", "human disagreement", "loss"]
SORTS: tuple[Sort, ...] = get_args(Sort)


def select(
    probabilities: Probabilities,
    labels: Labels,
    class_names: Sequence[str],
    true: str = ANY,
    predicted: str = ANY,
) -> NDArray[np.intp]:
    """Find the images of one cell, row or column of the confusion matrix, in their own order.

    Returns
    -------
    ndarray
        Their rows, intp [M]. With the names of two classes, those of `true` taken for `predicted`, which are
        the right answers where the two are the same; with one or none, only mistakes.
    """
    guesses, y = np.asarray(probabilities).argmax(axis=1), np.asarray(labels)
    wanted = np.ones(len(y), bool) if true == predicted != ANY else guesses != y
    if true != ANY:
        wanted &= y == class_names.index(true)
    if predicted != ANY:
        wanted &= guesses == class_names.index(predicted)
    return np.flatnonzero(wanted)


def describe(true: str, predicted: str, count: int = 2) -> str:
    """Say in words what `select` finds, to follow their count: "images of “cat” taken for “dog”"."""
    images = ("image" if count == 1 else "images") + ("" if true == ANY else f" of “{true}”")
    if true == predicted != ANY:
        return f"{images} recognised"
    return f"{images} taken for {'something else' if predicted == ANY else f'“{predicted}”'}"


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
        Calibrated probabilities, float [N, C], of one model or of several, whose mean then counts.
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


def in_pages(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Cut what there is to show into pages of `size`; the last may be shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def mistakes_table(
    answers: Probabilities, labels: Labels, class_names: Sequence[str], notes: Notes
) -> pd.DataFrame:
    """List every mistake of a model with what is known about the image, the surest first.

    Parameters
    ----------
    answers
        Its calibrated probabilities, float [N, C].
    labels, notes
        The true classes and what the public lists say; the columns of a list that is not here stay empty.

    Returns
    -------
    DataFrame
        One row a mistake: image (index in the test set), true, predicted (names), confidence (0 to 1),
        human_votes_for_label, human_votes (counts), label_rejected (whether no majority of five annotators
        confirmed it), training_duplicate (index in the training set, if one looks the same).
    """
    images = order(select(answers, labels, class_names), "confidence", [answers], labels, notes)
    names, of_label = np.array(class_names), np.asarray(labels)[images]
    table = pd.DataFrame({"image": images, "true": names[of_label]})
    table["predicted"] = names[answers[images].argmax(axis=1)]
    table["confidence"] = answers[images].max(axis=1)
    votes, rejected, duplicates = notes.votes, notes.rejected, notes.duplicates
    table["human_votes_for_label"] = None if votes is None else votes[images, of_label]
    table["human_votes"] = None if votes is None else votes[images].sum(axis=1)
    table["label_rejected"] = None if rejected is None else [int(image) in rejected for image in images]
    twins = [None if duplicates is None else duplicates.get(int(image), (None,))[0] for image in images]
    table["training_duplicate"] = pd.array(twins, dtype="Int64")
    return table
