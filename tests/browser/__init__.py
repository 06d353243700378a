"""The app in a browser."""

from playwright.sync_api import Page, expect


def no_exception(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)
