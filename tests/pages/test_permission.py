"""Training and exporting where not everybody may: refused by what does it, not only by what draws it."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import settings
from cifar_core.deploy import exporting
from cifar_core.recipes import Recipe
from cifar_core.runs.status import State
from tests.model_directories import run_that_is
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("runs")


def button(app: AppTest, label: str) -> Any:
    [found] = [item for item in app.button if item.label == label]
    return found


def test_where_it_is_off_train_says_so_and_shows_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.OPERATORS.name, "nobody")
    app = opened("train")
    assert "Training and exporting are switched off on this app." in [item.value for item in app.info]
    assert "Start" not in [item.label for item in app.button]


def test_a_click_on_a_button_drawn_before_starts_nothing(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    app = opened("train")
    monkeypatch.setenv(settings.OPERATORS.name, "ada@example.org")
    button(app, "Start").click()
    checked(app)
    assert [item.value for item in app.error] == [
        "Only some people may train and export on this app; log in."
    ]
    assert not [path for path in runs.glob("*") if path.is_dir()]


@pytest.mark.parametrize(
    ("state", "label"), [("stopped", "Resume mine"), ("running", "Stop mine"), ("stopped", "Delete it")]
)
def test_a_click_on_a_button_drawn_before_changes_no_run(
    monkeypatch: pytest.MonkeyPatch, runs: Path, tiny: Recipe, state: State, label: str
) -> None:
    run = run_that_is(state, runs / "mine", tiny)
    before = run.status_path.read_bytes()
    app = opened("train", run="mine")
    monkeypatch.setenv(settings.OPERATORS.name, "ada@example.org")
    button(app, label).click()
    checked(app)
    assert "Only some people may train and export on this app; log in." in [item.value for item in app.error]
    assert {path.name for path in run.path.iterdir()} == {"config.json", "status.json"}
    assert run.status_path.read_bytes() == before


@pytest.mark.parametrize("name", ["../mine", "![x](https://example.org)", "mine/../mine", "<b>"])
def test_a_name_in_the_address_opens_nothing_elsewhere_and_is_no_markup(runs: Path, name: str) -> None:
    outside = runs.parent / "mine"
    outside.mkdir()
    (outside / "config.json").write_text("{}")
    app = opened("train", run=name)
    assert "There is no model or run" in app.warning[0].value
    assert "](" not in app.warning[0].value.replace("\\]", "")
    assert not [item for item in app.subheader if item.value == "mine"]


def test_a_click_on_a_button_drawn_before_exports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(exporting, "archive", asked.append)
    app = opened("deploy", model="quick")
    monkeypatch.setenv(settings.OPERATORS.name, "nobody")
    button(app, "Make the SavedModel").click()
    checked(app)
    assert [item.value for item in app.error] == ["Training and exporting are switched off on this app."]
    assert not asked
