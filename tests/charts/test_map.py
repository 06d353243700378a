"""The map of the test images: a dot an image, the mistakes on top, on a canvas."""

import altair as alt
import numpy as np
import pandas as pd
import pytest

from cifar_core import charts
from cifar_core.charts.palette import CLASS_COLOURS

POSITIONS = np.array([[0, 1], [2, 3], [4, 5], [6, 7]], np.float32)
LABELS, GUESSES = np.array([0, 1, 1, 2]), np.array([1, 1, 0, 2])
NAMES = ("heron", "bittern", "ibis")


def points() -> pd.DataFrame:
    return charts.map_points(POSITIONS, np.array([3, 5, 8, 9]), LABELS, GUESSES, NAMES)


def test_mistakes_lie_on_top_and_each_dot_says_what_it_is() -> None:
    assert points().to_dict("records") == [
        {"x": 2, "y": 3, "image": 5, "class": "bittern", "answer": "bittern", "wrong": False},
        {"x": 6, "y": 7, "image": 9, "class": "ibis", "answer": "ibis", "wrong": False},
        {"x": 0, "y": 1, "image": 3, "class": "heron", "answer": "bittern", "wrong": True},
        {"x": 4, "y": 5, "image": 8, "class": "bittern", "answer": "heron", "wrong": True},
    ]


@pytest.mark.parametrize("box", [None, (1.0, 2.0, 3.0, 4.0)])
def test_its_marks_are_what_vega_lite_knows_and_it_begins_with_the_box(box: tuple[float, ...] | None) -> None:
    marks = charts.map_of_images(points(), NAMES, box)
    alt.Chart.from_dict({**marks, "data": {"values": []}})  # raises on what is no Vega-Lite
    [interval] = [param for param in marks["params"] if param["name"] == "box"]
    assert interval.get("value") == (box and {"x": [1, 2], "y": [3, 4]})
    assert marks["usermeta"]["embedOptions"]["renderer"] == "canvas"
    for axis, low, high in (("x", 0, 6), ("y", 1, 7)):
        least, most = marks["encoding"][axis]["scale"]["domain"]
        assert least < low < high < most
    assert marks["encoding"]["color"]["scale"]["range"] == CLASS_COLOURS[:3]


def test_of_many_classes_colours_repeat_and_there_is_no_legend() -> None:
    names = [f"class {number}" for number in range(25)]
    marks = charts.map_of_images(points(), names)
    assert len(marks["encoding"]["color"]["scale"]["range"]) == 25
    assert marks["encoding"]["color"]["legend"] is None
    assert [param["name"] for param in marks["params"]] == ["box", "dot"]


@pytest.mark.parametrize("place", [(3.0, 4.0), (-9.0, 20.0)])
def test_a_picture_that_is_none_of_the_dots_has_a_ring_wherever_it_lies(place: tuple[float, float]) -> None:
    marks = charts.map_with_picture(points(), NAMES, place)
    alt.Chart.from_dict({**marks, "data": {"values": []}})
    dots, *others = marks["layer"]
    assert [param["name"] for param in dots["params"]] == ["pointed_out"]  # nothing else can be selected
    assert {layer["mark"]["type"] for layer in others} == {"point", "text"}
    for layer in others:
        assert layer["data"]["values"] == [{"x": place[0], "y": place[1]}]
    for axis, there in zip(("x", "y"), place, strict=True):
        least, most = dots["encoding"][axis]["scale"]["domain"]
        assert least < min(there, points()[axis].min())
        assert max(there, points()[axis].max()) < most
