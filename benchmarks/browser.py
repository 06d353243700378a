"""A Streamlit server as a user starts it, and the distribution's Chromium to look at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from cifar_core import model_dir
from cifar_core.errors import CifarLabError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ENTRY = model_dir.code_root() / "streamlit_app.py"
# The script has run, what it drew is there, and nothing of the page before is left.
AT_REST = """document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
    && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')"""


class Server(NamedTuple):
    """A running server: its address and its process."""

    url: str
    process: psutil.Process


@contextmanager
def app(script: Path = ENTRY, wait: bool = True, **variables: str) -> Iterator[Server]:
    """Run an app on a free port, with environment variables of its own.

    Parameters
    ----------
    script
        The app's first file.
    wait
        Until it answers; otherwise it has only just been started.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(script)),
            *("--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"),
        ],
        cwd=model_dir.code_root(),  # where the theme is
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
    try:
        if wait:
            await_answer(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it may wait for a tab that is still open
            process.kill()
            process.wait()


def await_answer(server: Server) -> None:
    """Wait until a server that was just started answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise CifarLabError("The app did not start within a minute.")


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Run the distribution's Chromium without a window."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise CifarLabError("Chromium is not installed; install the distribution's package `chromium`.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def rest(tab: "Page") -> None:
    """Wait until the page's script has run and what it drew is there."""
    tab.get_by_test_id("stMain").wait_for()
    tab.wait_for_function(AT_REST, timeout=60_000)
