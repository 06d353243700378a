"""A visit to every page asks nobody but the server, and makes the server ask nobody."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import no_exception
from tests.browser.conftest import StartServer
from tests.outgoing import watched

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.lists]

PAGES = ("classify", "", "data", "train", "evaluate", "compare", "deploy")


def test_a_visit_stays_between_the_browser_and_the_server(
    page: Page, start_server: StartServer, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 30), "teal").save(picture)
    asked: set[str] = set()
    page.context.on("request", lambda request: asked.add(request.url))
    page.on("websocket", lambda socket: asked.add(socket.url))
    with watched(tmp_path) as outgoing:
        server = start_server(**outgoing.variables)
        for name in PAGES:
            page.goto(f"{server.url}/{name}")
            no_exception(page)
            if name == "classify":
                page.locator("input[type=file]").set_input_files(picture)
                expect(page.get_by_alt_text("the 32×32 pixels the network sees").first).to_be_visible()
        outgoing.check()
    here = urlsplit(server.url).netloc
    hosts = {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in ("data", "blob")}
    assert hosts == {here}, asked
