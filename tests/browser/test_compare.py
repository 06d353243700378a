"""Compare in Chromium: a click on a field shows exactly its images, and a reload keeps them."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from scipy import stats

from benchmarks.browser import rest
from cifar_core.datasets import cifar10
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.evaluation import comparison
from cifar_core.runs import catalogue
from tests.browser import no_exception
from tests.browser.conftest import StartServer
from tests.model_directories import archive

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.lists, pytest.mark.slow]

ONLY_FIRST, ONLY_SECOND = 7, 4  # images that fit on one page of the gallery


@pytest.fixture
def twin(tmp_path: Path) -> tuple[set[int], set[int]]:
    """Make a run `twin` that answers like `quick` but for a few images: those it loses, and those it wins."""
    quick, folder = catalogue.find("quick"), tmp_path / "twin"
    shutil.copytree(quick.path, folder)
    labels, predictions = cifar10.load_test().labels, quick.predictions()
    probabilities, guesses = predictions["test"], predictions["test"].argmax(axis=1)
    rng = np.random.default_rng(0)
    lost = rng.choice(np.flatnonzero(guesses == labels), ONLY_FIRST, replace=False)
    won = rng.choice(np.flatnonzero(guesses != labels), ONLY_SECOND, replace=False)
    for images, answers in ((lost, (labels[lost] + 1) % 10), (won, labels[won])):
        probabilities[images] = np.eye(10)[answers] * 0.9 + 0.01
    (folder / "predictions.npz").write_bytes(archive(**{**predictions, "test": probabilities}))
    return {int(i) for i in lost}, {int(i) for i in won}


def field(page: Page, words: str) -> Locator:
    """Find a field of the chart by the words in it; while a new chart replaces the old, there are two."""
    rest(page)
    found = page.locator("[data-testid=stVegaLiteChart] svg text", has_text=words)
    expect(found).to_have_count(1)
    return found


def shows_exactly(page: Page, images: set[int]) -> None:
    tiles = page.get_by_alt_text(re.compile("^test image"))
    expect(tiles).to_have_count(len(images))
    for index in images:
        expect(page.get_by_alt_text(re.compile(f"^test image {index}:"))).to_be_visible()


def test_a_field_shows_exactly_its_images_and_the_address_keeps_it(
    page: Page, start_server: StartServer, twin: tuple[set[int], set[int]]
) -> None:
    lost, won = twin
    server = start_server()
    page.goto(f"{server.url}/compare?models=quick,twin")
    expect(page.get_by_test_id("stTable")).to_contain_text("twin")
    page.get_by_role("radio", name="Who is right").click()

    # It opens on what only the first gets right, and its sentence has the numbers and the chance.
    shows_exactly(page, lost)
    p_value = stats.binomtest(ONLY_FIRST, ONLY_FIRST + ONLY_SECOND).pvalue
    expect(
        page.get_by_text(
            f"quick is right on {ONLY_FIRST} images that twin gets wrong, and wrong on {ONLY_SECOND} that "
            "twin gets right. If both were equally good, a difference this large would turn up by chance "
            f"{comparison.chance(p_value)}."
        )
    ).to_be_visible()
    expect(page.get_by_text("These images cannot tell which one is better")).to_be_visible()

    # A click shows exactly the images of the field, with what both models say.
    field(page, "only twin right").click()
    page.wait_for_url(lambda url: "who=second" in url)
    shows_exactly(page, won)
    labels = cifar10.load_test().labels
    guesses = catalogue.find("quick").predictions()["test"].argmax(axis=1)
    for index in won:
        true, guess = CLASS_NAMES[labels[index]], CLASS_NAMES[guesses[index]]
        said = f"test image {index}: {true}, taken for {guess}, {true}"
        expect(page.get_by_alt_text(said, exact=True)).to_be_visible()

    # Reloaded, it is the same; chosen in words, another field; and the first one can be clicked again.
    page.reload()
    shows_exactly(page, won)
    page.get_by_role("radio", name="only quick right").click()
    page.wait_for_url(lambda url: "who=first" in url)
    shows_exactly(page, lost)
    field(page, "only twin right").click()
    page.wait_for_url(lambda url: "who=second" in url)
    shows_exactly(page, won)

    # With three models the pair is chosen, and stands in the address too.
    page.goto(f"{server.url}/compare?models=quick,twin,report&view=Who is right&first=report&second=twin")
    expect(page.get_by_text("report is right on")).to_be_visible()
    expect(
        page.get_by_text(re.compile("The accuracy of twin is .* points higher than that of report"))
    ).to_be_visible()
    assert "first=report&second=twin" in page.url
    no_exception(page)

    charts = page.get_by_test_id("stVegaLiteChart")
    views: dict[str, Callable[[], None]] = {
        "Curves": lambda: expect(charts).to_have_count(2),
        "Cleaner test sets": lambda: expect(charts.get_by_text("images humans agree on")).to_be_visible(),
        "Per class": lambda: expect(charts.get_by_text("automobile")).to_be_visible(),
    }
    for view, has_drawn in views.items():
        page.get_by_role("radio", name=view).click()
        has_drawn()
        no_exception(page)
    megabytes = server.process.memory_info().rss / 1e6
    print(f"\nThe app process after comparing: {megabytes:.0f} MB")
    assert megabytes < 350
