"""A model as a file on the first page: packed for another machine, and taken in from one."""

import io
import shutil
from pathlib import Path

import pytest

from cifar_core import paths, settings
from cifar_core.deploy import packing
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import overview_files
from tests.pages import checked, opened

QUICK = ModelDirectory(paths.models_root() / "quick")


def packed() -> bytes:
    file = io.BytesIO()
    packing.pack(QUICK, file)
    return file.getvalue()


def test_a_model_is_packed_and_taken_in(runs: Path) -> None:
    shutil.copytree(QUICK.path, runs / "mine")
    app = opened("overview")
    app.selectbox(key="pack-model").set_value("mine")
    assert any("Download mine.zip" in str(item) for item in checked(app).get("download_button"))
    assert overview_files.packed(ModelDirectory(runs / "mine"))[:2] == b"PK"

    app.file_uploader(key="unpack-file").set_value(("quick.zip", packed(), "application/zip"))
    checked(app)
    app.text_input(key="unpack-name").set_value("twin")
    app.button(key="unpack").click()
    assert any("“twin” is here" in item.value for item in checked(app).success)
    assert "twin" in [metric.label for metric in app.metric]


def test_what_is_no_model_is_said(runs: Path) -> None:
    app = opened("overview")
    assert app.button(key="unpack").disabled
    app.file_uploader(key="unpack-file").set_value(("quick.zip", b"PK nonsense", "application/zip"))
    checked(app)
    app.button(key="unpack").click()
    assert "This file is no packed model" in checked(app).error[0].value
    assert not list(runs.glob("*/config.json"))


def test_a_click_on_a_button_drawn_before_takes_nothing_in(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened("overview")
    app.file_uploader(key="unpack-file").set_value(("quick.zip", packed(), "application/zip"))
    checked(app)
    monkeypatch.setenv(settings.OPERATORS.name, "nobody")
    app.button(key="unpack").click()
    checked(app)
    assert not list(runs.glob("*/config.json"))
    assert "unpack" not in [button.key for button in app.button]
