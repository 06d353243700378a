"""Comparing models: against scipy.stats, scikit-learn and a bootstrap."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import f1_score

from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.evaluation import comparison
from cifar_core.evaluation.comparison import QUADRANTS

Array = NDArray[Any]


def answers(both: int, first: int, second: int, neither: int) -> tuple[Array, Array]:
    """Return whether two models are right about images in a random order, so many of each kind."""
    kinds = np.random.default_rng(0).permutation(np.repeat(range(4), [both, first, second, neither]))
    return np.isin(kinds, [0, 1]), np.isin(kinds, [0, 2])


def test_a_duel_sorts_every_image_into_one_quadrant() -> None:
    a, b = answers(50, 7, 4, 9)
    found = comparison.duel(a, b)
    assert list(found.quadrants) == list(QUADRANTS)
    assert {who: len(images) for who, images in found.quadrants.items()} == {
        "both": 50,
        "first": 7,
        "second": 4,
        "neither": 9,
    }
    assert sorted(np.concatenate(list(found.quadrants.values()))) == list(range(70))
    assert all(a[i] and not b[i] for i in found.quadrants["first"])
    assert all(b[i] and not a[i] for i in found.quadrants["second"])
    assert all(not a[i] and not b[i] for i in found.quadrants["neither"])
    assert found.p_value == pytest.approx(stats.binomtest(7, 11).pvalue)
    assert found.difference == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize("counts", [(8_318, 1_015, 187, 480), (8_000, 300, 310, 1_390), (400, 30, 90, 80)])
def test_the_interval_of_the_difference_agrees_with_a_bootstrap(counts: tuple[int, int, int, int]) -> None:
    n = sum(counts)
    found = comparison.duel(*answers(*counts))
    draws = np.random.default_rng(1).multinomial(n, np.divide(counts, n), size=100_000)
    low, high = np.quantile((draws[:, 1] - draws[:, 2]) / n, [0.025, 0.975])
    assert found.interval == pytest.approx((low, high), abs=0.06 * (high - low))
    other = comparison.duel(*reversed(answers(*counts)))
    assert other.difference == -found.difference
    assert other.interval == pytest.approx((-found.interval.high, -found.interval.low))


def test_models_that_never_differ_still_have_an_interval() -> None:
    found = comparison.duel(*answers(60, 0, 0, 40))
    assert (found.difference, found.p_value) == (0, 1)
    assert -0.05 < found.interval.low < 0 < found.interval.high < 0.05


def test_the_interval_stays_within_what_a_difference_can_be() -> None:
    assert comparison.duel(*answers(0, 3, 0, 0)).interval.high == 1


def test_a_duel_needs_the_same_images() -> None:
    with pytest.raises(ValueError, match="one length"):
        comparison.duel(np.ones(3, dtype=bool), np.ones(4, dtype=bool))


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.0, "less than once in a million times"),
        (9.9e-7, "less than once in a million times"),
        (2.4e-5, "about once in 40,000 times"),
        (0.0098, "about once in 100 times"),
        (0.034, "about 3 times in 100"),
        (0.55, "about 55 times in 100"),
        (1.0, "practically every time"),
    ],
)
def test_a_probability_in_words(p_value: float, words: str) -> None:
    assert comparison.chance(p_value) == words


@pytest.mark.parametrize("p_value", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_has_no_words(p_value: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        comparison.chance(p_value)


@pytest.fixture(scope="module")
def predictions() -> tuple[dict[str, Array], Array]:
    """Return what three models of different skill say, float64 [3000, 10] each, and the labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 3_000)
    found = {}
    for name, skill in {"good": 4.0, "fair": 2.5, "poor": 1.0}.items():
        logits = rng.normal(size=(3_000, 10)) + np.linspace(0, 1, 10)
        logits[np.arange(3_000), labels] += skill
        found[name] = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return found, labels


def test_f1_by_class_agrees_with_sklearn_and_puts_the_hardest_first(
    predictions: tuple[dict[str, Array], Array],
) -> None:
    found, labels = predictions
    table = comparison.f1_by_class(found, labels, CLASS_NAMES)
    assert list(table.columns) == ["good", "fair", "poor"]
    assert sorted(table.index) == sorted(CLASS_NAMES)
    assert table.mean(axis=1).is_monotonic_increasing
    for name, probabilities in found.items():
        theirs = f1_score(labels, probabilities.argmax(axis=1), average=None)
        assert table[name].loc[list(CLASS_NAMES)].to_numpy() == pytest.approx(theirs)


def test_accuracy_on_parts_of_the_test_set_agrees_with_scipy(
    predictions: tuple[dict[str, Array], Array],
) -> None:
    found, labels = predictions
    right = {name: probabilities.argmax(axis=1) == labels for name, probabilities in found.items()}
    sets = {"all": np.ones(3_000, dtype=bool), "vehicles": np.isin(labels, [0, 1, 8, 9])}
    table = comparison.on_test_sets(right, sets)
    assert list(zip(table["test_set"], table["model"], strict=True)) == [
        (part, model) for part in sets for model in right
    ]
    for row in table.to_dict("records"):
        inside = right[row["model"]][sets[row["test_set"]]]
        theirs = stats.binomtest(int(inside.sum()), len(inside)).proportion_ci(method="wilson")
        assert row["images"] == len(inside)
        assert row["accuracy"] == pytest.approx(inside.mean())
        assert (row["low"], row["high"]) == pytest.approx((theirs.low, theirs.high))
