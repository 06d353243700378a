"""Accuracy against coverage: against a slow loop, and by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cifar_core.evaluation import metrics, selective


def predictions(images: int, seed: int) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    raw = np.exp(rng.normal(scale=3, size=(images, 10)))
    p = raw / raw.sum(axis=1, keepdims=True)
    return p.astype(np.float16), (p.cumsum(axis=1) > rng.random((images, 1))).argmax(axis=1)


def slow_point(p: NDArray[Any], labels: NDArray[Any], threshold: float) -> tuple[float, float]:
    answered = right = 0
    for row, label in zip(p.tolist(), labels.tolist(), strict=True):
        if max(row) >= threshold:
            answered += 1
            right += row.index(max(row)) == label
    return answered / len(labels), right / answered


@pytest.mark.parametrize("images", [1, 7, 150, 800])
def test_coverage_curve_against_a_slow_one(images: int) -> None:
    p, labels = predictions(images, seed=images)
    curve = selective.coverage_curve(p, labels)
    assert list(curve.columns) == ["coverage", "accuracy", "threshold"]
    assert len(curve) <= 200
    for coverage, accuracy, threshold in curve.to_numpy():
        assert (coverage, accuracy) == pytest.approx(slow_point(p, labels, threshold), abs=1e-12)
    assert curve["coverage"].is_monotonic_increasing
    assert curve["coverage"].is_unique
    assert curve["coverage"].iloc[-1] == 1
    assert curve["accuracy"].iloc[-1] == pytest.approx(metrics.accuracy(p, labels))
    thresholds = set(p.max(axis=1).astype(float))
    assert set(curve["threshold"]) <= thresholds
    if images < 200:
        assert len(curve) == len(thresholds)
    else:
        assert curve["coverage"].diff().max() < 0.01 + (p.max(axis=1) == 1).mean()


def test_coverage_curve_by_hand() -> None:
    p = np.full((4, 10), 0.02)
    p[[0, 1, 2, 3], [3, 5, 3, 0]] = 0.82
    p[3], p[3, 0] = 0.06, 0.46
    curve = selective.coverage_curve(p, np.array([3, 5, 5, 1]))
    assert curve["coverage"].tolist() == [0.75, 1]
    assert curve["accuracy"].tolist() == pytest.approx([2 / 3, 0.5])
    assert curve["threshold"].tolist() == pytest.approx([0.82, 0.46])


def test_coverage_curve_keeps_both_ends_when_thinned() -> None:
    p, labels = predictions(500, seed=1)
    whole, ends = (
        selective.coverage_curve(p, labels, points=500),
        selective.coverage_curve(p, labels, points=2),
    )
    assert ends.to_numpy().tolist() == whole.iloc[[0, -1]].to_numpy().tolist()


def test_coverage_curve_refuses_what_is_no_prediction() -> None:
    p, labels = predictions(5, seed=0)
    with pytest.raises(ValueError, match="points"):
        selective.coverage_curve(p, labels, points=1)
    with pytest.raises(ValueError, match="probabilities"):
        selective.coverage_curve(p * 2, labels)
    with pytest.raises(ValueError, match="labels"):
        selective.coverage_curve(p, labels[:4])
