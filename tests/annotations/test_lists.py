"""What the real lists say against published figures, and votes counted by hand."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cifar_core.annotations import lists
from cifar_core.datasets import cifar10


@pytest.fixture(scope="module")
def votes(list_files: object) -> NDArray[np.int64]:  # noqa: ARG001
    found = lists.human_votes()
    assert found is not None
    return found


# The real lists


def test_human_votes_as_published(votes: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
    assert votes.dtype == np.int64
    assert votes.shape == (10_000, 10)
    assert votes.sum() == 511_000
    assert (votes.sum(axis=1).min(), votes.sum(axis=1).max()) == (47, 63)
    assert f"{lists.human_accuracy(votes, labels):.2%}" == "95.24%"
    assert lists.unanimous(votes).sum() == 4_393
    assert (votes.argmax(axis=1) != labels).sum() == 79


def test_one_image_that_all_people_see_alike_goes_against_its_label(
    votes: NDArray[np.int64], labels: NDArray[np.int64]
) -> None:
    assert (lists.unanimous(votes) & (votes.argmax(axis=1) != labels)).sum() == 1


def test_human_votes_agree_with_each_other(votes: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
    entropy = lists.entropy(votes)
    assert ((entropy == 0) == lists.unanimous(votes)).all()
    assert entropy.max() < math.log(10)
    matrix = lists.human_confusion(votes, labels)
    assert matrix.sum() == votes.sum()
    cat = votes[labels == 3].sum(axis=0)
    assert (matrix[3] == cat).all()
    assert matrix[3, 5] == max(np.delete(matrix[3], 3)), "people, too, take cats for dogs first of all"


@pytest.mark.usefixtures("list_files")
def test_questioned_labels_as_published(labels: NDArray[np.int64]) -> None:
    table = lists.questioned_labels()
    assert table is not None
    assert len(table) == 275
    # Northcutt 2021, the table of validated errors by kind; "given" are those that were none
    kinds = {"given": 221, "no majority": 32, "guessed": 18, "neither": 4}
    assert table["verdict"].value_counts().to_dict() == kinds
    assert table["image"].is_monotonic_increasing
    assert table["image"].is_unique
    assert list(table["given"]) == [cifar10.CLASS_NAMES[y] for y in labels[table["image"]]]
    assert (table["given"] != table["guessed"]).all()
    said = table[["votes_given", "votes_guessed", "votes_both", "votes_neither"]]
    assert (said.sum(axis=1) == 5).all()
    rejected = table["verdict"] != "given"
    assert rejected.sum() == 54
    assert (rejected == (table["votes_given"] < 3)).all()
    assert (table["votes_given"] + table["votes_both"] >= 3)[rejected].sum() == 17


@pytest.mark.usefixtures("list_files")
def test_duplicates_as_published(cifar10_folder: Path) -> None:
    table = lists.duplicates()
    assert table is not None
    assert list(table.columns) == ["test", "train", "distance", "kind"]
    assert len(table) == 286
    assert table["kind"].value_counts().to_dict() == {"near-duplicate": 249, "very similar": 37}
    assert table["test"].is_unique
    assert not table["train"].is_unique
    assert table["distance"].is_monotonic_increasing

    # The indices mean what we think: pairs look alike, and the same pairs shuffled do not.
    last = table[table["train"] >= 40_000]
    test, train = cifar10.load_test(cifar10_folder), cifar10.load_batch(cifar10_folder, "data_batch_5")
    assert (test.labels[last["test"]] == train.labels[last["train"] - 40_000]).all()
    images, twins = (
        test.images[last["test"]].astype(float),
        train.images[last["train"] - 40_000].astype(float),
    )
    apart = np.abs(images - twins).mean(axis=(1, 2, 3))
    shuffled = np.abs(images - np.roll(twins, 1, axis=0)).mean(axis=(1, 2, 3))
    assert np.median(apart) < np.median(shuffled) / 2

    one = table.loc[table["test"] == 6611, ["test", "train", "kind"]]
    assert one.to_numpy().tolist() == [[6611, 49007, "near-duplicate"]]


@pytest.mark.usefixtures("list_files")
def test_cleaner_test_sets() -> None:
    masks = lists.cleaner_test_sets()
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {
        "without rejected labels": 10_000 - 54,
        "without near-duplicates in the training set": 10_000 - 286,
        "images humans agree on": 4_393,
    }
    assert all(mask.shape == (10_000,) and mask.dtype == bool for mask in masks.values())
    table, twice = lists.questioned_labels(), lists.duplicates()
    assert table is not None
    assert twice is not None
    kept = masks["without rejected labels"][table["image"]]
    assert (kept == (table["verdict"] == "given")).all()
    assert not masks["without near-duplicates in the training set"][twice["test"]].any()


# Votes by hand


def test_votes_by_hand() -> None:
    # A cat all agree on, a cat half taken for a dog, a dog that everybody takes for a cat.
    votes = np.zeros((3, 10), np.uint8)
    votes[0, 3] = votes[2, 3] = 50
    votes[1, [3, 5]] = 25
    labels = np.array([3, 5, 5])
    assert lists.entropy(votes) == pytest.approx([0, math.log(2), 0])
    assert lists.unanimous(votes).tolist() == [True, False, True]
    assert lists.human_accuracy(votes, labels) == 0.5
    matrix = lists.human_confusion(votes, labels)
    assert (matrix[3, 3], matrix[5, 3], matrix[5, 5], matrix.sum()) == (50, 75, 25, 150)


def test_an_image_with_more_votes_weighs_more_in_the_accuracy() -> None:
    votes = np.zeros((2, 10), int)
    votes[0, 0], votes[1, 1] = 30, 10
    assert lists.human_accuracy(votes, np.array([0, 0])) == 0.75


@pytest.mark.parametrize(
    "votes",
    [
        np.ones((0, 10), int),
        np.ones((2, 9), int),
        np.ones(10, int),
        np.ones((2, 10)),
        -np.ones((2, 10), int),
        np.eye(10, dtype=int)[:2] - [[0], [1]],
        np.zeros((2, 10), int),
    ],
)
def test_what_are_no_votes(votes: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="votes"):
        lists.unanimous(votes)


@pytest.mark.parametrize("labels", [[0], [0, 10], [0, -1], [0.0, 1.0]])
def test_what_are_no_labels(labels: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"[Ll]abels"):
        lists.human_accuracy(np.ones((2, 10), int), np.array(labels))
