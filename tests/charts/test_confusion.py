"""The confusion matrix, as large as there are classes."""

from typing import Any

import numpy as np
import pytest

from cifar_core import charts
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.evaluation.browse import ANY


def places(layer: dict[str, Any]) -> list[dict[str, Any]]:
    return [layer["encoding"][axis] for axis in "xy" if "scale" in layer["encoding"][axis]]


def test_the_matrix_is_as_large_as_there_are_classes() -> None:
    names = ("heron", "bittern", "ibis")
    table = charts.confusion_cells(np.diag([4, 5, 6]), names, rates=False, chosen=("heron", "ibis"))
    assert len(table) == 9 + 2 * 3
    assert [row["label"] for row in table.to_dict("records")[:9]] == ["4", "", "", "", "5", "", "", "", "6"]
    layers = charts.confusion_matrix(names)["layer"]
    domains = {tuple(place["scale"]["domain"]) for layer in layers for place in places(layer)}
    assert domains == {names}


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
