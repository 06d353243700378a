"""What a visitor sees where a page fails in a way that nobody foresaw."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from benchmarks.browser import Server
from cifar_core import charts
from cifar_core.errors import DatasetError
from cifar_core.runs import jobs
from tests.model_directories import until
from tests.pages import addressed, checked, come_from, opened

pytestmark = pytest.mark.usefixtures("runs")

SECRET = "sk-1234 in /home/ada/.secrets"
OPTION = "client.showErrorDetails"


@pytest.fixture(params=["full", "stacktrace", "false"])
def _host(request: pytest.FixtureRequest) -> Iterator[None]:
    """A host that wants to show more, as Streamlit does by default and Community Cloud with \"false\"."""
    before = config.get_option(OPTION)
    config.set_option(OPTION, request.param, "command-line argument")
    yield
    config.set_option(OPTION, before)


def failing(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def failed(monkeypatch: pytest.MonkeyPatch, error: Exception) -> AppTest:
    """Open Data while its chart raises this error."""
    monkeypatch.setattr(charts, "class_balance", failing(error))
    return addressed("data", view="Balance").run()


def check_box(app: AppTest, kind: str) -> None:
    [box] = app.exception
    assert box.value.startswith("This app has encountered an error. The original error message is redacted")
    assert (box.proto.type, list(box.proto.stack_trace)) == (kind, [])
    assert SECRET not in str(app)


@pytest.mark.usefixtures("_host")
def test_an_unforeseen_error_is_a_sentence_and_a_type_and_the_log_has_the_rest(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    app = failed(monkeypatch, KeyError(SECRET))
    check_box(app, "KeyError")
    assert app.title[0].value == "Data"  # what was drawn before stays
    assert "KeyError" in capfd.readouterr().out  # where the server's log goes
    app.switch_page("pages/deploy.py")
    assert checked(app).title[0].value == "Deploy"  # the visitor's own session goes on
    assert opened("evaluate").title[0].value == "Evaluate"  # and so does everybody else's


@pytest.mark.usefixtures("_host")
def test_so_it_is_where_a_button_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    come_from(monkeypatch, "127.0.0.1", Host="localhost")
    app = opened("train")
    monkeypatch.setattr(jobs, "start", failing(ValueError(SECRET)))
    [start] = [button for button in app.button if button.label == "Start"]
    check_box(start.click().run(), "ValueError")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DatasetError("CIFAR-10 is damaged."), "CIFAR-10 is damaged."),
        (
            PermissionError(13, "Permission denied", "/home/ada/model.onnx"),
            "model.onnx cannot be read or written (Permission denied).",
        ),
        (
            OSError(28, "No space left on device"),
            "A file cannot be read or written (No space left on device).",
        ),
        (OSError(9, "Bad file descriptor", 7), "A file cannot be read or written (Bad file descriptor)."),
    ],
)
def test_a_foreseen_error_is_a_sentence_only(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    app = failed(monkeypatch, error)
    assert [box.value for box in app.error] == [sentence]
    assert not app.exception


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a browser is opened by other means")
def test_on_a_desktop_it_opens_in_a_browser(tmp_path: Path) -> None:
    asked, opener = tmp_path / "asked", tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\necho "$@" > {asked}.part && mv {asked}.part {asked}\n')
    opener.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with Server(variables=variables, options=["--server.headless", "false"]) as server:
        until(asked.exists)
        assert asked.read_text().strip() == server.url.replace("127.0.0.1", "localhost")


def test_a_library_that_words_its_own_os_errors_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    check_box(failed(monkeypatch, ConnectionError(SECRET)), "ConnectionError")
