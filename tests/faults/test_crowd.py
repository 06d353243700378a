"""Several visitors at once, over Streamlit's own protocol."""

import itertools
import subprocess
import sys
import threading

import pytest
from websockets import Subprotocol
from websockets.sync.client import connect

from benchmarks import crowd
from benchmarks.browser import Server
from benchmarks.crowd import Crowd, Visitor
from cifar_core import images, paths
from cifar_core.evaluation.ood_sets import photographs
from tests.model_directories import LONG

PAGES = ["Overview", "Data", "Train", "Evaluate", "Compare", "Classify", "Deploy"]


@pytest.mark.slow
@pytest.mark.cifar10
def test_a_small_crowd_is_served() -> None:
    """Each is shown its own picture."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.crowd", "--visitors", "3", "--minutes", "0.05"],
        cwd=paths.code_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Errors: 0." in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("model", "visitors"), [("best", 16), ("vgg16", 8)])
def test_a_crowd_that_asks_what_mattered_takes_turns(
    monkeypatch: pytest.MonkeyPatch, model: str, visitors: int
) -> None:
    """Everybody is answered; all maps at once would take 2.3 GB."""
    monkeypatch.setattr(crowd, "ARRIVAL", 1.0)
    pictures = [images.to_png(array, 8) for array in photographs(visitors)]
    with Server(options=["--server.enableXsrfProtection", "false"]) as server:
        all_of_them = Crowd(server.url, pictures, minutes=0, pause=0, model=model, maps=True)
        memory = all_of_them.gather(visitors, server.process)
    assert all_of_them.errors == []
    assert len(all_of_them.seconds["Classify"]) == visitors
    assert max(memory) < 700_000_000


@pytest.mark.slow
def test_all_who_come_back_to_a_restarted_server_see_the_same_navigation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not what Streamlit makes up of the files in `pages/` until it has run the entry file."""
    monkeypatch.setattr(crowd, "PATIENCE", LONG)
    together = threading.Barrier(2 * len(PAGES), timeout=LONG)
    seen: dict[str, list[str]] = {}

    def come_back(page: str, number: int, url: str) -> None:
        with connect(
            url,
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            ping_interval=None,
            open_timeout=LONG,
        ) as socket:
            visitor = Visitor(number, url, socket)
            together.wait()
            visitor.open("" if page == "Overview" else page.lower(), "")
            seen[f"{page} {number}"] = visitor.navigation

    with Server() as server:
        address = f"{server.url.replace('http', 'ws', 1)}/_stcore/stream"
        threads = [
            threading.Thread(target=come_back, args=(page, number, address))
            for page, number in itertools.product(PAGES, range(2))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(seen) == len(threads)
    assert {name: pages for name, pages in seen.items() if pages != PAGES} == {}
