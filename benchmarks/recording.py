"""What does a training look like? An animated picture of one, which the README has.

    python -m benchmarks.recording docs/train.webp

Starts the app on a folder of runs of its own, trains `quick` on the handwritten digits, which come with
scikit-learn, in the distribution’s Chromium, and looks at the confusion matrix. The picture repeats itself,
and is faster than the training was.
"""

import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from PIL import Image

from benchmarks.browser import Server, chromium, rest
from benchmarks.measure import command
from cifar_core.errors import CifarLabError
from cifar_core.runs import catalogue

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTH, HEIGHT = 1120, 700
SCALE = 0.75  # of the picture
SETTLE = 2_000  # milliseconds that a page has to draw its charts
EVERY = 500  # milliseconds between two looks at the training
SHOWN, LAST = 160, 2_500  # milliseconds that the picture shows a look; the last of a scene
MOST = 3_000_000  # bytes


def main(
    file: Annotated[Path, typer.Argument(help="Where the picture goes, a WebP file.")],
) -> None:
    """Record a training of the handwritten digits, and what the model then confuses."""
    scenes: list[list[Image.Image]] = []
    with (
        tempfile.TemporaryDirectory() as runs,
        # Without CIFAR-10, the digits are what is chosen.
        Server(
            variables={"CIFAR_LAB_RUNS": runs, "CIFAR10_DIR": None, "HOME": runs, "XDG_CACHE_HOME": None}
        ) as server,
        chromium() as browser,
    ):
        os.environ["CIFAR_LAB_RUNS"] = runs
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(f"{server.url}/train")
        rest(tab)
        tab.wait_for_timeout(SETTLE)
        scenes.append([look(tab)])
        scenes.append(training(tab))
        [run] = catalogue.runs()
        tab.goto(f"{server.url}/evaluate?model={run.name}")
        rest(tab)
        tab.wait_for_timeout(SETTLE)
        scenes.append([look(tab)])
    frames = [frame for scene in scenes for frame in scene]
    shown = [LAST if frame is scene[-1] else SHOWN for scene in scenes for frame in scene]
    frames[0].save(
        file, save_all=True, append_images=frames[1:], duration=shown, loop=0, quality=70, method=6
    )
    if (size := file.stat().st_size) > MOST:
        raise CifarLabError(f"{file} has {size:,} bytes, more than {MOST:,}: look less often.")


def training(tab: "Page") -> list[Image.Image]:
    """Start a training and look at it until it is finished."""
    tab.get_by_test_id("stMain").get_by_role("button", name="Train Quick").click()
    looks = [look(tab)]
    while not (found := catalogue.runs()) or found[0].status().state not in ("finished", "failed"):
        tab.wait_for_timeout(EVERY)
        if (seen := look(tab)).tobytes() != looks[-1].tobytes():
            looks.append(seen)
    rest(tab)
    tab.wait_for_timeout(SETTLE)
    return [*looks, look(tab)]


def look(tab: "Page") -> Image.Image:
    """Return what the window shows, smaller."""
    with Image.open(io.BytesIO(tab.screenshot())) as picture:
        size = (round(SCALE * picture.width), round(SCALE * picture.height))
        return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    command(main)
