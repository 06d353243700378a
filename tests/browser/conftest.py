"""A real Streamlit server on its own folder of runs, and the distribution's Chromium to look at it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks import browser as real

# The fake device shows a moving test picture; the fake interface answers the question for permission.
CHROMIUM_FLAGS = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
]

expect.set_options(timeout=1_000 * real.PATIENCE)  # a worker loads TensorFlow, maybe beside others


class Server(real.Server):
    """`streamlit run streamlit_app.py` on a folder of runs of its own, as a user starts it."""

    def __init__(self, runs: Path, variables: Mapping[str, str | None]) -> None:
        super().__init__(variables={"CIFAR_LAB_RUNS": str(runs), **variables}, log=runs / "server.log")
        self.runs = runs


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers with variables of their own; `NAME=None` takes a variable away."""
    servers = []

    def start(**variables: str | None) -> Server:
        server = Server(tmp_path, variables)
        server.start()
        servers.append(server)
        return server

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
    with real.chromium(*CHROMIUM_FLAGS) as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab; what the app shows in an error box of Streamlit's own fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, permissions=["camera"])
    context.set_default_timeout(1_000 * real.PATIENCE)
    tab = context.new_page()
    yield tab
    context.close()
