"""What is known about the test set beside its labels: human votes, rejected labels, near-duplicates.

Three public lists, each of which may not be on this machine: then its function returns None, and
`sources.download` fetches it. A DatasetError says so if a file is damaged. None of them is part of the
project (CIFAR-10H is CC BY-NC-SA 4.0, label-errors Apache 2.0; ciFAIR's list carries no licence of its own).

Throughout, an image is its index in the test set, 0 to 9,999; `votes` is int [N, 10], how often people chose
each class for an image, every image at least once; `labels` is int [N], the true classes 0 to 9. Input of
another shape or range raises ValueError. Rates are fractions, entropies are in nats.

Sources: Peterson, Battleday, Griffiths and Russakovsky 2019, "Human uncertainty makes classification more
robust" (CIFAR-10H); Northcutt, Athalye and Mueller 2021, "Pervasive label errors in test sets destabilize
machine learning benchmarks"; Barz and Denzler 2020, "Do we train on test data? Purging CIFAR of
near-duplicates" (ciFAIR).
"""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import entr

from cifar_core.annotations import sources
from cifar_core.arrays import Labels, Mask, checked_labels
from cifar_core.datasets.cifar10 import CLASS_NAMES, TEST_SIZE

Votes = NDArray[np.integer[Any]]

CLASSES = len(CLASS_NAMES)
MAJORITY = 3  # of the five annotators who saw each questioned label
DUPLICATE_KINDS = ("exact duplicate", "near-duplicate", "very similar")  # ciFAIR's Judgment 0, 1, 2


def human_votes() -> NDArray[np.int64] | None:
    """Return CIFAR-10H: how many of 47 to 63 people chose each class, int64 [10000, 10] (Peterson 2019)."""
    content = sources.read(sources.HUMAN_VOTES)
    if content is None:
        return None
    # The file is column by column; row by row, an image's votes lie together.
    votes: NDArray[np.int64] = np.ascontiguousarray(np.load(io.BytesIO(content), allow_pickle=False))
    return votes


def entropy(votes: Votes) -> NDArray[np.float64]:
    """Return how divided people are over each image, float64 [N]: 0 (unanimous) to ln 10 = 2.30 nats."""
    v = _checked_votes(votes)
    nats: NDArray[np.float64] = entr(v / v.sum(axis=1, keepdims=True)).sum(axis=1)
    return nats


def unanimous(votes: Votes) -> Mask:
    """Return which images got all their votes for one class, bool [N]; the class need not be the label."""
    v = _checked_votes(votes)
    everyone: Mask = v.max(axis=1) == v.sum(axis=1)
    return everyone


def human_accuracy(votes: Votes, labels: Labels) -> float:
    """Return the share of all votes that went to the label, 0 to 1: how often one person is right."""
    return float(human_confusion(votes, labels).trace() / np.sum(votes))


def human_confusion(votes: Votes, labels: Labels) -> NDArray[np.int64]:
    """Return people's confusion matrix, int64 votes [10, 10], rows true and columns voted for."""
    v, y = _checked(votes, labels)
    matrix = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(matrix, y, v)
    return matrix


def questioned_labels() -> pd.DataFrame | None:
    """Return the labels that an algorithm doubted and five annotators then judged (Northcutt 2021).

    The algorithm, confident learning, guessed another class for 275 test images. Each annotator said whether
    the picture shows the given class, the guessed one, both, or neither.

    Returns
    -------
    DataFrame or None
        One row an image, ascending: image; given, guessed (class names: the label and the algorithm's guess);
        votes_given, votes_guessed, votes_both, votes_neither (each 0 to 5, 5 together); and verdict, what
        three or more of the five said: "given" (the label stands: 221 images), "guessed" (18), "neither" (4),
        "both" (0), or "no majority" (32). The label counts as rejected where the verdict is not "given": the
        54 errors of the paper. That is strict: in 17 of them at least three votes are "given" or "both".
    """
    content = sources.read(sources.LABEL_ERRORS)
    if content is None:
        return None
    answers = ("given", "guessed", "both", "neither")
    rows = []
    for entry in json.loads(content):
        votes = entry["mturk"]
        rows.append(
            {
                "image": entry["id"],
                "given": CLASS_NAMES[entry["given_original_label"]],
                "guessed": CLASS_NAMES[entry["our_guessed_label"]],
                **{f"votes_{answer}": votes[answer] for answer in answers},
                "verdict": next((a for a in answers if votes[a] >= MAJORITY), "no majority"),
            }
        )
    return pd.DataFrame(rows)


def duplicates() -> pd.DataFrame | None:
    """Return the test images that have a near-duplicate in the training set (Barz and Denzler 2020).

    Returns
    -------
    DataFrame or None
        One row a pair, the most alike first: test, train (indices; a test image has at most one pair, a
        training image may have several), distance (Euclidean, between the features of a network, normalised
        to length 1), and kind, as people judged it: "near-duplicate" (one photograph, processed differently:
        249 pairs) or "very similar" (two photographs that differ at the second glance: 37). "exact
        duplicate" is defined too, but no pair is one.
    """
    content = sources.read(sources.DUPLICATES)
    if content is None:
        return None
    table = pd.read_csv(io.BytesIO(content))
    table.columns = pd.Index(["test", "train", "distance", "kind"])
    table["kind"] = [DUPLICATE_KINDS[judgment] for judgment in table["kind"]]
    return table.sort_values("distance", kind="stable", ignore_index=True)


def without_rejected_labels() -> Mask | None:
    """Return which test images are left without the 54 whose label no majority confirmed, bool [10000]."""
    table = questioned_labels()
    return None if table is None else _all_but(table.loc[table["verdict"] != "given", "image"])


def without_duplicates() -> Mask | None:
    """Return which test images are left without the 286 that `duplicates` lists, both kinds, bool [10000]."""
    table = duplicates()
    return None if table is None else _all_but(table["test"])


def humans_agree() -> Mask | None:
    """Return the 4,393 test images that all people saw alike, bool [10000]; one of them against its label."""
    votes = human_votes()
    return None if votes is None else unanimous(votes)


def cleaner_test_sets() -> dict[str, Mask]:
    """Return the parts of the test set to measure a model on, by name, bool [10000] each.

    Those whose list is not on this machine are left out.
    """
    masks = {
        "without rejected labels": without_rejected_labels(),
        "without near-duplicates in the training set": without_duplicates(),
        "images humans agree on": humans_agree(),
    }
    return {name: mask for name, mask in masks.items() if mask is not None}


def _all_but(images: "pd.Series[int]") -> Mask:
    mask = np.ones(TEST_SIZE, dtype=bool)
    mask[images.to_numpy()] = False
    return mask


def _checked_votes(votes: Votes) -> NDArray[np.int64]:
    v = np.asarray(votes)
    if v.ndim != 2 or v.shape[1] != CLASSES or not len(v) or not np.issubdtype(v.dtype, np.integer):
        raise ValueError(
            f"Expected whole votes [N, {CLASSES}] of an image or more, got {v.dtype} {list(v.shape)}."
        )
    if (v < 0).any() or not v.any(axis=1).all():
        raise ValueError("Expected votes: no number may be negative, and every image needs at least one.")
    return v.astype(np.int64)


def _checked(votes: Votes, labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    v = _checked_votes(votes)
    return v, checked_labels(labels, len(v), CLASSES)
