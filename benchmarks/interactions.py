"""How long does the app take to answer a click on Evaluate and Compare, and how much memory does it hold?

    python -m benchmarks.interactions [--repeats 10]

Runs the pages' scripts in this process, as the server does for every click, from the addresses that clicks
lead to; drawing them is the browser's business and not counted. All shipped models are loaded first. The
memory is that of this process, which holds the app and no server.
"""

import statistics
import time
from typing import Annotated
from urllib.parse import parse_qsl

import psutil
import typer

from benchmarks.measure import command, show
from cifar_core import formats, paths
from cifar_core.errors import CifarLabError
from cifar_core.runs import catalogue

# What a click leads to: the page and the choices in its URL.
STATES = [
    "evaluate?true=cat&predicted=dog",
    "evaluate?true=automobile&predicted=truck",
    "evaluate?true=cat&predicted=dog&mistakes-sort=loss",
    "evaluate?true=cat&predicted=dog&mistakes-page=2",
    "evaluate?view=Per+class",
    "evaluate?view=Calibration",
    "evaluate?view=Humans",
    "evaluate?view=Robustness",
    "evaluate?view=Curves",
    "compare",
    "compare?view=Per+class",
    "compare?view=Who+is+right",
    "compare?view=Curves",
    "compare?view=Cleaner+test+sets",
]


def main(repeats: Annotated[int, typer.Option(min=1, help="Timed runs of each state.")] = 10) -> None:
    """Time the page scripts of Evaluate and Compare, with all shipped models loaded."""
    from streamlit.testing.v1 import AppTest

    from pages.parts import caches

    for model in catalogue.shipped():
        caches.classifier(model)
    names = ",".join(model.name for model in catalogue.shipped())
    rows, medians = [], []
    for state in STATES:
        page, _, query = state.partition("?")
        app = AppTest.from_file(str(paths.code_root() / "streamlit_app.py"), default_timeout=60)
        app.run()
        app.switch_page(f"pages/{page}.py")
        for name, value in [*parse_qsl(query), *([("models", names)] if page == "compare" else [])]:
            app.query_params[name] = value
        app.run()  # the first visit fills the caches
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            app.run()
            seconds.append(time.perf_counter() - start)
        if app.exception:
            raise CifarLabError(f"{state} shows an error: {app.exception[0].message}")
        medians.append(statistics.median(seconds))
        rows.append([state, *(f"{1000 * each:.0f} ms" for each in (medians[-1], min(seconds), max(seconds)))])
    rows.append(["all", f"{1000 * statistics.median(medians):.0f} ms", "", f"{1000 * max(medians):.0f} ms"])
    memory = formats.size_in_bytes(psutil.Process().memory_info().rss)
    show(
        f"The server's time for a click (repeats: {repeats})",
        ["where it leads", "median", "least", "most"],
        rows,
        {},
        [f"Memory of this process with {len(catalogue.shipped())} models: {memory}."],
    )


if __name__ == "__main__":
    command(main)
