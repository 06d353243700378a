"""The Train page beside what it draws: a run that ends elsewhere, and points that choose a recipe."""

import shutil
import threading
from dataclasses import replace
from typing import Self

import numpy as np
import psutil
import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import rest
from cifar_core import paths
from cifar_core.datasets.registry import DIGITS
from cifar_core.recipe import Recipe
from cifar_core.recipes import RECIPES
from cifar_core.runs import trash
from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS, ModelDirectory
from cifar_core.runs.status import Status
from tests.browser import no_exception
from tests.browser.conftest import Server
from tests.model_directories import archive, made, run_that_is

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


WATCH_SHIFTS = """() => {
    window.shifts = [];
    new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(entry => [
        entry.value, entry.sources.map(source => source.node?.outerHTML?.slice(0, 150)).join(' | ')
    ]))).observe({type: 'layout-shift'});
}"""


class Worker:
    """This process as the worker of a run on the digits, whose heart beats for as long as it is entered."""

    def __init__(self, run: ModelDirectory) -> None:
        self.run, me = run, psutil.Process()
        self.status = Status("starting", me.pid, me.create_time(), phase="loading TensorFlow")
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.beat)
        run.steps_path.write_text(",".join(STEP_COLUMNS) + "\n")
        run.history_path.write_text(",".join(HISTORY_COLUMNS) + "\n")

    def __enter__(self) -> Self:
        self.run.write_status(self.status)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def beat(self) -> None:
        while not self.done.wait(0.5):
            self.run.write_status(self.status)

    def train(self, epoch: int, epochs: int) -> None:
        """Write what an epoch leaves."""
        loss, accuracy = 2.3 - epoch / 10, epoch / 20
        with self.run.steps_path.open("a") as steps:
            for step in range(5 * epoch - 4, 5 * epoch + 1):
                steps.write(f"{step},{step / 5},{step / 5},0.1,{2.3 - step / 50},{step / 100}\n")
        with self.run.history_path.open("a") as history:
            history.write(f"{epoch},{epoch},0.1,{loss},{accuracy},{loss},{accuracy}\n")
        answers = np.random.default_rng(0).dirichlet(np.ones(10), (epoch + 1, 10)).astype(np.float16)
        self.run.watched_path.write_bytes(
            archive(epochs=np.arange(epoch + 1), indices=np.arange(10), probabilities=answers)
        )
        self.status = replace(
            self.status,
            state="running",
            phase="training" if epoch % 2 else "validating",
            epoch=epoch,
            epochs=epochs,
            step=5,
            steps_per_epoch=5,
            images_per_second=10.0**epoch / 7,
            seconds=epoch,
            eta_seconds=10.0 * (epochs - epoch),
        )


def test_nothing_jumps_while_a_run_is_watched(page: Page, server: Server, tiny: Recipe) -> None:
    run = made(server.runs / "busy", tiny.with_(epochs=12), dataset=DIGITS.facts.to_dict())
    with Worker(run) as worker:
        page.goto(f"{server.url}/train?run=busy")
        expect(page.get_by_text("what it says to them stands here soon")).to_be_visible()
        rest(page)
        page.evaluate(WATCH_SHIFTS)
        for epoch in (1, 2, 3):
            worker.train(epoch, 12)
            expect(page.get_by_text(f"what it says to them after epoch {epoch}")).to_be_visible()
            expect(page.get_by_text(f"epoch {epoch} of 12 · step 5 of 5")).to_be_visible()
            expect(page.locator("[data-testid=stVegaLiteChart] .mark-line path").first).to_be_visible()
        page.wait_for_timeout(1_000)  # for what may still move
        shifts = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < 0.01, shifts
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


def test_a_run_is_renamed_and_numbers_that_do_not_fit_are_said_at_once(
    page: Page, server: Server, tiny: Recipe
) -> None:
    run_that_is("stopped", server.runs / "mine", tiny)
    page.goto(f"{server.url}/train?run=mine")
    page.get_by_role("button", name="Name and note").click()
    name = page.get_by_role("dialog").get_by_label("Name", exact=True)
    name.fill("Anna's run")
    page.get_by_role("button", name="Save").click()  # with the field still in focus
    expect(page.get_by_role("heading", name="Anna's run")).to_be_visible()
    expect(name).to_be_hidden()
    assert ModelDirectory(server.runs / "mine").title == "Anna's run"
    page.get_by_label("Batch size", exact=True).fill("4096")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Training images", exact=True).fill("3000")
    page.get_by_label("Training images", exact=True).press("Enter")
    expect(page.get_by_text("do not fill one batch of 4,096")).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    assert {path.name for path in server.runs.iterdir() if path.is_dir()} == {"mine"}
    no_exception(page)
