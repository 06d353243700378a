"""The sample dialog in Chromium: opened by a tile, led by mouse and by keyboard, held by the address."""

import re

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import rest
from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.lists, pytest.mark.slow]


@pytest.mark.parametrize(
    "address", ["evaluate?model=quick", "compare?model=quick&model=report&view=Who+is+right"]
)
def test_a_tile_opens_it_and_the_keyboard_leads_through_it(page: Page, server: Server, address: str) -> None:
    page.goto(f"{server.url}/{address}")
    tiles = page.get_by_alt_text(re.compile("^test image [0-9]+:"))
    tiles.nth(1).wait_for()
    rest(page)
    names = [tiles.nth(place).get_attribute("alt") or "" for place in (0, 1)]
    first, second = (re.findall(r"\d+", name)[0] for name in names)

    tiles.first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile(rf"^Test image {first} · 1 of "))).to_be_visible()
    page.wait_for_url(re.compile(f"sample={first}"))
    picture = dialog.get_by_alt_text(re.compile(f"^test image {first},"))
    expect(picture).to_be_visible()
    expect(dialog.get_by_alt_text(re.compile("^what mattered to")).first).to_be_visible()
    no_exception(page)

    for key, label, index in (("ArrowRight", "Next", second), ("ArrowLeft", "Previous", first)):
        page.keyboard.press(key)
        expect(dialog.get_by_alt_text(re.compile(f"^test image {index},"))).to_be_visible()
        page.wait_for_url(re.compile(f"sample={index}"))
        other = "Previous" if label == "Next" else "Next"
        rest(page)
        dialog.get_by_role("button", name=re.compile(other)).click()  # and back by mouse
        back = first if label == "Next" else second
        expect(dialog.get_by_alt_text(re.compile(f"^test image {back},"))).to_be_visible()
        rest(page)
        page.keyboard.press(key)
        expect(dialog.get_by_alt_text(re.compile(f"^test image {index},"))).to_be_visible()
        rest(page)

    page.reload()
    expect(dialog.get_by_alt_text(re.compile(f"^test image {first},"))).to_be_visible()
    rest(page)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.wait_for_url(re.compile(r"^(?!.*sample=)"))
    no_exception(page)

    tiles.first.focus()  # the button around it, by keyboard
    page.keyboard.press("Tab")
    tiles.nth(1).click()
    dialog.get_by_role("button", name="Classify this").click()
    page.wait_for_url(re.compile(rf"classify\?.*image={second}"))
    expect(page.get_by_text(f"test image {second}", exact=True)).to_be_visible()
    no_exception(page)
