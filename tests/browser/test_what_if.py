"""The strip “What if” in Chromium, in the closer look at a picture: on a laptop and on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.slow]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
@pytest.mark.parametrize(
    "address", ["classify?model=quick&image=33&sample=0", "evaluate?model=quick&sample=33"]
)
def test_it_says_still_or_now_below_each_changed_picture(
    page: Page, server: Server, address: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{server.url}/{address}")
    dialog = page.get_by_role("dialog")
    fold = dialog.get_by_text("What if it looked different?")
    expect(fold).to_be_visible()
    no_exception(page)
    noisy = dialog.get_by_alt_text(re.compile("^noisy: "))
    expect(noisy).to_have_count(0)

    fold.click()
    expect(dialog.get_by_alt_text(re.compile("^as it is: "))).to_be_visible()
    for change in ("brighter", "darker", "without colour", "blurred", "turned", "shifted", "mirrored"):
        expect(dialog.get_by_alt_text(re.compile(f"^{change}: (still|now) "))).to_be_visible()
    expect(dialog.get_by_text(re.compile(r"keeps to its answer in \d of 8 changes"))).to_be_visible()
    before = noisy.get_attribute("src") or ""
    dialog.get_by_text("Strongly", exact=True).click()
    expect(noisy).not_to_have_attribute("src", before)
    no_exception(page)

    box = dialog.bounding_box()
    assert box is not None
    for place in dialog.get_by_alt_text(re.compile(": (still|now) ")).all():  # none reaches beyond the edge
        tile = place.bounding_box()
        assert tile is not None
        assert box["x"] <= tile["x"] < tile["x"] + tile["width"] <= box["x"] + box["width"]
