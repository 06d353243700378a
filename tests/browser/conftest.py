"""A real Streamlit server on its own folder of runs, and the distribution's Chromium to look at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
# The fake device shows a moving test picture; the fake interface answers the question for permission.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
]

expect.set_options(timeout=60_000)  # a worker loads TensorFlow, and other tests may share the cores


class Server:
    """`streamlit run streamlit_app.py`, as a user starts it."""

    def __init__(self, runs: Path, environment: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.runs = runs
        self.log = runs / "server.log"
        self._environment = environment
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py")),
                    *("--server.port", str(self.port), "--server.address", "127.0.0.1"),
                    *("--server.headless", "true"),
                ],
                env=self._environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"The server did not start: {self.log.read_text()}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self._process.pid)


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers with variables of their own; `NAME=None` takes a variable away."""
    servers = []

    def start(**variables: str | None) -> Server:
        environment = {**os.environ, "CIFAR_LAB_RUNS": str(tmp_path)} | variables
        servers.append(Server(tmp_path, {k: v for k, v in environment.items() if v is not None}))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
    for status in tmp_path.glob("*/status.json"):  # a test that failed may leave its worker behind
        stop_worker(status)


def stop_worker(status: Path) -> None:
    (status.parent / "stop").touch()


@pytest.fixture
def server(start_server: StartServer) -> Server:
    return start_server()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "Browser tests need Chromium: install the distribution's package `chromium`."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab; what the app shows in an error box of Streamlit's own fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, permissions=["camera"])
    context.set_default_timeout(60_000)
    tab = context.new_page()
    yield tab
    context.close()
