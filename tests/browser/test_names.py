"""What a browser makes of names that are addresses: no links."""

import re
import shutil

import pytest
from playwright.sync_api import Page, expect

from cifar_core import paths
from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAMES = ["www.evil.example", "https://evil.example", r"http\://evil.example", "me@evil.example"]


def test_no_name_becomes_a_link(page: Page, server: Server) -> None:
    shutil.copytree(paths.models_root() / "quick", server.runs / "www.evil.example")
    addresses = [f"train?run={name}" for name in NAMES]
    addresses += [f"compare?models={','.join(NAMES)},quick&view=Who is right", "train?run=www.evil.example"]
    for address in addresses:
        page.goto(f"{server.url}/{address}")
        no_exception(page)
        expect(page.get_by_text("evil").first).to_be_visible()
        targets = [link.get_attribute("href") or "" for link in page.locator("a[href*=evil]").all()]
        elsewhere = [target for target in targets if re.match(r"[a-z]+:|//", target)]
        assert not [target for target in elsewhere if not target.startswith(server.url)]
