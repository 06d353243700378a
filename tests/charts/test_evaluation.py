"""Charts of a model's answers."""

import numpy as np
import pandas as pd
import pytest

from cifar_core import charts
from cifar_core.datasets.cifar10 import CLASS_NAMES
from tests.charts import rows_of


def test_a_true_class_that_a_model_does_not_know_makes_its_guess_wrong() -> None:
    specification = charts.probability_bars(np.array([0.9, 0.1]), ("0", "1"), "cat").to_dict()
    rows = next(iter(specification["datasets"].values()))
    assert [(row["class"], row["meaning"]) for row in rows] == [("0", "wrong"), ("1", "other")]


@pytest.mark.parametrize(
    ("true", "meanings"),
    [
        (None, {"dog": "guess", "cat": "guess"}),
        ("cat", {"dog": "wrong", "cat": "right", "ship": "other"}),
        ("dog", {"dog": "right", "cat": "other"}),
    ],
)
def test_probability_bars_say_what_is_right_and_wrong(true: str | None, meanings: dict[str, str]) -> None:
    probabilities = np.full(10, 0.02)
    probabilities[[3, 5]] = 0.3, 0.54
    specification = charts.probability_bars(probabilities, CLASS_NAMES, true).to_dict()
    rows = next(iter(specification["datasets"].values()))
    assert [row["class"] for row in rows[:2]] == ["dog", "cat"]
    assert rows[0]["label"] == "dog  54.0 %"
    found = {row["class"]: row["meaning"] for row in rows}
    assert {name: found[name] for name in meanings} == meanings
    assert set(found) == set(CLASS_NAMES)


def test_coverage_draws_the_curve_and_marks_a_share() -> None:
    curve = pd.DataFrame({"coverage": [0.5, 1.0], "accuracy": [0.99, 0.9], "threshold": [0.8, 0.2]})
    specification = charts.coverage(curve, 0.8).to_dict()
    rule, line = specification["layer"]
    assert rows_of(specification, rule) == [{"coverage": 0.8}]
    assert rows_of(specification, line) == curve.to_dict("records")


def test_reliability_tells_before_from_after() -> None:
    before = pd.DataFrame({"confidence": [0.5], "accuracy": [0.7], "count": [10]})
    specification = charts.reliability(before, before.assign(accuracy=0.5)).to_dict()
    rows = rows_of(specification, specification["layer"][1])
    assert [(row["when"], row["accuracy"]) for row in rows] == [
        ("as it comes", 0.7),
        ("after temperature scaling", 0.5),
    ]


def test_deletion_draws_a_line_a_map() -> None:
    curves = {"RISE": np.array([0.9, 0.4, 0.1]), "CAM": np.array([0.9, 0.8, 0.1])}
    rows = next(iter(charts.deletion(curves, "cat").to_dict()["datasets"].values()))
    assert [(row["map"], row["gone"]) for row in rows] == [(n, x) for n in curves for x in (0.0, 0.5, 1.0)]
    assert [row["probability"] for row in rows] == [*curves["RISE"], *curves["CAM"]]
