"""Own pictures, from a folder on the visitor's disk to a model that classifies, without CIFAR-10."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import rest
from tests.browser import no_exception
from tests.browser.conftest import StartServer
from tests.datasets.own_sources import NAMES, in_folder, shape, shapes
from tests.model_directories import LONG

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_from_a_folder_to_an_answer(page: Page, start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(CIFAR_LAB_DATASETS=str(tmp_path / "datasets"), CIFAR10_DIR=None)
    given = in_folder(tmp_path / "shapes", shapes(20))

    page.goto(f"{server.url}/data")
    page.get_by_text("Use your own pictures").wait_for()
    rest(page)
    page.get_by_text("Use your own pictures").click()
    page.get_by_label("Name", exact=True).fill("shapes")
    page.locator("input[type=file][webkitdirectory]").set_input_files(given)
    page.get_by_role("button", name="Add", exact=True).click()  # which waits until they are uploaded
    expect(page.get_by_text("“shapes” is here")).to_be_visible()
    no_exception(page)

    page.get_by_role("button", name="Learn them").click()
    page.wait_for_url("**/train*")
    rest(page)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("Test accuracy")).to_be_visible(timeout=1_000 * LONG)
    no_exception(page)

    page.get_by_role("link", name="See its mistakes").click()
    expect(page.get_by_text("Macro F1")).to_be_visible()
    no_exception(page)
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("link", name="Classify with it").click()
    expect(page.get_by_role("heading", name="Classify", exact=True)).to_be_visible()
    rest(page)
    shape(0, 999).save(tmp_path / "new.png")
    page.locator("input[type=file]").set_input_files(tmp_path / "new.png")
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    expect(page.get_by_text(f"3 things and nothing else: {', '.join(sorted(NAMES))}")).to_be_visible()
    no_exception(page)
