"""How fast does the app feel, and how much memory does its server hold?

    python -m benchmarks.app_speed [--rounds 3] [--visits 3]

In the distribution's Chromium: from `streamlit run` to the first page, from a click in the navigation to the
page at rest, from a dropped photograph to its answer; and the server's memory on the way. Beside it, in
turns, an empty app of two pages, which is what Streamlit itself takes, and CIFAR Lab with TensorFlow imported
in the app's process, which is what it saves to train in another one.
"""

import io
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from PIL import Image
from rich.progress import MofNCompleteColumn, TimeElapsedColumn

from benchmarks.browser import AT_REST, Server, Within, chromium, rest
from benchmarks.measure import command, show
from cifar_core import formats
from cifar_core.cli import console
from cifar_core.runs import catalogue

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

EMPTY = """import streamlit as st

def one(): st.title("One")
def two(): st.title("Two")

st.set_page_config(layout="wide")
st.navigation([st.Page(one, title="One", default=True), st.Page(two, title="Two")], position="top").run()
"""
FIRST = {"an empty app": "One"}  # the title of the first page, where it is not our own
TITLES = ("Data", "Train", "Evaluate", "Compare", "Classify", "Deploy", "Overview")
PHOTOGRAPH = (1600, 1200)  # pixels

# The clock is the browser's, from the click to the frame in which the page with that title is at rest.
SWITCH = f"""([link, title]) => new Promise((done, failed) => {{
    const start = performance.now();
    const look = () => {{
        const passed = performance.now() - start;
        if (document.querySelector('h1')?.innerText === title && ({AT_REST})) done(passed);
        else if (passed > 60000) failed(new Error(`“${{title}}” is not there after a minute`));
        else requestAnimationFrame(look);
    }};
    link.click();
    look();
}})"""
START_AT_UPLOAD = """document.querySelector('input[type=file]').addEventListener(
    'change', () => { window.uploaded = performance.now() }, { capture: true })"""
ANSWERED = f"""() => window.uploaded && document.querySelector('h2') && ({AT_REST})
    ? performance.now() - window.uploaded : 0"""

Figures = dict[str, list[float]]


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Servers started of each app.")] = 3,
    visits: Annotated[int, typer.Option(min=1, help="Timed visits to each page, and uploads, a server.")] = 3,
    within: Within = "",
) -> None:
    """Measure app and server in a real browser, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY)
        (Path(folder) / "sitecustomize.py").write_text("import tensorflow\n")  # Python runs it as it starts
        ours = {"CIFAR_LAB_RUNS": str(Path(folder) / "runs")}
        apps: dict[str, dict[str, Any]] = {
            "an empty app": {"script": empty, "within": within},
            "CIFAR Lab": {"variables": ours, "within": within},
            "with TensorFlow in it": {
                "variables": {**ours, "PYTHONPATH": folder, "TF_CPP_MIN_LOG_LEVEL": "3"},
                "within": within,
            },
        }
        found: dict[str, Figures] = {name: defaultdict(list) for name in apps}
        columns = (MofNCompleteColumn(), TimeElapsedColumn())
        with chromium() as browser, console.progress(*columns) as bar:
            task = bar.add_task("", total=rounds * len(apps))
            for _ in range(rounds):
                for name, how in apps.items():
                    bar.update(task, description=name)
                    measure(browser, name, how, visits, found[name])
                    bar.advance(task)
    report(found, rounds, visits)


def measure(browser: "Browser", name: str, how: dict[str, Any], visits: int, into: Figures) -> None:
    """Start one app and add what is measured of it."""
    start = time.perf_counter()
    with Server(**how) as server:
        context = browser.new_context(viewport={"width": 1440, "height": 1000})  # with nothing cached
        tab = context.new_page()
        tab.goto(server.url)
        tab.get_by_role("heading", name=FIRST.get(name, "CIFAR Lab"), level=1).wait_for()
        rest(tab)
        into["`streamlit run` to the first page"].append(time.perf_counter() - start)
        into["memory: first page"].append(memory(server))
        if name in FIRST:
            for _ in range(1 + visits):
                for title in ("Two", "One"):
                    into["page switch"].append(switch(tab, title))
        else:
            measure_pages(tab, server, visits, into)
            measure_uploads(tab, server, visits, into)
        context.close()


def measure_pages(tab: "Page", server: Server, visits: int, into: Figures) -> None:
    """Visit every page for the first time, then again and again."""
    for title in TITLES:
        into["page switch, first visit"].append(switch(tab, title))
        into[f"memory: {title}"].append(memory(server))
    for _ in range(visits):
        for title in TITLES:
            seconds = switch(tab, title)
            into["page switch"].append(seconds)
            into[f"page switch to {title}"].append(seconds)


def switch(tab: "Page", title: str) -> float:
    """Click a page in the navigation and return the seconds until it is at rest."""
    label = "Overview" if title == "CIFAR Lab" else title
    link = tab.get_by_test_id("stTopNavLink").filter(has_text=label).first.element_handle()
    return float(tab.evaluate(SWITCH, [link, "CIFAR Lab" if title == "Overview" else title])) / 1000


def measure_uploads(tab: "Page", server: Server, visits: int, into: Figures) -> None:
    """Drop a photograph on the page Classify, for every model once, and for the first again and again."""
    models = [model.name for model in catalogue.shipped()]
    for number, model in enumerate(models[:1] * (1 + visits) + models[1:]):
        tab.goto(f"{server.url}/classify?model={model}")
        rest(tab)
        tab.evaluate(START_AT_UPLOAD)
        file = {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": photograph(number)}
        tab.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        seconds = float(tab.wait_for_function(ANSWERED).json_value()) / 1000
        into["upload to answer" if 0 < number <= visits else "upload to the first answer of a model"].append(
            seconds
        )
        if number == 0:
            into["memory: a picture classified"].append(memory(server))
    into[f"memory: by all {len(models)} models"].append(memory(server))


def photograph(seed: int) -> bytes:
    """Return a JPEG of the size of a photograph, another one for each seed."""
    few = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(few).resize(PHOTOGRAPH, Image.Resampling.BICUBIC).save(file, "JPEG")
    return file.getvalue()


def memory(server: Server) -> float:
    """Return the bytes that the server's process holds."""
    return float(server.process.memory_info().rss)


def report(found: dict[str, Figures], rounds: int, visits: int) -> None:
    """Print the medians, a row a figure and a column an app."""
    rows = []
    for figure in found["CIFAR Lab"]:
        write = formats.size_in_bytes if figure.startswith("memory") else in_words
        cells = [figures.get(figure) for figures in found.values()]
        rows.append([figure, *(write(statistics.median(cell)) if cell else "" for cell in cells)])
    show(
        f"The app in a browser, medians (rounds: {rounds}, visits: {visits})",
        ["", *found],
        rows,
        {},
        ["Memory: resident, of the server's process, after what was done up to there."],
    )


def in_words(seconds: float) -> str:
    """Write a time in seconds or milliseconds, whichever is read more easily."""
    return f"{seconds:.2f} s" if seconds >= 1 else formats.milliseconds(seconds)


if __name__ == "__main__":
    command(main)
