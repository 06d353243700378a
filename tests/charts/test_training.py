"""Curves of runs, and what a minute of training buys."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cifar_core import charts
from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS
from tests.charts import rows_of


def curve(name: str, epochs: int = 3, steps: int = 10, facts: Facts = CIFAR10.facts) -> charts.Curve:
    rows = np.arange(1, epochs * steps + 1)
    log = pd.DataFrame({column: rows.astype(float) for column in STEP_COLUMNS})
    log["epoch"], log["accuracy"] = rows / steps, rows / len(rows)
    history = pd.DataFrame({column: np.ones(epochs) for column in HISTORY_COLUMNS})
    history["epoch"] = np.arange(1.0, epochs + 1)
    history["val_accuracy"], history["val_loss"] = [0.5, 0.9, 0.7][:epochs], [1.0, 0.9, 0.4][:epochs]
    return charts.Curve(name, log, history, facts)


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


def test_the_reports_label_is_a_legend_where_no_curve_runs() -> None:
    for drawn in ([curve("a")], [curve("a"), curve("b")]):
        specification = charts.learning_curves(drawn, "accuracy", 3).to_dict()
        assert not [layer for layer in specification["layer"] if layer["mark"]["type"] == "text"]
        dash = specification["layer"][-1]["encoding"]["strokeDash"]
        assert dash["scale"]["domain"] == ["the report: 85 %"]
        assert dash["legend"]["orient"] == "bottom"


def test_the_x_axis_counts_epochs_or_the_minutes_that_they_took() -> None:
    slow = curve("slow")
    slow.steps["seconds"], slow.history["seconds"] = np.linspace(0, 240, 30), [80.0, 160.0, 240.0]
    layers = charts.learning_curves([slow, curve("b")], "accuracy", 3, "minutes").to_dict()
    for layer, of_slow in zip(layers["layer"][:2], ([4.0], [4.0]), strict=True):
        assert layer["encoding"]["x"]["field"] == "minutes"
        assert layer["encoding"]["x"]["scale"]["domain"] == [0, 4.0]
        rows = [row["minutes"] for row in rows_of(layers, layer) if row["run"] == "slow"]
        assert max(rows) == of_slow[0]


def test_a_large_chart_is_higher_and_its_letters_are_larger() -> None:
    small, large = (
        charts.learning_curves([curve("a")], "loss", 3, large=large).to_dict() for large in (False, True)
    )
    assert large["height"] > small["height"]
    assert large["config"]["axis"]["labelFontSize"] > 12


def test_smoothing_takes_noise_from_training_and_leaves_validation() -> None:
    noisy = curve("noisy", steps=200)
    noisy.steps["loss"] = 1 + 0.5 * (-1.0) ** np.arange(len(noisy.steps))
    drawn = [charts.learning_curves([noisy], "loss", 3, smooth=smooth).to_dict() for smooth in (False, True)]
    training = [[row["loss"] for row in rows_of(each, each["layer"][0])] for each in drawn]
    assert len(training[0]) == len(training[1])
    assert np.std(training[1]) < np.std(training[0]) / 5 or np.std(training[0]) == 0
    validation = [rows_of(each, each["layer"][1]) for each in drawn]
    assert validation[0] == validation[1]


def test_the_report_is_no_line_to_beat_for_runs_on_something_else() -> None:
    for drawn in ([curve("a", facts=DIGITS.facts)], [curve("a"), curve("b", facts=DIGITS.facts)]):
        assert "the report" not in str(charts.learning_curves(drawn, "accuracy", 3).to_dict())


def test_the_more_classes_the_higher_the_loss_in_sight() -> None:
    hundred = replace(DIGITS.facts, class_names=tuple(map(str, range(100))))
    bad = curve("bad", facts=hundred)
    bad.history.loc[0, "val_loss"] = 23.0
    scale = charts.learning_curves([bad], "loss", 3).to_dict()["layer"][0]["encoding"]["y"]["scale"]
    assert scale["domainMax"] == 4.8  # guessing has 4.6


def test_several_runs_are_told_apart_by_colour_and_each_has_its_best() -> None:
    specification = charts.learning_curves([curve("a"), curve("b", epochs=1)], "accuracy", 3).to_dict()
    colour = specification["layer"][0]["encoding"]["color"]
    assert colour["field"] == "run"
    assert colour["scale"]["domain"] == ["a", "b"]
    best = rows_of(specification, specification["layer"][3])
    assert {(row["run"], row["epoch"]) for row in best} == {("a", 2), ("b", 1)}


def test_a_bad_first_epoch_does_not_flatten_the_loss() -> None:
    bad = curve("bad")
    bad.history.loc[0, "val_loss"] = 23.0
    for drawn, ceiling in ((bad, 2.5), (curve("good"), None)):
        drawn.steps["loss"] = 1.0
        layers = charts.learning_curves([drawn], "loss", 3).to_dict()["layer"]
        assert layers[0]["encoding"]["y"]["scale"].get("domainMax") == ceiling
        # Lines are cut off there; a dot would be cut in half at the run's end, so those above are left out.
        assert all(layer["mark"].get("clip") for layer in layers[:2])
        assert all(layer["transform"] == [{"filter": "(datum['loss'] <= 2.5)"}] for layer in layers[2:4])


def test_a_run_without_a_finished_epoch_is_drawn() -> None:
    young = charts.Curve("young", curve("a").steps, curve("a").history.iloc[:0], CIFAR10.facts)
    specification = charts.learning_curves([young], "loss", 3).to_dict()
    assert len(rows_of(specification, specification["layer"][0])) == 30


def test_thinning_keeps_the_mean_and_leaves_short_logs_alone() -> None:
    short, long = curve("a").steps, curve("b", epochs=3, steps=500).steps
    assert charts.thinned(short) is short
    thin = charts.thinned(long)
    assert len(thin) == 375  # four rows of 1,500 become one
    assert thin["accuracy"].mean() == pytest.approx(long["accuracy"].mean())
    assert thin["step"].iloc[0] == pytest.approx(2.5)


@pytest.mark.parametrize(("planned", "end"), [(3, 3), (12, 12), (60, 2)])
def test_a_short_run_shows_what_is_left_and_a_long_one_what_there_is(planned: int, end: float) -> None:
    young = charts.Curve(
        "a", curve("a").steps[:15], curve("a").history[:1], CIFAR10.facts
    )  # in its second epoch
    assert charts.epochs_in_sight([young], planned) == end
    assert charts.epochs_in_sight([young, curve("b")], planned) == max(end, 3)


def test_what_was_searched_lies_behind_the_recipes_on_the_same_axes() -> None:
    one = {
        "recipe": "quick",
        "family": "airbench",
        "minutes": 1.5,
        "accuracy": 0.86,
        "low": 0.85,
        "high": 0.87,
    }
    searched = pd.DataFrame(
        {"minutes": [1.0, 2.0], "accuracy": [0.8, 0.88], "precision": ["float32", "bfloat16"]}
    )
    plain = charts.frontier(pd.DataFrame([one])).to_dict()
    specification = charts.frontier(pd.DataFrame([one]), searched=searched).to_dict()
    first, *others = specification["layer"]
    assert rows_of(specification, first) == searched.to_dict("records")
    assert first["encoding"]["x"]["field"] == "minutes"
    assert first["encoding"]["y"]["field"] == "accuracy"
    assert first["encoding"]["shape"]["field"] == "precision"
    assert len(others) == len(plain["layer"])


def test_the_frontier_has_a_point_a_recipe_that_can_be_clicked() -> None:
    points = pd.DataFrame(
        {
            "recipe": ["report", "quick", "best"],
            "family": ["the report's CNN", "airbench", "airbench"],
            "minutes": [60.0, 2.0, 90.0],
            "accuracy": [0.85, 0.86, 0.95],
            "low": [0.84, 0.85, 0.94],
            "high": [0.86, 0.87, 0.96],
        }
    )
    specification = charts.frontier(points, "quick").to_dict()
    line, points_drawn = specification["layer"][0], specification["layer"][-1]
    assert {(r["recipe"], r["minutes"], r["chosen"]) for r in rows_of(specification, points_drawn)} == {
        ("quick", 2.0, True),
        ("report", 60.0, False),
        ("best", 90.0, False),
    }
    assert [row["recipe"] for row in rows_of(specification, line)] == ["quick", "best"]  # the unbeaten
    [parameter] = specification["params"]
    assert (parameter["name"], parameter["select"]["fields"]) == ("recipe", ["recipe"])
