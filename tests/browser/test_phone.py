"""A phone, by its own word: the drawer with the pages; and the menu that every page has."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks import browser as real
from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

# Streamlit closes the drawer after a choice only where the browser says that it is a phone's.
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari"


def test_the_drawer_closes_when_a_page_is_chosen(browser: Browser, server: Server) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, user_agent=PHONE
    )
    context.set_default_timeout(1_000 * real.PATIENCE)
    page = context.new_page()
    page.goto(f"{server.url}/deploy?model=quick&view=Files")
    no_exception(page)
    page.get_by_test_id("stExpandSidebarButton").tap()
    drawer = page.get_by_test_id("stSidebar")
    expect(drawer).to_have_attribute("data-collapsed", "false")
    drawer.get_by_role("link", name="Classify").tap()
    expect(page.get_by_role("heading", name="Classify", exact=True)).to_be_visible()
    expect(drawer).to_have_attribute("data-collapsed", "true")
    context.close()


def test_the_menu_switches_between_light_and_dark(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/deploy?model=quick&view=Files")
    no_exception(page)
    app = page.get_by_test_id("stApp")
    for theme, colour in (("Dark", "rgb(16, 22, 29)"), ("Light", "rgb(255, 255, 255)")):
        page.get_by_test_id("stMainMenu").click()
        page.get_by_role("menuitemradio", name=re.compile(theme)).click()
        expect(app).to_have_css("background-color", colour)
        page.keyboard.press("Escape")
    no_exception(page)
