"""The Classify page in a browser: hostile names, the map and its slider, the CSV file, a phone, a reload."""

import csv
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from cifar_core import paths
from cifar_core.datasets import cifar10
from tests.browser import no_exception
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.cifar10]

FORMULA = "=HYPERLINK('x')+:red[**a**].png"
NO_PICTURE = "![a](https:example.org) <img src=x>.png"


def test_pictures_of_ones_own(page: Page, server: Server, tmp_path: Path) -> None:
    shutil.copytree(paths.models_root() / "quick", server.runs / "mine")
    files = [tmp_path / FORMULA, tmp_path / NO_PICTURE, tmp_path / "ship.jpg"]
    test = cifar10.load_test()
    ship = Image.fromarray(test.images[np.flatnonzero(test.labels == 8)[1]])
    ship.save(files[0])
    ship.resize((300, 300)).save(files[2])
    files[1].write_text("not a picture")
    abroad: list[str] = []
    page.on("request", lambda request: abroad.append(request.url) if "example.org" in request.url else None)

    page.goto(f"{server.url}/classify?model=quick&model=mine")
    page.locator("input[type=file]").set_input_files(files)
    expect(page.get_by_text(f"{NO_PICTURE}: This file is not a picture", exact=False)).to_be_visible()
    seen = page.get_by_alt_text("the 32×32 pixels the network sees")
    expect(seen).to_have_count(2)
    expect(page.get_by_test_id("stText").filter(has_text=FORMULA)).to_have_text(FORMULA)
    expect(page.get_by_role("heading", name=re.compile("^ship, "))).to_have_count(4)
    assert not abroad

    with page.expect_download() as download:
        page.get_by_role("button", name="Answers as CSV").click()
    content = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [row["image"] for row in rows] == [f"'{FORMULA}"] * 2 + ["ship.jpg"] * 2 + [NO_PICTURE]
    assert [row["model"] for row in rows] == ["quick", "mine"] * 2 + [""]
    assert [row["class"] for row in rows] == ["ship"] * 4 + [""]
    assert "not a picture" in rows[-1]["error"]

    # The map is drawn over what the network sees, and anew where the slider is moved.
    page.get_by_text("Show what mattered", exact=True).click()
    maps = page.get_by_alt_text("what mattered to quick for ship")
    expect(maps).to_have_count(2)
    before = maps.first.get_attribute("src") or ""
    page.get_by_role("slider").press("ArrowLeft")
    expect(maps.first).not_to_have_attribute("src", before)
    expect(page).to_have_url(re.compile("&opacity=59&why=true"))

    # On a phone everything stands below each other, and nothing reaches beyond the edge.
    page.set_viewport_size({"width": 390, "height": 800})
    expect(seen.first).to_be_visible()
    main = "document.querySelector('[data-testid=stMain]')"  # which scrolls, not the document
    page.wait_for_function(f"{main}.scrollWidth <= {main}.clientWidth")
    boxes = [heading.bounding_box() for heading in page.get_by_role("heading").all()]
    tops = [box["y"] for box in boxes if box]
    assert len(set(tops)) == len(tops)
    no_exception(page)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (853, 480), (390, 844)])
@pytest.mark.parametrize("way", ["file", "webcam"])
def test_the_answer_comes_into_the_first_screen(
    page: Page, server: Server, tmp_path: Path, way: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{server.url}/classify?model=quick")
    if way == "file":
        Image.effect_noise((400, 300), 80).save(tmp_path / "noise.png")
        page.locator("input[type=file]").set_input_files(tmp_path / "noise.png")
    else:
        page.get_by_text("Webcam", exact=True).click()
        page.wait_for_function("document.querySelector('video')?.readyState >= 2")  # else there is no picture
        page.get_by_test_id("stCameraInputButton").click()
    verdict = page.get_by_role("heading", level=2)
    expect(verdict).to_be_visible()
    no_exception(page)
    expect(verdict).to_be_in_viewport(ratio=1)


def test_pictures_survive_a_look_at_another_page_and_not_their_removal(
    page: Page, server: Server, tmp_path: Path
) -> None:
    for name in ("one.png", "two.png"):
        Image.effect_noise((32, 32), 80).save(tmp_path / name)
    page.goto(f"{server.url}/classify?model=quick")
    field, shown = page.locator("input[type=file]"), page.get_by_test_id("stText").filter(has_text=".png")
    field.set_input_files([tmp_path / "one.png", tmp_path / "two.png"])
    expect(shown).to_have_count(2)
    page.get_by_test_id("stFileChipDeleteBtn").first.click()
    expect(shown).to_have_count(1)
    [left] = shown.all_inner_texts()
    for elsewhere in ("Overview", "Data"):
        page.get_by_role("link", name=elsewhere).first.click()
        expect(page.get_by_role("heading", name="Classify", exact=True)).to_have_count(0)
        page.get_by_role("link", name="Classify").first.click()
        expect(page.get_by_text("1 picture is still here from before.")).to_be_visible()
        expect(shown).to_have_text([left])
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(shown).to_have_count(0)
    page.get_by_role("link", name="Overview").first.click()
    page.get_by_role("link", name="Classify").first.click()
    expect(page.get_by_role("heading", name="Classify", exact=True)).to_be_visible()
    no_exception(page)
    expect(shown).to_have_count(0)


def test_a_random_test_image_survives_a_reload(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/classify?model=quick")
    page.get_by_role("button", name="Test image").click()
    expect(page).to_have_url(re.compile(r"model=.*image=\d+"))
    name = f"test image {page.url.partition('image=')[2].partition('&')[0]}"
    expect(page.get_by_text(name, exact=True)).to_be_visible()
    verdict = page.get_by_role("heading", name=re.compile("right|wrong"))
    said = verdict.inner_text()
    url = page.url
    page.reload()
    expect(page.get_by_text(name, exact=True)).to_be_visible()
    expect(verdict).to_have_text(said)
    assert page.url == url
    no_exception(page)
