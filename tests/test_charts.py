"""Charts are checked by what they hand to Vega: the rows, the marks and the selection."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cifar_core import charts
from cifar_core.dataset import CLASS_NAMES
from cifar_core.model_dir import HISTORY_COLUMNS, STEP_COLUMNS


def curve(name: str, epochs: int = 3, steps: int = 10) -> charts.Curve:
    rows = np.arange(1, epochs * steps + 1)
    log = pd.DataFrame({column: rows.astype(float) for column in STEP_COLUMNS})
    log["epoch"], log["accuracy"] = rows / steps, rows / len(rows)
    history = pd.DataFrame({column: np.ones(epochs) for column in HISTORY_COLUMNS})
    history["epoch"] = np.arange(1.0, epochs + 1)
    history["val_accuracy"], history["val_loss"] = [0.5, 0.9, 0.7][:epochs], [1.0, 0.9, 0.4][:epochs]
    return charts.Curve(name, log, history)


def rows_of(specification: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = specification["datasets"][layer["data"]["name"]]
    return rows


@pytest.mark.parametrize(("measure", "best_epoch"), [("accuracy", 2), ("loss", 3)])
def test_the_best_epoch_of_each_measure_is_marked(measure: Any, best_epoch: int) -> None:
    specification = charts.learning_curves([curve("a")], measure, 3).to_dict()
    marked = [layer for layer in specification["layer"] if layer.get("mark", {}).get("filled") is False]
    assert [row["epoch"] for row in rows_of(specification, marked[0])] == [best_epoch]


def test_the_reports_accuracy_is_a_rule_on_the_accuracy_only() -> None:
    def rules(measure: Any) -> int:
        return str(charts.learning_curves([curve("a")], measure, 3).to_dict()).count("the report: 85 %")

    assert rules("accuracy") >= 1
    assert rules("loss") == 0


def test_several_runs_are_told_apart_by_colour_and_each_has_its_best() -> None:
    specification = charts.learning_curves([curve("a"), curve("b", epochs=1)], "accuracy", 3).to_dict()
    colour = specification["layer"][0]["encoding"]["color"]
    assert colour["field"] == "run"
    assert colour["scale"]["domain"] == ["a", "b"]
    best = rows_of(specification, specification["layer"][3])
    assert {(row["run"], row["epoch"]) for row in best} == {("a", 2), ("b", 1)}


def test_a_run_without_a_finished_epoch_is_drawn() -> None:
    young = charts.Curve("young", curve("a").steps, curve("a").history.iloc[:0])
    specification = charts.learning_curves([young], "loss", 3).to_dict()
    assert len(rows_of(specification, specification["layer"][0])) == 30


def test_thinning_keeps_the_mean_and_leaves_short_logs_alone() -> None:
    short, long = curve("a").steps, curve("b", epochs=3, steps=500).steps
    assert charts.thinned(short) is short
    thin = charts.thinned(long)
    assert len(thin) == 375  # four rows of 1,500 become one
    assert thin["accuracy"].mean() == pytest.approx(long["accuracy"].mean())
    assert thin["step"].iloc[0] == pytest.approx(2.5)


def test_the_matrix_shows_counts_or_rates_and_tells_errors_apart_on_their_own_scale() -> None:
    matrix = np.diag(np.full(10, 900))
    matrix[3, 5], matrix[5, 3] = 100, 50
    table = charts.confusion_cells(matrix, rates=False, chosen=("cat", "dog"))
    rows = {(row["true"], row["predicted"]): row for row in table.to_dict("records")}
    assert len(rows) == 100 + 20
    cat_dog = rows["cat", "dog"]
    assert (cat_dog["count"], cat_dog["label"], cat_dog["strength"]) == (100, "100", 1.0)
    assert rows["dog", "cat"]["strength"] == pytest.approx((50 / 950) / (100 / 1000))
    assert rows["cat", "cat"]["strength"] == pytest.approx(0.9)
    assert [key for key, row in rows.items() if row["chosen"] is True] == [("cat", "dog")]
    assert "10%" in set(charts.confusion_cells(matrix, rates=True)["label"])


def test_an_empty_matrix_is_drawn() -> None:
    assert set(charts.confusion_cells(np.zeros((10, 10), int), rates=True)["strength"][:100]) == {0}


@pytest.mark.parametrize(
    ("true", "meanings"),
    [
        (None, {"dog": "guess", "cat": "guess"}),
        (3, {"dog": "wrong", "cat": "right", "ship": "other"}),
        (5, {"dog": "right", "cat": "other"}),
    ],
)
def test_probability_bars_say_what_is_right_and_wrong(true: int | None, meanings: dict[str, str]) -> None:
    probabilities = np.full(10, 0.02)
    probabilities[[3, 5]] = 0.3, 0.54
    specification = charts.probability_bars(probabilities, true).to_dict()
    rows = next(iter(specification["datasets"].values()))
    assert [row["class"] for row in rows[:2]] == ["dog", "cat"]
    assert rows[0]["label"] == "dog  54.0%"
    found = {row["class"]: row["meaning"] for row in rows}
    assert {name: found[name] for name in meanings} == meanings
    assert set(found) == set(CLASS_NAMES)
