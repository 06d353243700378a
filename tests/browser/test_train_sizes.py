"""The Train page on a laptop, a projector and a phone: Start and the curve are there without a search."""

import pytest
from playwright.sync_api import Browser, expect

from benchmarks import browser as real
from benchmarks.browser import rest
from cifar_core.runs.model_dir import ModelDirectory
from tests.browser import no_exception
from tests.browser.conftest import Server, StartServer
from tests.model_directories import until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (853, 480), (390, 844)])
def test_a_run_is_started_and_its_curve_seen_without_scrolling(
    browser: Browser, start_server: StartServer, width: int, height: int
) -> None:
    server: Server = start_server(CIFAR10_DIR=None)
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(1_000 * real.PATIENCE)
    page = context.new_page()
    page.goto(f"{server.url}/train")
    rest(page)
    main = page.get_by_test_id("stMain")
    start = main.get_by_role("button", name="Train Quick")
    expect(start).to_be_in_viewport(ratio=1)
    start.click()
    curve = main.get_by_test_id("stVegaLiteChart").first
    expect(curve).to_be_visible()
    expect(curve).to_be_in_viewport(ratio=0.25)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    [run] = [ModelDirectory(path.parent) for path in server.runs.glob("*/config.json")]
    until(lambda: not run.status().active)
    expect(main.get_by_text("Test accuracy")).to_be_in_viewport()
    expect(start).to_be_in_viewport(ratio=1)  # the next one
    no_exception(page)
    context.close()


def test_enter_in_a_number_starts_nothing(browser: Browser, start_server: StartServer) -> None:
    server: Server = start_server(CIFAR10_DIR=None)
    page = browser.new_page()
    page.goto(f"{server.url}/train")
    rest(page)
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("2")
    epochs.press("Enter")
    expect(epochs).to_have_value("2")
    rest(page)
    assert not list(server.runs.glob("*/config.json"))
    no_exception(page)
    page.close()
