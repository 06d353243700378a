"""The metrics against published figures, other implementations, or arithmetic done by hand."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from cifar_core import arrays
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.evaluation import metrics
from cifar_core.inference import calibration
from tests.predictions import Array, honest, one_hot, softmax


@pytest.fixture(scope="module", name="honest")
def honest_fixture() -> tuple[Array, Array]:
    return honest()


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_as_published(correct: int, total: int, low: float, high: float) -> None:
    assert metrics.wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("correct", "total"), [(8_500, 10_000), (9_333, 10_000), (0, 7), (7, 7), (1, 1)])
def test_wilson_interval_agrees_with_scipy(correct: int, total: int) -> None:
    theirs = stats.binomtest(correct, total).proportion_ci(0.95, method="wilson")
    assert metrics.wilson_interval(correct, total) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize(("correct", "total"), [(0, 0), (-1, 10), (11, 10)])
def test_wilson_interval_refuses_what_is_no_proportion(correct: int, total: int) -> None:
    with pytest.raises(ValueError, match="proportion"):
        metrics.wilson_interval(correct, total)


def test_accuracy_and_cross_entropy_by_hand() -> None:
    p, labels = one_hot([3, 3, 5, 0]), np.array([3, 5, 5, 0])
    assert metrics.accuracy(p, labels) == 0.75
    assert metrics.cross_entropy(p, labels) == pytest.approx(-(3 * math.log(0.91) + math.log(0.01)) / 4)


def test_cross_entropy_agrees_with_sklearn(honest: tuple[Array, Array]) -> None:
    p, labels = softmax(honest[0]), honest[1]
    assert metrics.cross_entropy(p, labels) == pytest.approx(sk.log_loss(labels, p, labels=range(10)))


def test_a_zero_stored_in_float16_costs_17_nats_not_infinity() -> None:
    p = one_hot([3], confidence=1.0).astype(np.float16)
    assert metrics.cross_entropy(p, np.array([5])) == pytest.approx(25 * math.log(2))
    assert np.float16(arrays.FLOOR) == 0
    assert np.float16(arrays.FLOOR * 1.001) > 0


def test_float16_is_computed_in_float64(honest: tuple[Array, Array]) -> None:
    p, labels = softmax(honest[0]), honest[1].astype(np.uint8)
    stored = p.astype(np.float16)
    assert metrics.cross_entropy(stored, labels) == pytest.approx(metrics.cross_entropy(p, labels), abs=1e-5)
    assert calibration.temperature_scale(stored, 2.0).dtype == np.float64
    # A float16 sum over this many images would be off by whole per cents.
    assert metrics.calibration_error(stored, labels) == pytest.approx(
        metrics.calibration_error(p, labels), abs=1e-3
    )


def test_confusion_by_hand_and_with_sklearn(honest: tuple[Array, Array]) -> None:
    p, labels = softmax(honest[0]), honest[1]
    counts = metrics.confusion(p, labels)
    assert (counts == sk.confusion_matrix(labels, p.argmax(axis=1))).all()
    assert np.issubdtype(counts.dtype, np.integer)

    small = metrics.confusion(one_hot([5, 5, 3, 3]), np.array([3, 3, 3, 5]))
    assert (small[3, 5], small[3, 3], small[5, 3], small.sum()) == (2, 1, 1, 4)


def test_per_class_by_hand() -> None:
    # Cat (3): two of three found, two dogs taken for one. Dog (5): one of three found. Frog (6): never met.
    p, labels = one_hot([3, 3, 5, 3, 5, 3]), np.array([3, 3, 3, 5, 5, 5])
    table = metrics.per_class(p, labels, CLASS_NAMES)
    assert list(table.columns) == ["class", "precision", "recall", "f1", "support"]
    assert list(table["class"]) == list(CLASS_NAMES)
    numbers = table[["precision", "recall", "f1", "support"]].to_numpy()
    assert numbers[3] == pytest.approx([1 / 2, 2 / 3, 4 / 7, 3])
    assert numbers[5] == pytest.approx([1 / 2, 1 / 3, 2 / 5, 3])
    assert numbers[6] == pytest.approx([0, 0, 0, 0])
    assert metrics.macro_f1(p, labels) == pytest.approx((4 / 7 + 2 / 5) / 10)


def test_macro_f1_agrees_with_sklearn(honest: tuple[Array, Array]) -> None:
    p, labels = softmax(honest[0]), honest[1]
    expected = sk.f1_score(labels, p.argmax(axis=1), average="macro")
    assert metrics.macro_f1(p, labels) == pytest.approx(expected)


def test_most_confused_by_hand() -> None:
    counts = np.zeros((10, 10), dtype=int)
    counts[3, [3, 5]] = 70, 30
    counts[5, [5, 3]] = 30, 20
    counts[0, [0, 8]] = 10, 30
    table = metrics.most_confused(counts, CLASS_NAMES)
    assert list(table.columns) == ["true", "predicted", "count", "rate"]
    assert table.to_numpy().tolist() == [
        ["airplane", "ship", 30, 0.75],
        ["cat", "dog", 30, 0.3],
        ["dog", "cat", 20, 0.4],
    ]
    assert metrics.most_confused(np.eye(10, dtype=int), CLASS_NAMES).empty


@pytest.mark.parametrize("wrong", [np.zeros((9, 10), dtype=int), np.eye(10)])
def test_most_confused_refuses_rates_and_other_shapes(wrong: Array) -> None:
    with pytest.raises(ValueError, match="counts"):
        metrics.most_confused(wrong, CLASS_NAMES)


def naive_calibration_error(p: Array, labels: Array, bins: int) -> float:
    total = 0.0
    for b in range(bins):
        inside = [i for i in range(len(p)) if b / bins < p[i].max() <= (b + 1) / bins]
        if inside:
            right = sum(p[i].argmax() == labels[i] for i in inside) / len(inside)
            sure = sum(p[i].max() for i in inside) / len(inside)
            total += len(inside) / len(p) * abs(right - sure)
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_error_agrees_with_a_naive_loop(bins: int, honest: tuple[Array, Array]) -> None:
    p, labels = softmax(2 * honest[0][:2000]), honest[1][:2000]
    expected = naive_calibration_error(p, labels, bins)
    assert expected > 0.05
    assert metrics.calibration_error(p, labels, bins) == pytest.approx(expected)


def test_calibration_error_of_an_honest_model_is_small(honest: tuple[Array, Array]) -> None:
    assert metrics.calibration_error(softmax(honest[0]), honest[1]) < 0.02


def test_reliability_by_hand() -> None:
    # Of four bins the first is empty; 0.5 belongs to the second and 1 to the last, as upper ends.
    p = np.vstack([one_hot([3, 3], 0.5), one_hot([3], 0.7), one_hot([3, 3], 0.8), one_hot([3], 1.0)])
    table = metrics.reliability(p, np.array([3, 5, 3, 3, 5, 3]), bins=4)
    assert list(table.columns) == ["low", "high", "confidence", "accuracy", "count"]
    assert table.to_numpy() == pytest.approx(
        np.array([[0.25, 0.5, 0.5, 0.5, 2], [0.5, 0.75, 0.7, 1, 1], [0.75, 1, 2.6 / 3, 2 / 3, 3]])
    )
    with pytest.raises(ValueError, match="bin"):
        metrics.reliability(p, np.array([3, 5, 3, 3, 5, 3]), bins=0)


def answers(only_a: int, only_b: int) -> tuple[Array, Array]:
    """Return what two models got right: five images both, five neither, the rest as told."""
    a = np.repeat([True, False, True, False], [5, 5, only_a, only_b])
    b = np.repeat([True, False, False, True], [5, 5, only_a, only_b])
    return a, b


@pytest.mark.parametrize(("only_a", "only_b"), [(1, 9), (9, 1), (40, 25), (0, 6), (7, 7), (812, 91)])
def test_mcnemar_by_counting_outcomes(only_a: int, only_b: int) -> None:
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
    *counts, p_value = metrics.mcnemar(*answers(only_a, only_b))
    assert counts == [only_a, only_b]
    assert p_value == pytest.approx(min(1.0, 2 * tail))
    assert p_value == pytest.approx(stats.binomtest(only_a, n).pvalue)


def test_the_app_compares_without_the_50_megabytes_of_scipy_stats() -> None:
    code = (
        "import sys, numpy as np; from cifar_core.evaluation import metrics; a = np.array([True, False])\n"
        "metrics.mcnemar(a, ~a); metrics.wilson_interval(1, 2); sys.exit('scipy.stats' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_mcnemar_of_models_that_never_differ() -> None:
    assert metrics.mcnemar(*answers(0, 0)) == (0, 0, 1.0)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones(3, dtype=bool), np.ones(4, dtype=bool)),
        (np.ones(3), np.ones(3)),
        (np.ones((2, 2), dtype=bool), np.ones((2, 2), dtype=bool)),
        (np.array([], dtype=bool), np.array([], dtype=bool)),
    ],
)
def test_mcnemar_refuses_other_arrays(a: Array, b: Array) -> None:
    with pytest.raises(ValueError, match="two boolean arrays"):
        metrics.mcnemar(a, b)


def test_summary_has_the_names_of_the_card(honest: tuple[Array, Array]) -> None:
    p, labels = softmax(2 * honest[0]).astype(np.float16), honest[1]
    card = metrics.summary(p, labels, temperature=2.0)
    right = int((p.argmax(axis=1) == labels).sum())
    wilson = stats.binomtest(right, len(labels)).proportion_ci(method="wilson")
    assert card == {
        "accuracy": right / len(labels),
        "accuracy_interval": pytest.approx([wilson.low, wilson.high]),
        "loss": metrics.cross_entropy(p, labels),
        "macro_f1": metrics.macro_f1(p, labels),
        "calibration_error_before": metrics.calibration_error(p, labels),
        "calibration_error": metrics.calibration_error(calibration.temperature_scale(p, 2.0), labels),
        "temperature": 2.0,
    }
    assert card["calibration_error_before"] > 5 * card["calibration_error"]  # type: ignore[operator]
    assert json.loads(json.dumps(card)) == card


@pytest.mark.parametrize(
    ("p", "labels", "message"),
    [
        pytest.param(np.zeros((0, 10)), np.zeros(0, dtype=int), "an image or more", id="empty"),
        pytest.param(np.full(10, 0.1), np.zeros(10, dtype=int), r"\[N, C\]", id="one row without its axis"),
        pytest.param(np.full((2, 1), 1.0), np.zeros(2, dtype=int), r"\[N, C\]", id="one class"),
        pytest.param(np.full((2, 5), 0.2), np.array([4, 5]), "classes 0 to 4", id="five classes, label 5"),
        pytest.param(one_hot([3]) * 4, np.array([3]), "sum", id="logits"),
        pytest.param(one_hot([3], confidence=1.2), np.array([3]), "negative", id="negative"),
        pytest.param(np.full((1, 10), math.nan), np.array([3]), "sum", id="nan"),
        pytest.param(one_hot([3, 5]), np.array([3]), "2 whole labels", id="too few labels"),
        pytest.param(one_hot([3]), np.array([[3]]), "1 whole labels", id="labels as a column"),
        pytest.param(one_hot([3]), np.array([3.0]), "whole labels", id="labels not whole"),
        pytest.param(one_hot([3]), np.array([10]), "classes 0 to 9", id="label too large"),
        pytest.param(one_hot([3]), np.array([-1]), "classes 0 to 9", id="label negative"),
    ],
)
def test_wrong_input_is_refused_in_words(p: Array, labels: Array, message: str) -> None:
    measures: list[Callable[[Array, Array], object]] = [
        metrics.accuracy,
        metrics.cross_entropy,
        metrics.macro_f1,
        metrics.confusion,
        partial(metrics.per_class, class_names=CLASS_NAMES),
        calibration.fit_temperature,
        metrics.reliability,
        metrics.calibration_error,
        metrics.correct,
    ]
    for measure in measures:
        with pytest.raises(ValueError, match=message):
            measure(p, labels)
