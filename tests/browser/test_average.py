"""From two models on Compare to their average, which is evaluated and classified with as any model."""

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import rest
from cifar_core import formats
from cifar_core.evaluation import averaging
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.slow]


def test_two_models_become_one_that_answers(page: Page, server: Server) -> None:
    gain = averaging.gain([catalogue.find("quick"), catalogue.find("cnn")])
    page.goto(f"{server.url}/compare?models=quick,cnn")
    page.get_by_role("radio", name="Average").click()
    # What it brings stands there before anything is made.
    brought = page.get_by_role("row", name="quick + cnn").filter(has_text=formats.percent(gain.accuracy))
    expect(brought).to_be_visible()
    expect(page.get_by_text("quick + cnn is right on")).to_be_visible()
    page.get_by_role("button", name="Average these two").click()
    expect(page.get_by_text("This average is a model: quick + cnn")).to_be_visible()
    made = ModelDirectory(server.runs / "average-quick-cnn")
    assert made.card()["accuracy"] == gain.accuracy
    expect(page.get_by_test_id("stTable").first).to_contain_text("quick + cnn")
    no_exception(page)

    page.get_by_role("link", name="See its mistakes").click()
    expect(page.get_by_text("It answers with the mean of what quick and cnn say")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(formats.percent(gain.accuracy))
    expect(page.get_by_role("button", name="cat → dog")).to_be_visible()
    no_exception(page)

    page.goto(f"{server.url}/compare?models=quick,cnn&view=Average")
    page.get_by_role("link", name="Classify with it").click()
    page.get_by_role("button", name="Test image").click()
    expect(page.get_by_text("says quick + cnn")).to_be_visible()
    rest(page)
    no_exception(page)
