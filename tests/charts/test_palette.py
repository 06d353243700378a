"""Colours that everybody can tell apart, in both themes."""

import itertools
import tomllib
from typing import Any

import numpy as np
import pytest

from cifar_core import charts, paths
from cifar_core.charts import palette


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
        for colour in (*charts.RUN_COLOURS, *palette.CLASS_COLOURS, charts.RIGHT, charts.WRONG):
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

    for colours in (charts.RUN_COLOURS, palette.CLASS_COLOURS, [charts.RIGHT, charts.WRONG]):
        for one, other in itertools.combinations(colours, 2):
            assert np.linalg.norm(lab(one) - lab(other)) > 12, (one, other)
