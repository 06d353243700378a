"""Charts are checked by what they hand to Vega: the rows, the marks and the selection."""

import itertools
import tomllib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cifar_core import charts, paths
from cifar_core.charts import palette
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.evaluation import comparison, findings
from cifar_core.evaluation.browse import ANY
from cifar_core.evaluation.comparison import Quadrant
from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS


def curve(name: str, epochs: int = 3, steps: int = 10, facts: Facts = CIFAR10.facts) -> charts.Curve:
    rows = np.arange(1, epochs * steps + 1)
    log = pd.DataFrame({column: rows.astype(float) for column in STEP_COLUMNS})
    log["epoch"], log["accuracy"] = rows / steps, rows / len(rows)
    history = pd.DataFrame({column: np.ones(epochs) for column in HISTORY_COLUMNS})
    history["epoch"] = np.arange(1.0, epochs + 1)
    history["val_accuracy"], history["val_loss"] = [0.5, 0.9, 0.7][:epochs], [1.0, 0.9, 0.4][:epochs]
    return charts.Curve(name, log, history, facts)


def rows_of(specification: dict[str, Any], layer: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows that a chart, or one layer of it, draws."""
    rows: list[dict[str, Any]] = specification["datasets"][(layer or specification)["data"]["name"]]
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


def test_the_report_is_no_line_to_beat_for_runs_on_something_else() -> None:
    for drawn in ([curve("a", facts=DIGITS.facts)], [curve("a"), curve("b", facts=DIGITS.facts)]):
        assert "the report" not in str(charts.learning_curves(drawn, "accuracy", 3).to_dict())


def test_the_more_classes_the_higher_the_loss_in_sight() -> None:
    hundred = replace(DIGITS.facts, class_names=tuple(map(str, range(100))))
    bad = curve("bad", facts=hundred)
    bad.history.loc[0, "val_loss"] = 23.0
    scale = charts.learning_curves([bad], "loss", 3).to_dict()["layer"][0]["encoding"]["y"]["scale"]
    assert scale["domainMax"] == 4.8  # guessing has 4.6


def test_the_matrix_is_as_large_as_there_are_classes() -> None:
    names = ("heron", "bittern", "ibis")
    table = charts.confusion_cells(np.diag([4, 5, 6]), names, rates=False, chosen=("heron", "ibis"))
    assert len(table) == 9 + 2 * 3
    assert [row["label"] for row in table.to_dict("records")[:9]] == ["4", "", "", "", "5", "", "", "", "6"]
    layers = charts.confusion_matrix(names)["layer"]
    domains = {tuple(place["scale"]["domain"]) for layer in layers for place in places(layer)}
    assert domains == {names}


def places(layer: dict[str, Any]) -> list[dict[str, Any]]:
    return [layer["encoding"][axis] for axis in "xy" if "scale" in layer["encoding"][axis]]


def test_a_true_class_that_a_model_does_not_know_makes_its_guess_wrong() -> None:
    specification = charts.probability_bars(np.array([0.9, 0.1]), ("0", "1"), "cat").to_dict()
    rows = next(iter(specification["datasets"].values()))
    assert [(row["class"], row["meaning"]) for row in rows] == [("0", "wrong"), ("1", "other")]


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


def test_the_matrix_shows_counts_or_rates_and_tells_errors_apart_on_their_own_scale() -> None:
    matrix = np.diag(np.full(10, 900))
    matrix[3, 5], matrix[5, 3] = 100, 50
    table = charts.confusion_cells(matrix, CLASS_NAMES, rates=False, chosen=("cat", "dog"))
    rows = {(row["true"], row["predicted"]): row for row in table.to_dict("records")}
    assert len(rows) == 100 + 20
    cat_dog = rows["cat", "dog"]
    assert (cat_dog["count"], cat_dog["label"], cat_dog["strength"]) == (100, "100", 1.0)
    assert rows["dog", "cat"]["strength"] == pytest.approx((50 / 950) / (100 / 1000))
    assert rows["cat", "cat"]["strength"] == pytest.approx(0.9)
    assert [key for key, row in rows.items() if row["chosen"] is True] == [("cat", "dog")]
    assert "10%" in set(charts.confusion_cells(matrix, CLASS_NAMES, rates=True)["label"])


def test_a_class_of_the_matrix_outlines_its_mistakes_and_can_be_clicked_like_a_cell() -> None:
    def outlined(true: str, predicted: str) -> set[tuple[str, str]]:
        table = charts.confusion_cells(
            np.diag(np.full(10, 900)), CLASS_NAMES, False, (true, predicted), turn=7
        )
        assert set(table["turn"]) == {7}
        chosen = table[table["chosen"] == True]  # noqa: E712, names are neither
        return set(zip(chosen["true"], chosen["predicted"], strict=True))

    others = [name for name in CLASS_NAMES if name != "cat"]
    assert outlined("cat", ANY) == {("cat", name) for name in others}
    assert outlined(ANY, "cat") == {(name, "cat") for name in others}
    assert outlined(ANY, ANY) == set()
    names = charts.confusion_cells(np.zeros((10, 10), int), CLASS_NAMES, False)[100:]
    assert {("cat", ANY, "row"), (ANY, "cat", "column")} <= {
        (row["true"], row["predicted"], row["kind"]) for row in names.to_dict("records")
    }


def test_the_marks_of_the_matrix_take_clicks_only_if_asked_to() -> None:
    def selections(clickable: bool) -> list[str]:
        layers = charts.confusion_matrix(CLASS_NAMES, clickable)["layer"]
        return [parameter["name"] for layer in layers for parameter in layer.get("params", [])]

    assert selections(True) == ["cell"]
    assert selections(False) == []
    fields = set(charts.confusion_cells(np.zeros((10, 10), int), CLASS_NAMES, False).columns)
    select = charts.confusion_matrix(CLASS_NAMES)["layer"][0]["params"][0]["select"]
    assert set(select["fields"]) <= fields


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


def test_rates_leave_out_what_rounds_to_nothing() -> None:
    matrix = np.diag(np.full(10, 996))
    matrix[3, 5] = 4
    table = charts.confusion_cells(matrix, CLASS_NAMES, rates=True)
    assert table[(table["true"] == "cat") & (table["predicted"] == "dog")]["label"].item() == ""
    assert table["label"].iloc[0] == "100%"


def test_an_empty_matrix_is_drawn() -> None:
    assert set(
        charts.confusion_cells(np.zeros((10, 10), int), CLASS_NAMES, rates=True)["strength"][:100]
    ) == {0}


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


def test_robustness_draws_a_line_a_corruption_from_strength_0_on() -> None:
    table = findings.robustness_table({"noise": [0.5] * 5, "blur": [0.7] * 5}, plain=0.9)
    specification = charts.robustness(table, ["noise", "blur"]).to_dict()
    rows = next(iter(specification["datasets"].values()))
    assert [(row["strength"], row["accuracy"]) for row in rows if row["corruption"] == "blur"] == [
        (0, 0.9), *((strength, 0.7) for strength in range(1, 6))
    ]  # fmt: skip
    assert specification["encoding"]["color"]["scale"]["domain"] == ["noise", "blur"]


def test_reliability_tells_before_from_after() -> None:
    before = pd.DataFrame({"confidence": [0.5], "accuracy": [0.7], "count": [10]})
    specification = charts.reliability(before, before.assign(accuracy=0.5)).to_dict()
    rows = rows_of(specification, specification["layer"][1])
    assert [(row["when"], row["accuracy"]) for row in rows] == [
        ("as it comes", 0.7),
        ("after temperature scaling", 0.5),
    ]


def scale_of(specification: dict[str, Any], layer: int, channel: str) -> dict[str, list[str]]:
    scale: dict[str, list[str]] = specification["layer"][layer]["encoding"][channel]["scale"]
    return scale


def test_the_four_fields_can_be_clicked_and_have_the_colours_of_their_models() -> None:
    counts: dict[Quadrant, int] = {"both": 83, "first": 10, "second": 2, "neither": 5}
    models = ["a", "b", "c"]
    specification = charts.who_is_right(counts, ("c", "a"), models, "second").to_dict()
    rows = {row["who"]: row for row in rows_of(specification)}
    assert {who: row["images"] for who, row in rows.items()} == counts
    assert (rows["first"]["row"], rows["first"]["column"]) == ("c right", "a wrong")
    assert rows["second"]["words"] == "only a right"
    assert rows["second"]["share"] == pytest.approx(0.02)
    assert [who for who, row in rows.items() if row["chosen"]] == ["second"]
    [parameter] = specification["params"]
    assert (parameter["name"], parameter["select"]["fields"]) == ("quadrant", ["who"])
    colours = scale_of(specification, 0, "color")
    found = dict(zip(colours["domain"], colours["range"], strict=True))
    assert (found["first"], found["second"]) == (charts.RUN_COLOURS[2], charts.RUN_COLOURS[0])


def test_charts_of_several_models_give_each_the_colour_of_its_place() -> None:
    by_class = pd.DataFrame({"b": [0.7, 0.9], "a": [0.8, 0.9]}, index=["cat", "ship"])
    specification = charts.f1_by_class(by_class).to_dict()
    assert scale_of(specification, 1, "color")["domain"] == ["b", "a"]
    assert {(row["class"], row["model"], row["f1"]) for row in rows_of(specification)} == {
        ("cat", "b", 0.7),
        ("cat", "a", 0.8),
        ("ship", "b", 0.9),
        ("ship", "a", 0.9),
    }
    right = {"b": np.array([True, False]), "a": np.array([True, True])}
    table = comparison.on_test_sets(right, {"original test set": np.ones(2, dtype=bool)})
    specification = charts.cleaner_test_sets(table).to_dict()
    assert scale_of(specification, 1, "color")["domain"] == ["b", "a"]
    assert [(row["model"], row["accuracy"]) for row in rows_of(specification)] == [
        ("b", 0.5),
        ("a", 1.0),
    ]


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


def test_the_balance_has_a_bar_a_class_and_set() -> None:
    counts = pd.DataFrame({"class": ["cat", "cat"], "set": ["test", "training"], "images": [1_000, 5_000]})
    specification = charts.class_balance(counts).to_dict()
    assert rows_of(specification) == counts.to_dict("records")
    assert specification["encoding"]["x"]["sort"] == ["cat"]


def test_the_values_of_a_picture_stand_where_its_pixels_do() -> None:
    image = np.arange(24.0).reshape(2, 4, 3) / 24
    specification = charts.pixel_values(image, 1).to_dict()
    rows = rows_of(specification)
    assert [(row["y"], row["x"], row["value"]) for row in rows] == [
        (y, x, image[y, x, 1]) for y in range(2) for x in range(4)
    ]


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast of WCAG 2, from 1 to 21."""
    dark, light = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def test_the_theme_has_the_colours_of_the_charts() -> None:
    theme = tomllib.loads((paths.code_root() / ".streamlit/config.toml").read_text())["theme"]
    assert theme["chartCategoricalColors"] == charts.RUN_COLOURS
    assert theme["light"]["textColor"] == palette.TEXT_ON_LIGHT
    assert theme["dark"]["textColor"] == palette.TEXT_ON_DARK
    for page, label in (
        (theme["light"], palette.LABEL_ON_LIGHT),
        (theme["dark"], palette.LABEL_ON_DARK),
    ):
        assert contrast(label, page["backgroundColor"]) >= 4.5
        assert contrast(page["primaryColor"], "#FFFFFF") >= 4.5  # the text on buttons
        assert contrast(page["textColor"], page["secondaryBackgroundColor"]) >= 7
        for colour in (*charts.RUN_COLOURS, charts.RIGHT, charts.WRONG, charts.NEUTRAL):
            assert contrast(colour, page["backgroundColor"]) >= 3


@pytest.mark.parametrize(
    "sight",  # Machado, Oliveira and Fernandes 2009, each kind complete
    [
        np.eye(3),
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ],
    ids=["all", "no red", "no green", "no blue"],
)
def test_colour_blind_eyes_tell_the_colours_apart(sight: Any) -> None:
    to_xyz = np.array([[0.4339, 0.3762, 0.1899], [0.2127, 0.7152, 0.0722], [0.0178, 0.1095, 0.8727]])

    def lab(colour: str) -> np.ndarray:
        x, y, z = np.cbrt(to_xyz @ np.clip(np.asarray(sight) @ linear(colour), 0, 1))
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    for colours in (charts.RUN_COLOURS, [charts.RIGHT, charts.WRONG]):
        for one, other in itertools.combinations(colours, 2):
            assert np.linalg.norm(lab(one) - lab(other)) > 12, (one, other)
