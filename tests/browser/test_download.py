"""The download of CIFAR-10 from a slow server, while visitors come, look around and go."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.browser import PATIENCE
from cifar_core.datasets import cifar10
from cifar_core.runs import downloads
from tests.browser import no_exception
from tests.browser.conftest import Server, StartServer
from tests.datasets.archives import noisy_batches, offer, official, pretend_in_processes
from tests.model_directories import until
from tests.servers import FileServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = ["Overview", "Data", "Train", "Evaluate", "Compare", "Classify", "Deploy"]
SLOW = 4_000  # bytes a second: five minutes for what there is, or until a test makes it faster
FAST = 4_000_000


@pytest.fixture
def batches(
    browser: Browser,  # noqa: ARG001 - started before it would have another home
    cache: Path,  # noqa: ARG001
    tmp_path: Path,
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, bytes]]:
    """What can be downloaded, 1.2 MB, from a slow source; a download that a test leaves is ended."""
    files = noisy_batches(200_000, monkeypatch)
    offer(file_server, official(files), monkeypatch, "one")
    file_server.speeds["one"] = SLOW
    pretend_in_processes(tmp_path / "customized", monkeypatch)
    yield files
    downloads.cancel()


@pytest.fixture
def server(batches: dict[str, bytes], start_server: StartServer) -> Server:  # noqa: ARG001
    return start_server()


@pytest.fixture
def second(browser: Browser) -> Iterator[Page]:
    """The tab of another visitor."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(1_000 * PATIENCE)
    yield context.new_page()
    context.close()


def strip(page: Page) -> Locator:
    return page.get_by_text(re.compile(r"^CIFAR-10 · downloading · [\d.]+ (bytes|kB|MB) of 1\.2 MB"))


def cancel(page: Page) -> Locator:
    return page.get_by_role("button", name="Cancel")


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stTopNav").get_by_role("link", name=name).click()
    expect(page).to_have_title(f"{name} · CIFAR Lab")


def is_whole(cache: Path, batches: dict[str, bytes]) -> bool:
    return {path.name: path.read_bytes() for path in (cache / cifar10.FOLDER).iterdir()} == batches


def came() -> int:
    return downloads.status().done


def test_one_download_goes_on_whatever_its_visitors_do(
    page: Page,
    second: Page,
    server: Server,
    cache: Path,
    batches: dict[str, bytes],
    file_server: FileServer,
) -> None:
    page.goto(f"{server.url}/data")
    page.get_by_role("button", name="Download CIFAR-10").first.click()
    expect(strip(page)).to_be_visible()
    before = came()
    for name in PAGES:  # one click on another page, and it goes on
        go(page, name)
        expect(strip(page)).to_be_visible()
        expect(cancel(page)).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Download CIFAR-10"))).to_have_count(0)
        no_exception(page)
    assert came() > before

    second.goto(f"{server.url}/compare")  # somebody else sees the same one, and is offered no second
    expect(strip(second)).to_be_visible()
    expect(second.get_by_role("button", name=re.compile("^Download CIFAR-10"))).to_have_count(0)

    page.close()
    before = came()
    until(lambda: came() > before)
    expect(strip(second)).to_be_visible()
    assert downloads.status().active

    file_server.speeds["one"] = FAST
    until(lambda: not downloads.status().active)
    expect(strip(second)).to_have_count(0)
    no_exception(second)
    assert downloads.status().state == "finished"
    assert is_whole(cache, batches)
    assert file_server.spans == [None]


def test_who_looks_on_can_cancel_it_and_what_came_is_kept(
    page: Page,
    second: Page,
    server: Server,
    cache: Path,
    batches: dict[str, bytes],
    file_server: FileServer,
) -> None:
    page.goto(f"{server.url}/data")
    page.get_by_role("button", name="Download CIFAR-10").first.click()
    expect(strip(page)).to_be_visible()  # a page drawn before it started would not show it by itself
    second.goto(f"{server.url}/compare")
    expect(strip(second)).to_be_visible()
    until(lambda: came() > 20_000)
    cancel(second).click()
    for tab in (page, second):
        expect(strip(tab)).to_have_count(0)
        no_exception(tab)
    assert downloads.status().state == "stopped"
    kept = (cache / "download" / "cifar.tar.gz.part").stat().st_size
    assert kept >= 20_000

    page.get_by_role("button", name="Go on with the download").first.click()
    until(lambda: downloads.status().active)
    second.reload()
    expect(strip(second)).to_be_visible()
    go(page, "Compare")
    file_server.speeds["one"] = FAST
    until(lambda: downloads.status().state == "finished")
    assert is_whole(cache, batches)
    assert file_server.spans == [None, f"bytes={kept}-"]


def test_a_restart_of_the_server_ends_no_download(
    page: Page, server: Server, cache: Path, batches: dict[str, bytes], file_server: FileServer
) -> None:
    page.goto(f"{server.url}/data")
    page.get_by_role("button", name="Download CIFAR-10").first.click()
    expect(strip(page)).to_be_visible()
    server.stop()
    before = came()
    until(lambda: came() > before)
    server.start()
    page.goto(f"{server.url}/compare")
    expect(strip(page)).to_be_visible()
    file_server.speeds["one"] = FAST
    until(lambda: downloads.status().state == "finished")
    expect(strip(page)).to_have_count(0)
    assert is_whole(cache, batches)
    assert file_server.spans == [None]
