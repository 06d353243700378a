"""A run just trained, looked into as it was after its epochs, in Chromium."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import no_exception
from tests.browser.conftest import Server
from tests.command_line import call, environment

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TRAIN = ["train", "quick", "--data", "digits", "--name", "mine", "--epochs", "3", "--foreground"]


def test_the_slider_shows_how_the_answer_came_about(page: Page, server: Server) -> None:
    assert call(*TRAIN, env=environment(server.runs)).returncode == 0
    page.goto(f"{server.url}/classify?model=mine&image=7&sample=0")
    page.get_by_text("How the picture becomes an answer").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile("The trained model says .+ sure"))).to_be_visible()
    maps = dialog.get_by_alt_text(re.compile("^8 of 24 maps of block 1, .+ answer"))
    trained = maps.first.get_attribute("src")
    slider = dialog.get_by_role("slider")
    seen = {trained}
    for epoch in (2, 1):
        slider.press("ArrowLeft")
        expect(dialog.get_by_text(re.compile(f"After epoch {epoch} it said .+ sure"))).to_be_visible()
        expect(maps.first).to_have_attribute("alt", re.compile(f"answer, after epoch {epoch}$"))
        seen.add(maps.first.get_attribute("src"))
    assert len(seen) == 3
    slider.press("End")
    expect(dialog.get_by_text(re.compile("The trained model says"))).to_be_visible()
    expect(maps.first).to_have_attribute("src", str(trained))
    no_exception(page)
