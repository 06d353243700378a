"""How long does the server take to draw each closer look at a picture, and how much memory does it hold?

    python -m benchmarks.looks [MODEL] [--repeats 10] [--neighbours]

Each view runs alone in this process, as the server runs it when it is unfolded or something in it changes;
drawing it is the browser's business and not counted. What a model finds once and keeps on the disk, the map
and with `--neighbours` the nearest training images, is made first; then all shipped models answer, this one
last. A change is another picture or, on the map, another box. RISE is counted on its own: the dialog needs
its maps before anything is unfolded.
"""

import statistics
from typing import Annotated

import psutil
import streamlit as st
import typer

from benchmarks.measure import command, show
from cifar_core import formats, hardware
from cifar_core.errors import CifarLabError
from cifar_core.runs import catalogue

# The clock runs in the script, because the harness around it takes as long again.
SCRIPT = """
import time
import streamlit as st
from cifar_core.runs import catalogue
from pages.parts import caches, classify_map, evaluate_map, inside, nearest, saliency_map, two_maps, what_if
from pages.parts.turns import in_turn

model = catalogue.find(st.session_state["asked-model"])
picture = st.session_state["asked-picture"]
image = caches.test_set(model.facts()).images[picture]
st.query_params["box"] = f"-0.2,{{picture / 100}},-0.2,0.2"
{before}
start = time.perf_counter()
{code}
st.session_state["seconds"] = time.perf_counter() - start
"""
RISE = "in_turn(saliency_map.pixels_that_mattered, model, image, 3)"
VIEWS = {
    "how the picture becomes an answer": "inside.show([(model, image)])",
    "what mattered: RISE": RISE,
    "what mattered, two ways: the rest": "two_maps.show({model: (image, [3])})",
    "what if it looked different": "what_if.show({model: image[None]})",
    "where it lies among the test images": "classify_map.show({model: image})",
    "map of Evaluate": "evaluate_map.show(model)",
}
NEIGHBOURS = {"nearest training images": "nearest.show(model, image, alone=True)"}
BEFORE = {"what mattered, two ways: the rest": RISE}  # what the dialog has computed already
KEPT = {"map of Evaluate", *NEIGHBOURS}
FOLDS = ("inside", "two-maps", "what-if", "lies")


def main(
    model: Annotated[str, typer.Argument(help="Whose looks.")] = "best",
    repeats: Annotated[int, typer.Option(min=1, help="Timed changes of each view.")] = 10,
    neighbours: Annotated[
        bool, typer.Option("--neighbours", help="The nearest training images too: minutes, the first time.")
    ] = False,
) -> None:
    """Time the closer looks, with all shipped models loaded."""
    hardware.hold_little_memory()  # as the app does
    views = VIEWS | (NEIGHBOURS if neighbours else {})
    for view in KEPT & views.keys():
        drawn(model, view, views[view], 0)
    load_models(model)
    rows = []
    for view, code in views.items():
        first = drawn(model, view, code, 0)
        changes = [drawn(model, view, code, 1 + picture) for picture in range(repeats)]
        found = (first, statistics.median(changes), max(changes))
        rows.append([view, *(formats.milliseconds(seconds) for seconds in found)])
    memory = formats.size_in_bytes(psutil.Process().memory_info().rss)
    show(
        f"The server's time for the looks of {model} (changes: {repeats})",
        ["view", "first drawing", "a change, median", "most"],
        rows,
        {},
        [f"Memory of this process: {memory}."],
    )


def load_models(last: str) -> None:
    """Forget what was computed in this process, and let every shipped model answer, this one last."""
    from pages.parts import caches

    st.cache_data.clear()
    st.cache_resource.clear()
    for each in sorted(catalogue.shipped(), key=lambda each: each.name == last):
        caches.test_set(each.facts())
        caches.classifier(each)
        caches.results(each)


def drawn(model: str, view: str, code: str, picture: int) -> float:
    """Return the seconds that a view of a picture takes the server."""
    from streamlit.testing.v1 import AppTest

    script = SCRIPT.format(before=BEFORE.get(view, "pass"), code=code)
    app = AppTest.from_string(script, default_timeout=1_000)
    app.session_state["asked-model"], app.session_state["asked-picture"] = model, picture
    for fold in FOLDS:
        app.session_state[fold] = True
    app.run()
    seconds = float(app.session_state["seconds"])
    for button in [button for button in app.button if button.label == "Find them"]:
        button.click()
        app.run()
        seconds += float(app.session_state["seconds"])
    if app.exception or app.error:
        raise CifarLabError(f"“{view}” shows an error: {[*app.exception, *app.error][0].value}")
    return seconds


if __name__ == "__main__":
    command(main)
