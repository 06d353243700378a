"""The Train page beside what it draws: a run that ends elsewhere, and points that choose a recipe."""

import shutil

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import rest
from cifar_core import paths
from cifar_core.recipe import Recipe
from cifar_core.recipes import RECIPES
from cifar_core.runs import trash
from cifar_core.runs.status import Status
from tests.browser import no_exception
from tests.browser.conftest import Server
from tests.model_directories import made, run_that_is

pytestmark = [pytest.mark.browser, pytest.mark.cifar10]


def test_start_is_there_again_when_another_run_has_ended(page: Page, server: Server, tiny: Recipe) -> None:
    busy = run_that_is("running", server.runs / "busy", tiny)
    shutil.copytree(paths.models_root() / "quick", server.runs / "mine")
    page.goto(f"{server.url}/train?run=mine")
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_disabled()
    expect(page.get_by_role("button", name="Show busy")).to_be_visible()
    busy.write_status(Status("finished"))
    expect(start).to_be_enabled()
    no_exception(page)


def test_a_point_can_be_clicked_again_after_another_recipe_was_chosen(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/train")
    recipe = page.get_by_role("combobox", name="Recipe")
    point = page.locator(".mark-symbol path[aria-label*='recipe: fast;']").last
    for _ in range(2):
        expect(recipe).to_have_value(RECIPES["quick"].title)
        point.click()
        expect(recipe).to_have_value(RECIPES["fast"].title)
        recipe.click()
        page.get_by_role("option", name=RECIPES["quick"].title).click()
    no_exception(page)


def test_a_double_click_deletes_one_run_only(page: Page, server: Server, tiny: Recipe) -> None:
    for name in ("first", "second"):
        run_that_is("stopped", server.runs / name, tiny)
    page.goto(f"{server.url}/train?run=first")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it").dblclick()
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    expect(page.get_by_role("button", name="Delete it")).to_be_hidden()
    rest(page)
    assert {path.name for path in server.runs.iterdir() if path.is_dir()} == {"second", trash.FOLDER}
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_run_that_somebody_else_deleted_is_said_to_be_gone(
    page: Page, server: Server, tiny: Recipe
) -> None:
    run_that_is("running", server.runs / "busy", tiny)  # so that the page looks again and again
    run = made(server.runs / "mine", tiny)  # no status: interrupted, as is a run that is gone
    page.goto(f"{server.url}/train?run=mine")
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_visible()
    shutil.rmtree(run.path)
    expect(page.get_by_text("There is no model or run “mine”")).to_be_visible()
    no_exception(page)


def test_every_page_leads_to_what_trains_and_says_how_it_ended(
    page: Page, server: Server, tiny: Recipe
) -> None:
    busy = run_that_is("running", server.runs / "busy", tiny)
    busy.write_label("Anna's run")
    page.goto(f"{server.url}/evaluate?model=quick")
    strip = page.get_by_role("link", name="Anna's run is")
    expect(strip).to_contain_text("is starting")
    busy.write_status(Status("finished"))
    expect(strip).to_contain_text("is finished")
    strip.click()
    expect(page.get_by_role("heading", name="Anna's run")).to_be_visible()
    expect(strip).to_have_count(0)
    no_exception(page)


def test_a_run_is_presented_without_the_sidebar(page: Page, server: Server) -> None:
    shutil.copytree(paths.models_root() / "quick", server.runs / "mine")
    page.goto(f"{server.url}/train?run=mine")
    button = page.get_by_role("button", name="Start", exact=True)
    expect(button).to_be_in_viewport()
    page.get_by_role("button", name="Present").click()
    expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()
    expect(button).to_have_count(0)
    expect(page.get_by_role("heading", name="mine", level=1)).to_be_visible()
    page.get_by_role("button", name="Leave").click()
    expect(button).to_be_in_viewport()
    no_exception(page)


def test_a_deleted_run_comes_back(page: Page, server: Server, tiny: Recipe) -> None:
    run_that_is("stopped", server.runs / "mine", tiny).write_label("Пробуем")
    page.goto(f"{server.url}/train?run=mine")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="Пробуем")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Пробуем")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    no_exception(page)
