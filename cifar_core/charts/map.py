"""The map of the test images: a dot an image, on which a box can be drawn and a dot clicked.

Drawn on a canvas, because a browser would take seconds for 10,000 elements of SVG; and in Vega-Lite's own
words, as the confusion matrix is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifar_core.arrays import Labels
from cifar_core.charts.palette import CLASS_COLOURS, LARGE_HEIGHT, TEXT
from cifar_core.charts.theme import CONFIG

MARGIN = 0.03  # of the map, around the outermost dots
IN_LEGEND = 20  # classes
OTHERS, DOT, LARGE_DOT, CROSS = 0.08, 12, 28, 80  # opacity of what is not pointed out; square pixels
SPARSE = 2_000  # dots, up to which they may be large
RING, GROUND = 400, {"expr": "background"}  # square pixels; what lies behind the dots
WHOLE = {
    "height": LARGE_HEIGHT,
    "config": CONFIG,
    "usermeta": {"embedOptions": {"renderer": "canvas"}},
}
LEGEND = {
    "orient": "bottom",
    "columns": 5,
    "symbolType": "circle",
    "symbolSize": 80,
    "symbolOpacity": 1,
    "symbolStrokeWidth": 0,
}


def map_points(
    positions: NDArray[np.floating[Any]],
    images: NDArray[np.integer[Any]],
    labels: Labels,
    guesses: Labels,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Return the rows that `map_of_images` draws, the mistakes last, so that they lie on top.

    Parameters
    ----------
    positions : float [N, 2]
        Where the images lie, to the right and up.
    images : int [N]
        Their numbers in the test set.
    labels, guesses : int [N]
        Their true classes and what the model says.
    class_names
        In the order of the labels.
    """
    names, wrong = np.array(class_names), np.asarray(labels) != np.asarray(guesses)
    table = pd.DataFrame(
        {
            "x": positions[:, 0].astype(np.float32),
            "y": positions[:, 1].astype(np.float32),
            "image": images,
            "class": names[labels],
            "answer": names[guesses],
            "wrong": wrong,
        }
    )
    return table.iloc[np.argsort(wrong, kind="stable")].reset_index(drop=True)


def map_of_images(
    points: pd.DataFrame, class_names: Sequence[str], box: Sequence[float] | None = None
) -> dict[str, Any]:
    """Return the Vega-Lite marks of the map; the data to hand over with them are `map_points`.

    A box that is drawn selects: parameter `box`, fields x and y. So does a dot that is clicked: parameter
    `dot`, field image. A click in the legend points out a class.

    Parameters
    ----------
    points
        The rows.
    class_names
        In the order of the labels.
    box
        Left, right, bottom and top of a box to begin with.
    """
    interval: dict[str, Any] = {"name": "box", "select": {"type": "interval"}}
    if box is not None:
        left, right, bottom, top = box
        interval["value"] = {"x": [left, right], "y": [bottom, top]}
    dot = {"name": "dot", "select": {"type": "point", "fields": ["image"], "on": "click", "clear": False}}
    dots = _dots(points, class_names)
    return {**dots, "params": [interval, dot, *dots["params"]], **WHOLE}


def map_with_picture(
    points: pd.DataFrame, class_names: Sequence[str], place: Sequence[float]
) -> dict[str, Any]:
    """Return the Vega-Lite marks of the map with a ring around the place of a picture, which is none of them.

    Parameters
    ----------
    points, class_names
        As for `map_of_images`; here nothing can be selected but a class, in the legend.
    place
        Of the picture, to the right and up.
    """
    here = dict(zip(("x", "y"), map(float, place), strict=True))
    where = {axis: {"field": axis, "type": "quantitative", "axis": None} for axis in here}
    ring = {"type": "point", "size": RING, "filled": False, "opacity": 1}
    name = {"type": "text", "text": "the picture", "dy": -18, "fontSize": 14, "fontWeight": "bold"}
    marks = [
        {**ring, "stroke": GROUND, "strokeWidth": 7},  # so that it stands out from the dots around it
        {**ring, "stroke": TEXT, "strokeWidth": 3},
        {**name, "stroke": GROUND, "strokeWidth": 4},
        {**name, "fill": TEXT},
    ]
    dots = _dots(points, class_names, here)
    if legend := dots["encoding"]["color"]["legend"]:
        dots["encoding"]["color"]["legend"] = legend | {"columns": 3}  # as a dialog on a phone has room for
    alone = [{"mark": mark, "data": {"values": [here]}, "encoding": where} for mark in marks]
    return {"layer": [dots, *alone], **WHOLE}


def _dots(
    points: pd.DataFrame, class_names: Sequence[str], here: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the marks of the images, on axes that also reach to the place `here`."""
    few = len(class_names) <= IN_LEGEND
    params: list[dict[str, Any]] = []
    shown: dict[str, Any] = {"value": 1}
    if few:
        chosen = {"type": "point", "fields": ["class"]}
        params = [{"name": "pointed_out", "select": chosen, "bind": "legend"}]
        shown = {"condition": {"param": "pointed_out", "value": 1}, "value": OTHERS}
    dot = LARGE_DOT if len(points) <= SPARSE else DOT
    ends = {axis: [*points[axis].agg(["min", "max"]), *([here[axis]] if here else [])] for axis in ("x", "y")}
    return {
        "mark": {"type": "point", "filled": True, "stroke": TEXT},
        "params": params,
        "encoding": {
            **{axis: _place(ends[axis], axis) for axis in ("x", "y")},
            "color": _colours(class_names, few),
            "opacity": shown,
            "shape": {"condition": {"test": "datum.wrong", "value": "cross"}, "value": "circle"},
            "size": {"condition": {"test": "datum.wrong", "value": CROSS}, "value": dot},
            "strokeWidth": {"condition": {"test": "datum.wrong", "value": 0.8}, "value": 0},
            "tooltip": [
                {"field": "image", "title": "test image"},
                {"field": "class", "title": "true class"},
                {"field": "answer", "title": "taken for"},
            ],
        },
    }


def _place(ends: Sequence[float], axis: str) -> dict[str, Any]:
    low, high = float(min(ends)), float(max(ends))
    margin = MARGIN * ((high - low) or 1.0)
    scale = {"domain": [low - margin, high + margin], "nice": False, "zero": False}
    return {"field": axis, "type": "quantitative", "axis": None, "scale": scale}


def _colours(class_names: Sequence[str], legend: bool) -> dict[str, Any]:
    colours = [CLASS_COLOURS[number % len(CLASS_COLOURS)] for number in range(len(class_names))]
    return {
        "field": "class",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(class_names), "range": colours},
        "legend": LEGEND if legend else None,
    }
