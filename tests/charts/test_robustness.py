"""Charts of worse pictures, and whether their numbers can be read in both themes."""

import tomllib

import numpy as np
import pytest

from cifar_core import charts, paths
from cifar_core.charts import palette
from cifar_core.charts.robustness import FAINTEST, STRONGEST
from cifar_core.evaluation import findings
from tests.charts import rows_of
from tests.charts.test_palette import contrast

TABLE = findings.robustness_table(
    {"shot_noise": [0.5] * 5, "gaussian_noise": [0.6, 0.5, 0.4, 0.3, 0.123], "fog": [0.7] * 5}, plain=0.9
)


def test_a_line_a_family_from_strength_0_on() -> None:
    specification = charts.robustness_by_family(TABLE, ("noise", "weather", "shift")).to_dict()
    rows = rows_of(specification)
    of = {name: [row["accuracy"] for row in rows if row["family"] == name] for name in ("noise", "weather")}
    assert of["noise"] == pytest.approx([0.9, 0.55, 0.5, 0.45, 0.4, 0.3115])
    assert of["weather"] == [0.9] + [0.7] * 5
    assert len(rows) == 12
    assert specification["encoding"]["color"]["scale"]["domain"] == ["noise", "weather", "shift"]


def test_a_cell_a_kind_and_strength_the_hardest_first() -> None:
    specification = charts.robustness_by_kind(TABLE).to_dict()
    colours, numbers = specification["layer"]
    rows = rows_of(specification)
    assert len(rows) == 15
    assert [row["percent"] for row in rows[:5]] == ["60", "50", "40", "30", "12"]
    assert rows[4]["wrong"] == pytest.approx(0.877)
    for layer in (colours, numbers):
        assert layer["encoding"]["y"]["sort"] == ["Gaussian noise", "shot noise", "fog"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_numbers_can_be_read_on_every_cell(theme: str) -> None:
    page = tomllib.loads((paths.code_root() / ".streamlit/config.toml").read_text())["theme"][theme]

    def channels(colour: str) -> np.ndarray:
        return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])

    for opacity in np.linspace(FAINTEST, STRONGEST, 9):
        mixed = opacity * channels(palette.WRONG) + (1 - opacity) * channels(page["backgroundColor"])
        cell = "#" + "".join(f"{round(channel):02X}" for channel in mixed)
        assert contrast(cell, page["textColor"]) >= 4.5
