"""The map on Evaluate in Chromium: a box drawn by mouse fills the gallery, and a tile leads on."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks import browser as real
from benchmarks.browser import rest
from cifar_core.annotations import image_notes
from cifar_core.datasets import cifar10
from cifar_core.datasets.registry import CIFAR10
from cifar_core.evaluation import browse
from cifar_core.inference import calibration, embedding, features, neighbours
from cifar_core.inference.embedding import FEW, Box
from cifar_core.inference.neighbours import Neighbours
from cifar_core.inference.opening import classifier_of
from cifar_core.runs import catalogue
from tests.browser import no_exception
from tests.browser.conftest import Server
from tests.browser.test_evaluate import tiles
from tests.pictures import encode, photo

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.slow]

FEW_TRAINING_IMAGES = 500  # of 50,000, which would take minutes
DRAG = (0.05, 0.05, 0.6, 0.6)  # the corners of the box, shares of width and height


# The dot that lies farthest to the right, as the browser drew it; the frame is grey, and dots have colours.
FARTHEST_RIGHT = """canvas => {
    const { width, height } = canvas
    const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data
    for (let x = width - 1; x >= 0; x--)
        for (let y = 0; y < height; y++) {
            const [red, green, blue, opacity] = pixels.slice(4 * (y * width + x), 4 * (y * width + x) + 4)
            const spread = Math.max(red, green, blue) - Math.min(red, green, blue)
            if (opacity > 128 && spread > 40) return { x: x - 1.5, y: y + 0.5 }
        }
}"""


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept of what the app computed before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def known() -> None:
    """Let the neighbours of `best` be known, among a few training images."""
    model = catalogue.find("best")
    seen = features.seen(
        classifier_of(model), CIFAR10, "train", np.arange(FEW_TRAINING_IMAGES), lambda _: None
    )
    mean, axes = features.principal_axes(seen, neighbours.COMPONENTS)
    found = Neighbours(mean, axes, ((seen - mean) @ axes).astype(np.float16))
    found.save(neighbours.place(model, CIFAR10))


@pytest.mark.usefixtures("known")
def test_a_box_fills_the_gallery_and_a_tile_leads_to_the_nearest_training_images(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.url}/evaluate?model=best&view=Map&map-sort=loss")  # the mistakes first
    words = page.get_by_test_id("stMarkdown")
    expect(words.get_by_text("2,000 images on the map", exact=True)).to_be_visible()
    rest(page)
    canvas = page.locator("canvas.marks")
    canvas.scroll_into_view_if_needed()
    area = canvas.bounding_box()
    assert area
    x, y, width, height = area["x"], area["y"], area["width"], area["height"]
    left, right = (x + DRAG[end] * width for end in (0, 2))
    top, bottom = (y + DRAG[end] * height for end in (1, 3))
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=8)
    page.mouse.up()

    page.wait_for_url(re.compile("box="))
    expect(words.get_by_text(re.compile("images? in the box$"))).to_be_visible()
    rest(page)
    [ends] = re.findall(r"box=([^&]+)", page.url)
    box = Box(*map(float, ends.replace("%2C", ",").split(",")))
    model = catalogue.find("best")
    found = embedding.kept(model, CIFAR10, FEW)
    assert found is not None
    across, up = found.positions("PCA").T
    within = (box.left <= across) & (across <= box.right) & (box.bottom <= up) & (up <= box.top)
    inside = found.images[within]
    assert len(inside) > 2
    expect(words.get_by_text(f"{len(inside):,} images in the box", exact=True)).to_be_visible()
    labels = cifar10.load_test().labels
    raw = model.predictions()["test"].astype(float)
    answers = calibration.temperature_scale(raw, model.card()["temperature"])
    worst = browse.order(inside, "loss", [answers], labels, image_notes.none())[0]
    tile = tiles(page).and_(page.get_by_alt_text(re.compile(f"^test image {worst}:"))).last
    tile.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile(rf"^Test image {worst} · 1 of {len(inside):,}$"))).to_be_visible()
    expect(dialog.get_by_alt_text(re.compile("^training image "))).to_have_count(8)
    no_exception(page)

    page.reload()  # a link opens on what was seen
    expect(dialog.get_by_text(re.compile(rf"^Test image {worst} · 1 of {len(inside):,}$"))).to_be_visible()
    rest(page)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(words.get_by_text(f"{len(inside):,} images in the box", exact=True)).to_be_visible()
    page.wait_for_url(re.compile(r"^(?!.*(sample|of)=)"))
    no_exception(page)


def test_a_dot_opens_the_closer_look_again_and_again(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/evaluate?model=quick&view=Map")
    expect(page.get_by_text("2,000 images on the map")).to_be_visible()
    rest(page)
    found = embedding.kept(catalogue.find("quick"), CIFAR10, FEW)
    assert found is not None
    # A cross is wider than a dot, so what reaches farthest need not lie farthest.
    rightmost = set(found.images[found.positions("PCA")[:, 0].argsort()[-20:]].tolist())
    dialog = page.get_by_role("dialog")
    for _ in range(2):
        canvas = page.locator("canvas.marks")
        canvas.scroll_into_view_if_needed()
        rest(page)
        canvas.click(position=canvas.evaluate(FARTHEST_RIGHT))
        expect(dialog.get_by_text(re.compile("^Test image [0-9]+ "))).to_be_visible()
        [image] = re.findall(r"sample=([0-9]+)", page.url)
        assert int(image) in rightmost
        rest(page)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        no_exception(page)


def test_on_a_phone_it_is_as_wide_as_the_page(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(1_000 * real.PATIENCE)
    page = context.new_page()
    page.goto(f"{server.url}/evaluate?model=quick&view=Map")
    expect(page.get_by_text("2,000 images on the map")).to_be_visible()
    rest(page)
    canvas = page.locator("canvas.marks")
    expect(canvas).to_be_visible()
    area = canvas.bounding_box()
    assert area
    assert area["x"] >= 0
    assert area["x"] + area["width"] <= 390
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
    no_exception(page)
    context.close()


def test_a_picture_of_ones_own_lies_on_the_map_and_its_neighbours_are_a_click_away(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.url}/classify?model=quick")
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": encode(photo(300, 200, 3), "PNG")}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="A closer look").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Where it lies among the test images").click()
    expect(dialog.locator("canvas.marks")).to_be_visible()
    neighbours = dialog.get_by_alt_text(re.compile("^test image "))
    expect(neighbours).to_have_count(6)
    [number] = re.findall(r"test image (\d+)", str(neighbours.first.get_attribute("alt")))
    rest(page)
    neighbours.first.click()
    page.wait_for_url(re.compile(rf"/evaluate\?.*sample={number}"))
    expect(page.get_by_role("dialog").get_by_text(f"Test image {number}", exact=True)).to_be_visible()
    no_exception(page)
