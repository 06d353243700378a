"""Answers that follow the camera."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import rest
from tests.browser import no_exception
from tests.browser.conftest import Server
from tests.browser.films import film, noise, watching

pytestmark = pytest.mark.browser

SIZES = [(1440, 900), (853, 480), (390, 844)]


def turn_on(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/classify")
    rest(page)
    page.get_by_text("Live", exact=True).click()
    page.get_by_role("button", name="Turn the camera on").click()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_answer_follows_the_camera_in_the_first_screen(
    browser: Browser, server: Server, tmp_path: Path, width: int, height: int
) -> None:
    with watching(browser, film(tmp_path / "film.y4m", noise()), width, height) as page:
        turn_on(page, server)
        verdict, bars = page.locator(".verdict"), page.locator(".bar")
        expect(verdict).to_contain_text("none of these")
        expect(bars).to_have_count(5)
        expect(verdict).to_be_in_viewport(ratio=1)
        seen = bars.all_inner_texts()
        for _ in range(2):  # another picture, another answer
            expect(bars).not_to_have_text(seen)
            seen = bars.all_inner_texts()
        page.get_by_role("button", name="Turn it off").click()
        expect(bars).to_have_count(0)
        no_exception(page)


def test_nothing_is_asked_before_the_camera_is_on(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/classify")
    rest(page)
    page.get_by_text("Live", exact=True).click()
    expect(page.get_by_role("button", name="Turn the camera on")).to_be_visible()
    expect(page.locator(".bar")).to_have_count(0)
    no_exception(page)
