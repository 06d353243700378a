"""The sample dialog in Chromium: opened by a tile, led by mouse and by keyboard, held by the address."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from benchmarks.browser import rest
from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.lists, pytest.mark.slow]


@pytest.mark.parametrize(
    ("address", "models"),
    [
        ("evaluate?model=quick", "model=quick"),
        ("compare?models=quick,report&view=Who+is+right", "model=quick&model=report"),
    ],
)
def test_a_tile_opens_it_and_the_keyboard_leads_through_it(
    page: Page, server: Server, address: str, models: str
) -> None:
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
    page.wait_for_url(re.compile(rf"classify\?{models}&image={second}"))
    expect(page.get_by_text(f"test image {second}", exact=True)).to_be_visible()
    no_exception(page)


def test_on_classify_a_button_or_a_row_of_the_table_opens_it(
    page: Page, server: Server, tmp_path: Path
) -> None:
    names = ["one.png", "two.png"]
    for name in names:
        Image.effect_noise((320, 200), 80).save(tmp_path / name)
    page.goto(f"{server.url}/classify?model=quick")
    page.locator("input[type=file]").set_input_files([tmp_path / name for name in names])
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="A closer look").first.click()
    expect(dialog.get_by_text("one.png · 1 of 2")).to_be_visible()
    page.wait_for_url(re.compile("sample=0"))
    expect(dialog.get_by_alt_text("the 32×32 pixels the network sees, large")).to_be_visible()
    expect(dialog.get_by_alt_text(re.compile("^what mattered to quick for")).first).to_be_visible()
    no_exception(page)
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_text("two.png · 2 of 2")).to_be_visible()
    page.wait_for_url(re.compile("sample=1"))
    rest(page)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.wait_for_url(re.compile(r"^(?!.*sample=)"))
    rest(page)
    page.get_by_test_id("stDataFrame").click(position={"x": 80, "y": 35 + 48 + 24})  # in the second row
    expect(dialog.get_by_text("two.png · 2 of 2")).to_be_visible()
    no_exception(page)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    no_exception(page)
    page.get_by_test_id("stDataFrame").click(position={"x": 80, "y": 35 + 48 + 24})  # and once more
    expect(dialog.get_by_text("two.png · 2 of 2")).to_be_visible()
