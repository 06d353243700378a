"""The download of CIFAR-10 as pages show it: a strip on all of them, and who may start and end it."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import settings
from cifar_core.datasets import download_status, imported
from cifar_core.datasets.download_status import DownloadStatus
from cifar_core.errors import DatasetError
from cifar_core.runs import downloads
from pages.parts.downloads import how_far
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("runs")

RUNNING = DownloadStatus("running", "downloading", "example.org", 61_000_000, 170_498_071, 4_200_000.0, 26.0)


@pytest.fixture
def running(cache: Path) -> None:
    """A download as whose process the test itself passes."""
    cache.mkdir(parents=True)
    me = psutil.Process()
    download_status.write(replace(RUNNING, pid=me.pid, pid_started=me.create_time(), updated=time.time()))


def button(app: AppTest, label: str) -> Any:
    [found] = [item for item in app.button if item.label == label]
    return found


def bars(app: AppTest) -> list[str]:
    return [item.proto.text for item in app.get("progress")]


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("page", ["overview", "data", "train", "evaluate", "compare", "classify", "deploy"])
def test_every_page_says_how_far_it_is_and_offers_no_second_one(page: str) -> None:
    app = opened(page)
    assert bars(app)[0] == "**CIFAR-10** · downloading · 61.0 MB of 170.5 MB · 4.2 MB/s · 26 s left"
    assert not [item for item in app.button if item.label.startswith("Download CIFAR-10")]


def test_how_far_leaves_out_what_is_not_known() -> None:
    assert how_far(DownloadStatus("running")) == "starting …"
    assert how_far(DownloadStatus("running", "verifying")) == "verifying …"
    assert how_far(DownloadStatus("running", "downloading", total=2_000)) == "downloading · 0 bytes of 2.0 kB"


@pytest.mark.usefixtures("running")
def test_it_can_be_cancelled_and_then_the_strip_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "cancel", lambda: download_status.write(replace(RUNNING, state="stopped")))
    app = opened("overview")
    button(app, "Cancel").click()
    assert not bars(checked(app))
    assert button(app, "Go on with the download (170 MB)")


@pytest.mark.usefixtures("running")
def test_who_may_not_train_cannot_cancel_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    monkeypatch.setattr(downloads, "cancel", lambda: asked.append(None))
    app = opened("overview")
    monkeypatch.setenv(settings.OPERATORS.name, "nobody")
    button(app, "Cancel").click()
    checked(app)
    assert "Training and exporting are switched off on this app." in [item.value for item in app.error]
    assert not asked


@pytest.mark.usefixtures("cache")
def test_who_may_not_train_cannot_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    monkeypatch.setattr(downloads, "start", lambda: asked.append(None))
    monkeypatch.setenv(settings.OPERATORS.name, "nobody")
    app = opened("overview")
    button(app, "Download CIFAR-10 (170 MB)").click()
    checked(app)
    assert [item.value for item in app.error] == ["Training and exporting are switched off on this app."]
    assert not asked


def test_what_went_wrong_is_said_where_it_can_be_tried_again(cache: Path) -> None:
    cache.mkdir(parents=True)
    download_status.write(replace(RUNNING, state="failed", done=0, error="No network."))
    app = opened("data")
    assert [item.value for item in app.error] == ["No network."]
    assert button(app, "Download CIFAR-10 (170 MB)")
    download_status.write(replace(RUNNING, pid=2**22 + 1, pid_started=1.0))
    app = opened("data")
    assert [item.value for item in app.error] == [
        "The last download ended in its middle; it goes on from there."
    ]
    assert button(app, "Go on with the download (170 MB)")


def test_what_does_not_start_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    def start() -> None:
        raise DatasetError("The disk is full.")

    monkeypatch.setattr(downloads, "start", start)
    app = opened("data")
    button(app, "Download CIFAR-10 (170 MB)").click()
    assert [item.value for item in checked(app).error] == ["The disk is full."]
    assert not checked(app).error


def test_where_a_folder_is_set_that_lacks_it_no_download_is_offered(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.CIFAR10_DIR.name, str(cache))
    app = opened("data")
    assert "`python -m cifar_core data` says more" in app.warning[0].value
    assert settings.CIFAR10_DIR.name not in app.warning[0].value
    assert not [item for item in app.button if "ownload" in item.label]


@pytest.mark.usefixtures("cache")
class TestACopyThatIsHere:
    """Only who sits at this machine names a path on it."""

    def test_a_path_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken: list[tuple[Any, ...]] = []
        monkeypatch.setattr(imported, "take", lambda *copies, **_: taken.append(copies))
        app = opened("data")
        button(app, "Take it").click()
        checked(app)
        assert "Say first where it is." in [item.value for item in app.info]
        app.text_input(key="copy-path").set_value(" ~/cifar-10-python.tar.gz ")
        button(app, "Take it").click()
        checked(app)
        assert taken == [("~/cifar-10-python.tar.gz",)]

    def test_what_is_none_is_refused(self, tmp_path: Path) -> None:
        app = opened("data")
        app.text_input(key="copy-path").set_value(str(tmp_path / "nothing"))
        button(app, "Take it").click()
        assert "nothing cannot be read" in checked(app).error[0].value

    @pytest.mark.usefixtures("stranger")
    def test_others_are_told_the_command(self) -> None:
        app = opened("data")
        assert not app.text_input
        assert not app.get("file_uploader")
        assert "python -m cifar_core data download --from FILE" in [code.value for code in app.code]

    def test_who_may_not_train_can_take_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken: list[tuple[Any, ...]] = []
        monkeypatch.setattr(imported, "take", lambda *copies, **_: taken.append(copies))
        monkeypatch.setenv(settings.OPERATORS.name, "nobody")
        app = opened("data")
        app.text_input(key="copy-path").set_value("/tmp")
        button(app, "Take it").click()
        checked(app)
        assert [item.value for item in app.error] == ["Training and exporting are switched off on this app."]
        assert not taken
