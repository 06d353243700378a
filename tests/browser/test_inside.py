"""How a picture becomes an answer, in Chromium: opened from the sample dialog, on a desk and on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.slow]

DESK, PHONE = (1440, 900), (390, 844)


@pytest.mark.parametrize("size", [DESK, PHONE])
@pytest.mark.parametrize(
    ("address", "blocks"),
    [
        ("evaluate?model=best&true=cat&predicted=dog", ["8 of 24", "8 of 128", "8 of 384", "8 of 384"]),
        ("compare?models=quick,report&view=Who+is+right", ["8 of 24", "8 of 32", "8 of 64", "8 of 128"]),
    ],
)
def test_the_maps_of_each_block_are_there(
    page: Page, server: Server, address: str, blocks: list[str], size: tuple[int, int]
) -> None:
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))  # type: ignore[arg-type]
    page.goto(f"{server.url}/{address}")
    page.get_by_alt_text(re.compile("^test image [0-9]+:")).first.click()
    dialog = page.get_by_role("dialog")
    title = dialog.get_by_text("How the picture becomes an answer")
    expect(title).to_be_visible()
    expect(dialog.get_by_alt_text(re.compile("of block"))).to_have_count(0)
    title.click()
    for block, maps in enumerate(blocks, 1):
        row = dialog.get_by_alt_text(
            re.compile(rf"^{maps} maps of block {block}, .+ strongest filters answer$")
        )
        expect(row.first).to_be_visible()
        box = row.first.bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= size[0]
    firsts = dialog.get_by_alt_text(re.compile("of block 1, .+ answer$"))
    if "compare" in address:
        expect(firsts).to_have_count(2)
        expect(dialog.get_by_alt_text(re.compile("^8 of 256 maps of block 4, 4 × 4")).first).to_be_visible()
        (left, right) = (each.bounding_box() for each in firsts.all())
        assert left is not None
        assert right is not None
        assert (left["x"] < right["x"]) if size == DESK else (left["y"] < right["y"])
    expect(dialog.get_by_alt_text(re.compile("features, a square each")).first).to_be_visible()
    no_exception(page)
