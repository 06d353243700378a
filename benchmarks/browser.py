"""A Streamlit server as a user starts it, and the distribution's Chromium to look at it."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import psutil
import typer

from cifar_core import paths
from cifar_core.errors import CifarLabError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ENTRY = paths.code_root() / "streamlit_app.py"
Within = Annotated[
    str,
    typer.Option(
        help="A command that starts the server and becomes it: `systemd-run --scope -p MemoryMax=1G`."
    ),
]
PATIENCE = 300.0  # seconds, for what takes a few on an idle machine
# The script has run, what it drew is there, and nothing of the page before is left.
AT_REST = """document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
    && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')"""


class Server:
    """`streamlit run` of an app, on a free port of this machine.

    Parameters
    ----------
    script
        The app's first file.
    variables
        Environment variables; None takes one away.
    options
        More options of `streamlit run`.
    within
        A command that starts the server and becomes it, such as `systemd-run --scope -p MemoryMax=1G`.
    log
        The file that gets what the server says; nobody does by default.
    """

    def __init__(
        self,
        script: Path = ENTRY,
        variables: Mapping[str, str | None] = {},
        *,
        options: Sequence[str] = (),
        within: str = "",
        log: Path = Path(os.devnull),
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._command = [
            *shlex.split(within),
            *(sys.executable, "-m", "streamlit", "run", str(script)),
            *("--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"),
            *options,
        ]
        self._log = log
        self._environment = {k: v for k, v in {**os.environ, **variables}.items() if v is not None}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it answers; CifarLabError after five minutes."""
        with self._log.open("ab") as log:
            self._started = subprocess.Popen(
                self._command,
                cwd=paths.code_root(),  # where the theme is
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._started.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise CifarLabError(f"The app did not start. {self._log.read_text()}")

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self._started.terminate()
        try:
            self._started.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it may wait for a tab that is still open
            self._started.kill()
            self._started.wait()

    @property
    def process(self) -> psutil.Process:
        """The process that was started last."""
        return psutil.Process(self._started.pid)


@contextmanager
def chromium(*flags: str) -> Iterator["Browser"]:
    """Run the distribution's Chromium without a window, with flags of its own."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise CifarLabError("Chromium is not installed; install the distribution's package `chromium`.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", *flags], timeout=1_000 * PATIENCE
        )
        try:
            yield browser
        finally:
            browser.close()


def rest(tab: "Page") -> None:
    """Wait until the page's script has run and what it drew is there."""
    tab.get_by_test_id("stMain").wait_for(timeout=1_000 * PATIENCE)
    tab.wait_for_function(AT_REST, timeout=1_000 * PATIENCE)
