"""The figures behind the sentences, by hand and against the real lists."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from cifar_core.annotations import lists
from cifar_core.datasets.registry import CIFAR10
from cifar_core.evaluation import findings, metrics, selective
from cifar_core.runs import catalogue
from cifar_core.runs.schemas import ToldApart
from tests.model_directories import sound_card

CURVE = pd.DataFrame({"coverage": [0.2, 0.5, 0.8, 1.0], "accuracy": [1.0, 0.98, 0.99, 0.9]})

NEEDED = ("robustness", "robustness_mean", "robustness_calibration_error")


@pytest.mark.parametrize(("coverage", "accuracy"), [(0.1, 1.0), (0.5, 0.98), (0.6, 0.99), (1.0, 0.9)])
def test_accuracy_at_a_coverage(coverage: float, accuracy: float) -> None:
    assert findings.accuracy_at(CURVE, coverage) == accuracy


def test_coverage_for_an_accuracy_is_the_largest_that_reaches_it() -> None:
    assert findings.coverage_for(CURVE, 0.99) == 0.8
    assert findings.coverage_for(CURVE, 0.9) == 1.0
    assert findings.coverage_for(CURVE.assign(accuracy=0.5), 0.99) is None


@pytest.fixture(scope="module")
def fast() -> NDArray[np.float64]:
    return catalogue.find("fast").predictions()["test"].astype(np.float64)


@pytest.mark.lists
def test_parts_of_the_test_set_and_a_model_on_them(
    fast: NDArray[np.float64], labels: NDArray[np.int64]
) -> None:
    votes = lists.human_votes()
    assert votes is not None
    parts = findings.parts_of_test_set()
    table = findings.accuracy_by_part(fast, labels, parts, votes).set_index("part")
    assert table["images"].to_dict() == {
        "all test images": 10_000,
        "without rejected labels": 10_000 - 54,
        "without near-duplicates in the training set": 10_000 - 286,
        "images humans agree on": 4_393,
        "images humans disagree on": 10_000 - 4_393,
    }
    whole = table.loc["all test images"]
    assert whole["accuracy"] == metrics.accuracy(fast, labels)
    assert f"{whole['person']:.2%}" == "95.24%"
    right = fast.argmax(axis=1) == labels
    divided = [len(np.flatnonzero(row)) > 1 for row in votes]
    assert table["accuracy"]["images humans disagree on"] == pytest.approx(right[divided].mean())
    assert (table["low"] < table["accuracy"]).all()
    assert (table["accuracy"] < table["high"]).all()
    # Where people agree the model errs less, and so do they: all but one image's label is what they say.
    assert table["person"]["images humans agree on"] == pytest.approx(1 - 1 / 4_393, abs=1e-5)
    without_votes = findings.accuracy_by_part(fast, labels, parts)
    assert without_votes["person"].isna().all()


def test_without_the_lists_only_the_whole_test_set_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_TRUST", str(tmp_path))
    assert list(findings.parts_of_test_set()) == ["all test images"]


def test_people_side_with_a_model_by_hand() -> None:
    answers, votes = np.full((4, 10), 0.01), np.zeros((4, 10), int)
    answers[np.arange(4), [5, 5, 5, 3]] = 0.91
    votes[:, 3] = [10, 30, 25, 1]
    votes[:, 5] = [40, 20, 25, 49]
    # Cats: people see a dog in the first, a cat in the second, are even on the third; the last is not missed.
    assert findings.people_side_with(answers, np.full(4, 3), votes) == 1


def test_the_sentence_about_declining_holds_for_a_shipped_model(
    fast: NDArray[np.float64], labels: NDArray[np.int64]
) -> None:
    curve = selective.coverage_curve(fast, labels)
    confidence = fast.max(axis=1)
    surest = confidence >= np.sort(confidence)[2_000]  # the surest 80 %, and those as sure as the last
    expected = (fast.argmax(axis=1) == labels)[surest].mean()
    assert findings.accuracy_at(curve, 0.8) == pytest.approx(expected, abs=0.002)


def test_worse_pictures_are_listed_the_hardest_first_each_from_strength_0_on() -> None:
    table = findings.robustness_table(
        {"fog": [0.9] * 5, "shot_noise": [0.9, 0.8, 0.7, 0.6, 0.2], "shift": [0.8] * 5}, plain=0.95
    )
    assert list(table.columns) == ["family", "corruption", "strength", "accuracy"]
    assert list(table["corruption"].unique()) == ["shot noise", "shift", "fog"]
    assert list(table["family"].unique()) == ["noise", "shift", "weather"]
    assert list(table["accuracy"][:6]) == [0.95, 0.9, 0.8, 0.7, 0.6, 0.2]
    assert list(table["strength"][:6]) == list(range(6))


def test_a_card_of_fewer_kinds_than_there_are_is_measured_anew() -> None:
    card: Any = sound_card(CIFAR10.facts)
    assert findings.is_robustness_known(card)
    fewer: Any = {kind: of for kind, of in card["robustness"].items() if kind != "fog"}
    older: list[Any] = [{key: of for key, of in card.items() if key != name} for name in NEEDED]
    for less in ({**card, "robustness": fewer}, *older):
        assert not findings.is_robustness_known(less)


def test_the_ood_set_that_is_told_worst() -> None:
    sets: dict[str, ToldApart] = {
        "static": {"auroc": 0.99, "fpr95": 0.0},
        "jigsaw": {"auroc": 0.88, "fpr95": 0.4},
    }
    assert findings.least_told(sets) == "jigsaw"
