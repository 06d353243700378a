"""What does every page look like, in both themes, on a desk and on a phone?

    python -m benchmarks.screenshots DIRECTORY [--page evaluate]

Starts the app on a folder of runs of its own, opens each page in the distribution's Chromium and saves one
picture a page, theme and width. For the page that shows a training, one runs meanwhile, on few images.
Most show images of CIFAR-10, so they are for looking at and not for publishing.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from benchmarks.browser import Server, chromium, rest
from benchmarks.measure import command
from cifar_core import images, paths
from cifar_core.datasets import cifar10
from cifar_core.errors import CifarLabError
from cifar_core.recipes import RECIPES
from cifar_core.runs import jobs

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

# A page and what makes it show the most: a view, a choice. Page by page as the navigation has them; those of
# Train with runs come last, because from then on there are runs on every page.
PAGES = {
    "overview": "",
    "data": "data",
    "data-balance": "data?view=Balance",
    "data-journey": "data?view=An+image+on+its+way",
    "train-first": "train",
    "evaluate": "evaluate",
    "evaluate-calibration": "evaluate?view=Calibration",
    "evaluate-humans": "evaluate?view=Humans",
    "evaluate-robustness": "evaluate?model=fast&view=Robustness",
    "evaluate-none": "evaluate?view=None+of+the+ten",
    "evaluate-curves": "evaluate?view=Curves",
    "compare": "compare",
    "compare-who": "compare?view=Who+is+right",
    "compare-curves": "compare?view=Curves",
    "compare-cleaner": "compare?view=Cleaner+test+sets",
    "classify": "classify?model=fast",
    "classify-answer": "classify?model=fast&image=12&why=true",
    "classify-two": "classify?model=fast&model=quick&image=12",
    "classify-several": "classify?model=fast",
    "deploy": "deploy",
    "deploy-vertex": "deploy?view=Vertex+AI",
    "deploy-website": "deploy?view=Website",
    "deploy-files": "deploy?view=Files",
    "train-finished": "train?run=quick-2",
    "train-running": "train",
}
WIDTHS = {"desk": 1440, "phone": 390}
TALLEST = 6000  # pixels
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main(
    directory: Annotated[Path, typer.Argument(help="Where the pictures go; made if it is not there.")],
    page: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(PAGES)}; by default all.")
    ] = None,
    settle: Annotated[float, typer.Option(min=0.0, help="Seconds a page has to draw its charts.")] = 1.5,
) -> None:
    """Save a picture of every page in both themes and both widths."""
    if unknown := set(page or ()) - set(PAGES):
        raise CifarLabError(f"There is no page {', '.join(sorted(unknown))}; choose from {', '.join(PAGES)}.")
    directory.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as runs,
        Server(variables={"CIFAR_LAB_RUNS": runs}) as server,
        chromium() as browser,
    ):
        os.environ["CIFAR_LAB_RUNS"] = runs
        tabs = {
            (theme, width): browser.new_context(
                viewport={"width": pixels, "height": 1000}, color_scheme=theme
            ).new_page()
            for theme in THEMES
            for width, pixels in WIDTHS.items()
        }
        for name in [name for name in PAGES if name in (page or PAGES)]:
            if name.startswith("train-") and name != "train-first":
                finished_runs(Path(runs))
            with training() if name == "train-running" else nullcontext():
                for (theme, width), tab in tabs.items():
                    tab.goto(f"{server.url}/{PAGES[name]}")
                    rest(tab)
                    if act := ACTS.get(name):
                        act(tab)
                        rest(tab)
                    save(tab, directory / f"{name}-{theme}-{width}.png", settle)
                    tab.goto("about:blank")  # or it would go on asking the server


def save(tab: "Page", path: Path, settle: float) -> None:
    """Save the whole page: it scrolls inside of itself, so the window is made as tall as its content."""
    tab.wait_for_timeout(1000 * settle)
    assert tab.viewport_size
    window = tab.viewport_size
    height = tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    tab.set_viewport_size({**window, "height": min(max(window["height"], height), TALLEST)})
    tab.wait_for_timeout(500 * settle)
    tab.screenshot(path=path)
    tab.set_viewport_size(window)


def drop_pictures(tab: "Page") -> None:
    """Give Classify three test images as files, and one file that is none."""
    pictures = cifar10.load_test().images
    files: list[FilePayload] = [
        {"name": f"{number}.png", "mimeType": "image/png", "buffer": images.to_png(pictures[number], 8)}
        for number in (3, 12, 4)
    ]
    notes: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"}
    tab.locator("input[type=file]").set_input_files([*files, notes])
    tab.get_by_text("notes.txt: ", exact=False).wait_for()


ACTS: dict[str, Callable[["Page"], None]] = {"classify-several": drop_pictures}


def finished_runs(runs: Path) -> None:
    """Put runs into the folder, as if shipped models had been trained here."""
    for model, name in (("quick", "quick-1"), ("quick", "quick-2"), ("fast", "fast-1")):
        if not (runs / name).exists():
            shutil.copytree(paths.models_root() / model, runs / name)


@contextmanager
def training() -> Iterator[None]:
    """Let a run train meanwhile that has finished its first epoch and is far from its end."""
    run = jobs.start(RECIPES["quick"].with_(epochs=60, images=6000))
    try:
        while not len(run.history()) and run.status().active:
            time.sleep(0.5)
        yield
    finally:
        jobs.stop(run)
        while run.status().active:  # its folder is about to go
            time.sleep(0.1)


if __name__ == "__main__":
    command(main)
