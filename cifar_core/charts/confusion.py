"""The confusion matrix: a square whose cells and class names can be clicked.

It is drawn anew with every click, so it is written in Vega-Lite's own words: Altair would take a tenth of a
second and more to check each of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cifar_core.charts.palette import RIGHT, TEXT, TEXT_ON_LIGHT, TRAINING, WRONG
from cifar_core.charts.theme import CONFIG
from cifar_core.evaluation.browse import ANY, describe

# Cells that are bright enough for dark text in the dark theme, too; green is brighter than orange.
STRONG = "datum.strength >= (datum.right ? 0.8 : 0.92)"
AXIS = {"labels": False, "ticks": False, "domain": False, "grid": False}
NAME_PIXELS = 68  # of a class name, the rest of which is left out
SAID = {
    "description": {"field": "said"},
    "tooltip": [
        {"field": "said", "title": "images"},
        {"field": "share", "type": "quantitative", "format": ".1%", "title": "of its class"},
    ],
}
WELL_READ = 12  # classes; of more the text is smaller


def confusion_cells(
    matrix: np.ndarray,
    class_names: Sequence[str],
    rates: bool,
    chosen: tuple[str, str] | None = None,
    turn: int = 0,
    most: float | None = None,
) -> pd.DataFrame:
    """Return the rows that `confusion_matrix` draws: a cell each, then the class names beside and below.

    Diagonal and errors have scales of their own, or the errors would all look alike.

    Parameters
    ----------
    matrix
        int counts [C, C], rows true, columns predicted.
    class_names
        The names of its rows and columns.
    rates
        Write the share of the true class in the cells instead of the count.
    chosen
        Names of the true and the predicted class to outline; `ANY` for a whole row or column.
    turn
        Another number after each choice: a browser tells only of a selection that differs from its last.
    most
        The share of an error that has the strongest colour; by default the largest there is.
    """
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    errors = most or share[~np.eye(len(share), dtype=bool)].max() or 1.0
    cells = [
        {
            "kind": "cell",
            "true": true,
            "predicted": predicted,
            "count": int(matrix[i, j]),
            "share": float(share[i, j]),
            "said": f"{matrix[i, j]:,} {describe(true, predicted, int(matrix[i, j]))}",
            "label": _label(matrix[i, j], share[i, j], rates),
            "right": i == j,
            # One number a cell for the colour: how strong it is within its own scale, 0 to 1.
            "strength": float(share[i, j] / (1.0 if i == j else errors)),
            "chosen": chosen is not None and _within(true, predicted, chosen),
            "turn": turn,
        }
        for i, true in enumerate(class_names)
        for j, predicted in enumerate(class_names)
    ]
    return pd.DataFrame(cells + _names(class_names, turn))


def _names(class_names: Sequence[str], turn: int) -> list[dict[str, Any]]:
    """Return the rows of the class names, which choose a class's mistakes either way."""
    return [
        {"kind": kind, "true": true, "predicted": predicted, "label": name, "said": said, "turn": turn}
        for name in class_names
        for kind, true, predicted, said in (
            ("row", name, ANY, f"mistaken {describe(name, ANY)}"),
            ("column", ANY, name, f"mistaken {describe(ANY, name)}"),
        )
    ]


def confusion_matrix(class_names: Sequence[str], clickable: bool = True) -> dict[str, Any]:
    """Return the Vega-Lite marks of the matrix; the data to hand over with them are `confusion_cells`.

    Parameters
    ----------
    class_names
        In the order of the rows and columns.
    clickable
        Whether a click on a cell or a class name selects it: parameter `cell`, fields true, predicted, turn.
    """
    mark = {"cursor": "pointer" if clickable else "default"}
    place = _place(class_names)
    size = 12 if len(class_names) <= WELL_READ else max(12 * WELL_READ // len(class_names), 6)
    colours = _colours(place, mark)
    if clickable:
        select = {"type": "point", "fields": ["true", "predicted", "turn"], "on": "click"}
        colours["params"] = [{"name": "cell", "select": select}]
    outline = {
        "transform": [{"filter": "datum.kind == 'cell' && datum.chosen"}],
        "mark": {"type": "rect", "filled": False, "strokeWidth": 2.5, "stroke": TRAINING, "aria": False},
        "encoding": place,
    }
    return {
        "layer": [colours, _numbers(place, mark, size), outline, *_class_names(place, mark, size)],
        # As high as it is wide, however wide the page lets it be; the number stands for "not by the step".
        "height": 400,
        "params": [{"name": "height", "expr": "width"}],
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": CONFIG,
    }


def _place(class_names: Sequence[str]) -> dict[str, Any]:
    """Return where a cell stands."""
    scale = {"type": "nominal", "scale": {"domain": list(class_names)}}
    x = {**scale, "field": "predicted", "title": "predicted", "axis": {**AXIS, "titlePadding": 56}}
    y = {**scale, "field": "true", "title": "true class", "axis": {**AXIS, "titlePadding": 72}}
    return {"x": x, "y": y}


def _colours(place: dict[str, Any], mark: dict[str, Any]) -> dict[str, Any]:
    return {
        "transform": [{"filter": "datum.kind == 'cell'"}],
        "mark": {**mark, "type": "rect", "cornerRadius": 2},
        "encoding": {
            **place,
            **SAID,
            "color": {
                "field": "right",
                "type": "nominal",
                "legend": None,
                "scale": {"domain": [True, False], "range": [RIGHT, WRONG]},
            },
            "opacity": {
                "field": "strength",
                "type": "quantitative",
                "legend": None,
                "scale": {"domain": [0, 1], "range": [0.04, 0.95]},
            },
        },
    }


def _numbers(place: dict[str, Any], mark: dict[str, Any], size: int) -> dict[str, Any]:
    return {
        "transform": [{"filter": "datum.kind == 'cell'"}],
        "mark": {**mark, "type": "text", "fontSize": size, "fontWeight": 500, "aria": False},
        "encoding": {
            **place,
            **SAID,
            "text": {"field": "label"},
            "color": {"condition": {"test": STRONG, "value": TEXT_ON_LIGHT}, "value": TEXT},
        },
    }


def _class_names(place: dict[str, Any], mark: dict[str, Any], size: int) -> list[dict[str, Any]]:
    name = {**mark, "type": "text", "align": "right", "fontSize": size, "color": TEXT, "limit": NAME_PIXELS}
    # Marks of another layer than the selection's take clicks only where they have a tooltip.
    said = {"field": "said"}
    named = {"text": {"field": "label"}, "tooltip": said, "description": said}
    beside = {
        "transform": [{"filter": "datum.kind == 'row'"}],
        "mark": name,
        "encoding": {**named, "x": {"value": -8}, "y": place["y"]},
    }
    below = {
        "transform": [{"filter": "datum.kind == 'column'"}],
        "mark": {**name, "angle": 315, "dy": 8},
        "encoding": {**named, "x": place["x"], "y": {"value": "height"}},
    }
    return [beside, below]


def _label(count: int, share: float, rates: bool) -> str:
    """Write a cell; nothing where it rounds to nothing, or the zeros would drown the rest."""
    shown = share * 100 if rates else count
    return f"{shown:.0f}{'%' if rates else ''}" if round(shown) else ""


def _within(true: str, predicted: str, chosen: tuple[str, str]) -> bool:
    """Whether a cell belongs to what is chosen, a cell or the mistakes of a row or column."""
    if chosen == (ANY, ANY) or (ANY in chosen and true == predicted):
        return False
    return chosen[0] in (true, ANY) and chosen[1] in (predicted, ANY)
