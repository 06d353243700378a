"""Training and exporting where not everybody may: refused by what does it, not only by what draws it."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import permission
from cifar_core.deploy import exporting
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("runs", "cifar10")


def button(app: AppTest, label: str) -> Any:
    [found] = [item for item in app.button if item.label == label]
    return found


def test_where_it_is_off_train_says_so_and_shows_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(permission.OPERATORS, "nobody")
    app = opened("train")
    assert "Training and exporting are switched off on this app." in [item.value for item in app.info]
    assert "Start" not in [item.label for item in app.button]


def test_a_click_on_a_button_drawn_before_starts_nothing(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    app = opened("train")
    monkeypatch.setenv(permission.OPERATORS, "ada@example.org")
    button(app, "Start").click()
    checked(app)
    assert [item.value for item in app.error] == [
        "Only some people may train and export on this app; log in."
    ]
    assert not [path for path in runs.glob("*") if path.is_dir()]


def test_a_click_on_a_button_drawn_before_exports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(exporting, "archive", asked.append)
    app = opened("deploy", model="quick")
    monkeypatch.setenv(permission.OPERATORS, "nobody")
    button(app, "Make the SavedModel").click()
    checked(app)
    assert [item.value for item in app.error] == ["Training and exporting are switched off on this app."]
    assert not asked
