"""The square that the network looks at: moved and resized by mouse, by touch and by keyboard alone."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks import browser as real
from tests.browser import no_exception
from tests.browser.conftest import Server
from tests.model_directories import until

pytestmark = pytest.mark.browser

SEEN = "the 32×32 pixels the network sees"


def two_halves(path: Path) -> Path:
    """Make a picture, black on the left and white on the right: the middle of it is half of each."""
    pixels = np.zeros((200, 400, 3), np.uint8)
    pixels[:, 200:] = 255
    Image.fromarray(pixels).save(path)
    return path


def brightness(seen: Locator) -> float:
    """Return how bright what the network sees is, 0 to 1."""
    address = seen.get_attribute("src") or ""
    return float(np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))).mean() / 255)


def give(page: Page, server: Server, *files: Path) -> Locator:
    page.goto(f"{server.url}/classify?model=quick")
    page.locator("input[type=file]").set_input_files(files)
    square = page.get_by_role("application")
    expect(square).to_have_count(len(files))
    no_exception(page)
    until(lambda: round(brightness(page.get_by_alt_text(SEEN).first), 2) == 0.5)
    return square


def middle_of(place: Locator) -> tuple[float, float]:
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag_by_mouse(page: Page, place: Locator, right: float, down: float = 0) -> None:
    x, y = middle_of(place)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=5)
    page.mouse.up()


def drag_by_touch(page: Page, place: Locator, right: float, down: float = 0) -> None:
    x, y = middle_of(place)
    hand = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        *(("touchMove", [{"x": x + right * n / 5, "y": y + down * n / 5}]) for n in range(1, 6)),
        ("touchEnd", []),
    ):
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.mark.parametrize("drag", [drag_by_mouse, drag_by_touch])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_is_dragged_and_its_corner_too(
    browser: Browser, server: Server, tmp_path: Path, drag: Callable[..., None], width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, has_touch=True)
    context.set_default_timeout(1_000 * real.PATIENCE)
    page = context.new_page()
    square = give(page, server, two_halves(tmp_path / "one.png"))
    seen = page.get_by_alt_text(SEEN).first
    verdict = page.get_by_role("heading", level=2)
    drag(page, square, 200)  # as far as it goes
    until(lambda: brightness(seen) == 1)
    page.get_by_role("button", name="Reset").click()
    until(lambda: round(brightness(seen), 2) == 0.5)
    expect(page.get_by_role("button", name="Reset")).to_have_count(0)
    drag(page, square.locator("[data-corner=ne]"), -60, 60)  # what is left is more black than white
    until(lambda: brightness(seen) < 0.45)
    expect(verdict).to_be_visible()
    no_exception(page)
    context.close()


def test_it_is_led_by_the_keyboard_alone(page: Page, server: Server, tmp_path: Path) -> None:
    square = give(page, server, two_halves(tmp_path / "one.png"))
    seen = page.get_by_alt_text(SEEN).first
    square.focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowLeft")
    until(lambda: brightness(seen) == 0)
    expect(square).to_be_focused()
    for _ in range(10):
        page.keyboard.press("Shift+Minus")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("from the left")).to_have_text(
        "32 % from the left, 45 % from the top, size 10 %"  # which a reader of screens says
    )
    expect(page.get_by_role("button", name="Reset")).to_be_visible()
    no_exception(page)


def test_each_picture_keeps_its_own(page: Page, server: Server, tmp_path: Path) -> None:
    square = give(page, server, two_halves(tmp_path / "one.png"), two_halves(tmp_path / "two.png"))
    seen = page.get_by_alt_text(SEEN)
    drag_by_mouse(page, square.nth(0), 200)
    until(lambda: brightness(seen.nth(0)) == 1)
    drag_by_mouse(page, square.nth(1), -200)
    until(lambda: brightness(seen.nth(1)) == 0)
    assert brightness(seen.nth(0)) == 1
    page.get_by_role("link", name="Overview").first.click()
    expect(page.get_by_role("heading", name="Classify", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Classify").first.click()
    expect(seen).to_have_count(2)
    no_exception(page)
    assert sorted(map(brightness, seen.all())) == [0, 1]
