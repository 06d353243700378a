"""Own pictures from a webcam, as which Chromium plays a film that is made here."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from benchmarks.browser import rest
from cifar_core.datasets import own
from tests.browser import no_exception
from tests.browser.conftest import StartServer
from tests.browser.films import film, noise, watching

pytestmark = pytest.mark.browser


def test_a_burst_is_recorded_while_the_button_is_held(
    browser: Browser, start_server: StartServer, tmp_path: Path, datasets: Path
) -> None:
    server = start_server(CIFAR_LAB_DATASETS=str(datasets), CIFAR10_DIR=None)
    with watching(browser, film(tmp_path / "film.y4m", noise())) as page:
        page.goto(f"{server.url}/data")
        page.get_by_text("Use your own pictures").wait_for()
        rest(page)
        page.get_by_text("Use your own pictures").click()
        page.get_by_label("Name", exact=True).fill("film")
        page.get_by_text("The webcam").click()
        for name in ("one", "two"):
            page.get_by_label("Class", exact=True).fill(name)
            page.get_by_label("Class", exact=True).press("Enter")
            rest(page)
            if name == "one":
                page.get_by_role("button", name="Turn the camera on").click()
            frames = page.locator(".record ~ [role=status]")
            for times in ("once", "2 times", "3 times"):
                button = page.get_by_role("button", name="Hold to record")
                button.hover()
                page.mouse.down()
                expect(frames).to_have_text(re.compile(r"^([3-9]|\d\d+)$"))  # so far
                page.mouse.up()
                expect(page.get_by_text(f"{name} · recorded {times}")).to_be_visible()
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_text("“film” is here")).to_be_visible()
        no_exception(page)

    dataset = own.find("film")
    assert dataset is not None
    index = dataset.index()
    bursts = np.array([name.rpartition("-")[0] for name in index.names])
    assert len(set(bursts)) == 6
    assert len(bursts) >= 6 * 3
    for burst in set(bursts):
        assert len(set(index.groups[bursts == burst])) == 1
        assert len(set(index.test[bursts == burst])) == 1
