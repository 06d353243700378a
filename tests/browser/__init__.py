"""The app in a browser."""

from playwright.sync_api import Page, expect

from benchmarks.browser import rest


def no_exception(page: Page) -> None:
    """Wait until the page is drawn; then no error box stands on it."""
    rest(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
