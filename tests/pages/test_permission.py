"""Training and exporting where not everybody may: refused by what does it, not only by what draws it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import settings
from cifar_core.annotations import sources
from cifar_core.deploy import exporting
from cifar_core.recipe import Recipe
from cifar_core.runs import downloads
from cifar_core.runs.status import State
from tests.model_directories import run_that_is
from tests.pages import checked, come_from, opened

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


STRANGER = "All may look and classify here; only who opens this app on its own machine, as localhost, may"


@pytest.mark.usefixtures("stranger")
class TestAStranger:
    """Somebody on another machine, where nothing says who may do what."""

    def test_is_told_who_may_and_how_to_allow_more(self) -> None:
        app = opened("train")
        [said] = [item.value for item in app.info if STRANGER in item.value]
        assert f"{settings.OPERATORS.name}=everybody" in said
        assert "Start" not in [item.label for item in app.button]

    def test_may_train_where_everybody_may(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(settings.OPERATORS.name, "everybody")
        assert button(opened("train"), "Start")

    def test_classifies(self) -> None:
        app = opened("classify", model="quick", example="flower")
        assert [item.value for item in app.markdown if item.value.startswith("## ")]

    @pytest.mark.usefixtures("cache")
    def test_downloads_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[object] = []
        monkeypatch.setattr(downloads, "start", lambda: asked.append("CIFAR-10"))
        monkeypatch.setattr(sources, "download", asked.append)
        app = opened("data")
        button(app, "Download CIFAR-10 (170 MB)").click()
        assert STRANGER in checked(app).error[0].value
        app = opened("evaluate", model="quick", view="Humans")
        button(app, "Download the lists (0.9 MB)").click()
        assert STRANGER in checked(app).error[0].value
        assert not asked


def name_another(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(settings.OPERATORS.name, "ada@example.org")
    return "Only some people may train and export on this app; log in."


def move_away(monkeypatch: pytest.MonkeyPatch) -> str:
    come_from(monkeypatch, "192.0.2.7", Host="192.0.2.1:8501")
    return STRANGER


def point_a_name_here(monkeypatch: pytest.MonkeyPatch) -> str:
    come_from(monkeypatch, "127.0.0.1", Host="lab.example.org", Origin="http://lab.example.org")
    return STRANGER


@pytest.mark.parametrize("take_away", [name_another, move_away, point_a_name_here])
@pytest.mark.parametrize(
    ("state", "label"),
    [("stopped", "Resume"), ("running", "Stop"), ("stopped", "Delete it"), ("stopped", "Save")],
)
def test_a_click_on_a_button_drawn_before_changes_no_run(
    monkeypatch: pytest.MonkeyPatch,
    runs: Path,
    tiny: Recipe,
    state: State,
    label: str,
    take_away: Callable[[pytest.MonkeyPatch], str],
) -> None:
    run = run_that_is(state, runs / "mine", tiny)
    before = run.status_path.read_bytes()
    app = opened("train", run="mine")
    word = take_away(monkeypatch)
    button(app, label).click()
    checked(app)
    assert word in app.error[0].value
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
