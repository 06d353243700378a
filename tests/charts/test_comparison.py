"""Charts of models side by side."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cifar_core import charts
from cifar_core.evaluation import comparison
from cifar_core.evaluation.comparison import Quadrant
from tests.charts import rows_of


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
