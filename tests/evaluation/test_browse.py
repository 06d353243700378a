"""Which images a cell, a row or a column of the matrix holds, in which order, and what is written of them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cifar_core.annotations import image_notes
from cifar_core.annotations.image_notes import Notes
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.evaluation import browse
from cifar_core.evaluation.browse import ANY

CAT, DOG, SHIP = 3, 5, 8

# Image:            0    1    2    3    4    5
LABELS = np.array([CAT, CAT, CAT, DOG, CAT, SHIP])
GUESSES = [DOG, DOG, CAT, CAT, SHIP, SHIP]
SURE = [0.6, 0.9, 0.8, 0.7, 0.55, 0.9]


def answers() -> NDArray[np.float64]:
    p = np.zeros((6, 10))
    p[np.arange(6), GUESSES] = SURE
    p[:, 0] = 1 - np.array(SURE)
    # Image 1 is the surest mistake and yet the least loss: the rest of its probability is the label's.
    p[1, [0, CAT]] = 0, 0.1
    return p


def notes() -> Notes:
    votes = np.zeros((6, 10), int)
    votes[np.arange(6), LABELS] = 50
    votes[0, DOG] = 1
    votes[4, [CAT, SHIP]] = 20, 30
    entropy = np.array([0.1, 0, 0, 0, 0.67, 0])
    return Notes(votes, entropy, {0: {"image": 0}}, {4: (123, "near-duplicate")}, ())


@pytest.mark.parametrize(
    ("true", "predicted", "found", "words"),
    [
        ("cat", "dog", [0, 1], "images of “cat” taken for “dog”"),
        ("dog", "cat", [3], "images of “dog” taken for “cat”"),
        ("cat", ANY, [0, 1, 4], "images of “cat” taken for something else"),
        (ANY, "ship", [4], "images taken for “ship”"),
        (ANY, ANY, [0, 1, 3, 4], "images taken for something else"),
        ("cat", "cat", [2], "images of “cat” recognised"),
        ("deer", "horse", [], "images of “deer” taken for “horse”"),
    ],
)
def test_select_finds_exactly_a_cell_a_row_or_a_column(
    true: str, predicted: str, found: list[int], words: str
) -> None:
    assert browse.select(answers(), LABELS, CLASS_NAMES, true, predicted).tolist() == found
    assert browse.describe(true, predicted) == words


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("confidence", [1, 3, 0, 4]),
        ("human disagreement", [4, 0, 1, 3]),
        ("loss", [3, 0, 4, 1]),  # the first three put nothing on the label: as sure as they are
    ],
)
def test_order(sort: browse.Sort, expected: list[int]) -> None:
    found = browse.order(np.array([0, 1, 3, 4]), sort, [answers()], LABELS, notes())
    assert found.tolist() == expected


def test_order_of_several_models_goes_by_their_mean_and_without_votes_by_confidence() -> None:
    other = answers()
    other[4] = 0
    other[4, SHIP] = 1.0  # 0.775 with the first model's 0.55
    images = np.array([0, 1, 3, 4])
    both = browse.order(images, "confidence", [answers(), other], LABELS, notes())
    assert both.tolist() == [1, 4, 3, 0]
    alone = browse.order(images, "human disagreement", [answers()], LABELS, image_notes.none())
    assert alone.tolist() == [1, 3, 0, 4]
    assert browse.order(np.array([], int), "loss", [answers()], LABELS, notes()).tolist() == []


def test_the_last_page_may_be_shorter() -> None:
    assert browse.in_pages([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert browse.in_pages(range(4), 2) == [range(2), range(2, 4)]
    assert browse.in_pages([], 2) == []


def test_the_table_of_mistakes() -> None:
    table = browse.mistakes_table(answers(), LABELS, CLASS_NAMES, notes())
    assert table["image"].tolist() == [1, 3, 0, 4]
    first, *_, last = table.to_dict("records")
    assert {name: value for name, value in first.items() if name != "training_duplicate"} == {
        "image": 1,
        "true": "cat",
        "predicted": "dog",
        "confidence": 0.9,
        "human_votes_for_label": 50,
        "human_votes": 50,
        "label_rejected": False,
    }
    assert table["training_duplicate"].isna().tolist() == [True, True, True, False]
    assert (last["human_votes_for_label"], last["human_votes"], last["training_duplicate"]) == (20, 50, 123)
    assert table["label_rejected"].tolist() == [False, False, True, False]


def test_the_table_of_mistakes_leaves_empty_what_is_not_known() -> None:
    lines = (
        browse.mistakes_table(answers(), LABELS, CLASS_NAMES, image_notes.none())
        .to_csv(index=False)
        .splitlines()
    )
    assert lines[1] == "1,cat,dog,0.9,,,,"
