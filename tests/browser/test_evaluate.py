"""Evaluate, as a visitor explores it: the matrix moves the gallery, and the URL keeps it all."""

import contextlib
import csv
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, TimeoutError, expect

from benchmarks.browser import rest
from cifar_core.annotations import lists
from cifar_core.datasets import cifar10
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.evaluation import metrics
from cifar_core.inference import calibration
from cifar_core.runs import catalogue
from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.lists, pytest.mark.slow]

MODEL = "fast"
CAT, DOG = CLASS_NAMES.index("cat"), CLASS_NAMES.index("dog")
TILES = 18


def tiles(page: Page) -> Locator:
    return page.get_by_alt_text(re.compile("^test image "))


def shown(page: Page) -> list[int]:
    """Return the test images whose tiles stand on the page, in their order."""
    names = tiles(page).evaluate_all("images => images.map(image => image.alt)")
    return [int(re.findall(r"\d+", name)[0]) for name in names]


def expect_images(page: Page, images: NDArray[np.integer]) -> None:
    """Wait until exactly these tiles stand on the page, in this order."""
    names = tiles(page)
    expect(names).to_have_count(len(images))
    for place in (0, len(images) - 1):
        expect(names.nth(place)).to_have_attribute("alt", re.compile(f"^test image {images[place]}:"))
    assert shown(page) == images.tolist()
    rest(page)  # what is below them is drawn later, and a click on it now would be lost


def expect_words(page: Page, words: str) -> None:
    expect(page.get_by_test_id("stMarkdown").get_by_text(words, exact=True)).to_be_visible()


def choose_view(page: Page, view: str) -> None:
    for _ in range(3):  # a click can be lost while the page is drawn anew
        page.get_by_test_id("stButtonGroup").last.get_by_role("radio", name=view, exact=True).click()
        with contextlib.suppress(TimeoutError):
            page.wait_for_url(re.compile(f"view={view.replace(' ', '.')}"), timeout=15_000)
            return


def drawn(page: Page, what: str) -> None:
    """Wait for a chart by its description, and for the marks in it."""
    expect(page.locator(f"[aria-label^='{what}'] svg, [aria-label^='{what}']").first).to_be_visible()
    no_exception(page)


def test_matrix_gallery_url_and_views(page: Page, server: Server) -> None:
    model, labels, votes = catalogue.find(MODEL), cifar10.load_test().labels, lists.human_votes()
    assert votes is not None
    raw = model.predictions()["test"].astype(float)
    answers = calibration.temperature_scale(raw, model.card()["temperature"])
    guesses = raw.argmax(axis=1)

    def surest(images: NDArray[np.integer]) -> NDArray[np.integer]:
        return images[np.argsort(-answers[images].max(axis=1), kind="stable")]

    cats_as_dogs = surest(np.flatnonzero((labels == CAT) & (guesses == DOG)))
    dogs_as_cats = surest(np.flatnonzero((labels == DOG) & (guesses == CAT)))
    assert min(len(cats_as_dogs), len(dogs_as_cats)) > 2 * TILES

    # It opens on the images of “cat” taken for “dog”; another cell shows exactly its images, and back.
    page.goto(f"{server.url}/evaluate?model={MODEL}")
    tiles(page).first.wait_for(timeout=300_000)  # the server and the browser load all they have first
    expect_images(page, cats_as_dogs[:TILES])
    for images, words in (
        (dogs_as_cats, "images of “dog” taken for “cat”"),
        (cats_as_dogs, "images of “cat” taken for “dog”"),
    ):
        page.locator(f"svg [aria-label='{len(images)} {words}']").click(position={"x": 4, "y": 4})
        expect_words(page, f"{len(images)} {words}")
        expect_images(page, images[:TILES])
    page.wait_for_url(re.compile("true=cat&predicted=dog"))

    # The second page holds the next ones, and another order begins anew.
    page.get_by_role("button", name="Page 2", exact=True).click()
    expect_images(page, cats_as_dogs[TILES : 2 * TILES])
    page.wait_for_url(re.compile("mistakes-page=2"))
    page.get_by_role("radio", name="human disagreement", exact=True).click()
    divided = cats_as_dogs[np.argsort(-lists.entropy(votes)[cats_as_dogs], kind="stable")]
    expect_images(page, divided[:TILES])
    assert divided[:TILES].tolist() != cats_as_dogs[:TILES].tolist()
    badge = f"{votes[divided[0], CAT]} of {votes[divided[0]].sum()}"
    expect(page.locator(".stMarkdownBadge", has_text=badge).first).to_be_visible()

    # A reload keeps what was chosen.
    page.get_by_role("button", name="Page 2", exact=True).click()
    expect_images(page, divided[TILES : 2 * TILES])
    page.wait_for_url(re.compile("mistakes-page=2"))
    assert "mistakes-sort=human" in page.url
    page.reload()
    expect_images(page, divided[TILES : 2 * TILES])

    # The name of a class shows all its mistakes, a row of the table those of its pair.
    page.get_by_role("radio", name="confidence", exact=True).click()
    expect_images(page, cats_as_dogs[:TILES])
    page.locator("svg [aria-label='mistaken images of “cat” taken for something else']").click()
    mistaken_cats = surest(np.flatnonzero((labels == CAT) & (guesses != CAT)))
    expect_images(page, mistaken_cats[:TILES])
    first = metrics.most_confused(metrics.confusion(raw, labels), CLASS_NAMES).iloc[0]
    page.get_by_test_id("stDataFrame").last.click(position={"x": 40, "y": 35 + 17})
    expect_words(page, f"{first['count']} images of “{first['true']}” taken for “{first['predicted']}”")

    check_views(page)
    check_download(page, labels, guesses)


def check_views(page: Page) -> None:
    for view, chart in {
        "Calibration": "Reliability diagram",
        "Humans": "Confusion matrix of people",
        "Curves": "Training and validation loss",
        "Per class": "Precision, recall and F1",
    }.items():
        choose_view(page, view)
        drawn(page, chart)
        page.wait_for_url(re.compile(f"view={view.replace(' ', '.')}"))
    for view in ("Robustness", "None of these"):  # a chart, or the command that it takes
        choose_view(page, view)
        page.wait_for_url(re.compile(f"view={view.replace(' ', '.')}"))
        no_exception(page)


def check_download(page: Page, labels: NDArray[np.integer], guesses: NDArray[np.integer]) -> None:
    with page.expect_download() as waited:
        page.get_by_role("button", name="All its mistakes (CSV)").click()
    with waited.value.path().open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["image"]) for row in rows} == set(np.flatnonzero(labels != guesses))
    assert all(CLASS_NAMES[labels[int(row["image"])]] == row["true"] != row["predicted"] for row in rows)
    assert {row["label_rejected"] for row in rows} == {"True", "False"}
