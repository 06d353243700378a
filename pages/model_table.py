"""The table of Compare: models side by side in numbers, the best of each column marked."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from cifar_core import comparison, formats, hardware
from cifar_core.comparison import Timing
from cifar_core.errors import CifarLabError
from cifar_core.model_dir import ModelDirectory
from cifar_core.runtime import Classifier


class Column(NamedTuple):
    """A column of numbers: how they are written, which one is the best, and what they mean."""

    title: str
    write: Callable[[float], str]
    best: Callable[[list[float]], float]
    help: str


# By their names in the card; `latency` is measured here.
COLUMNS = {
    "accuracy": Column("accuracy", formats.percent, max, "Share of the 10,000 test images it gets right."),
    "loss": Column(
        "loss",
        formats.loss,
        min,
        "Mean cross-entropy in nats, before scaling: how surprised it is by the true class. Lower is better.",
    ),
    "macro_f1": Column(
        "macro F1", formats.percent, max, "Balance of precision and recall, averaged over the ten classes."
    ),
    "calibration_error": Column(
        "calibration error",
        formats.percent,
        min,
        "How far its confidence is from how often it is right, on average, after temperature scaling.",
    ),
    "parameters": Column(
        "parameters", lambda number: formats.count(round(number)), min, "Numbers in the network."
    ),
    "bytes": Column(
        "file size", formats.size_in_bytes, min, "Size of model.onnx, with which this app answers."
    ),
    "latency": Column(
        "one image", formats.milliseconds, min, "Median time to classify one image, measured on this machine."
    ),
    "training_seconds": Column("training", formats.duration, min, "On the hardware in the next column."),
}
INTERVAL, HARDWARE = "95 % interval", "trained on"


def show(models: list[ModelDirectory]) -> None:
    """Draw one row a model, and what has to be known to read it."""
    timings = {model.name: timing(model) for model in models}
    rows = []
    for model in models:
        card, measured = model.card(), timings[model.name]
        numbers = {**card, "latency": measured.seconds if measured else np.nan}
        low, high = (formats.percent(end) for end in card["accuracy_interval"])
        rows.append(
            {
                "model": f"{model.name} †" if looked_at_the_test_set(model) else model.name,
                **{column.title: float(numbers[name]) for name, column in COLUMNS.items()},
                INTERVAL: f"{low} to {high}",
                HARDWARE: card["hardware"],
            }
        )
    first, *others = (column.title for column in COLUMNS.values())
    order = [first, INTERVAL, *others, HARDWARE]
    st.dataframe(
        marked(pd.DataFrame(rows).set_index("model")[order]),
        height="content",
        alt=f"The chosen models, one row each: {', '.join(order)}",
        column_config={
            **{column.title: st.column_config.Column(help=column.help) for column in COLUMNS.values()},
            INTERVAL: st.column_config.Column(
                help="Where its accuracy would lie on endlessly many such images (Wilson)."
            ),
        },
    )
    show_remarks(models, [measured for measured in timings.values() if measured])


def show_remarks(models: list[ModelDirectory], timings: list[Timing]) -> None:
    remarks = ["★ the best of its column"]
    if timings:
        busy = ", while it was busy with other work" if any(measured.busy for measured in timings) else ""
        remarks[0] += (
            f" · one image: median of {comparison.TIMED_IMAGES} on this machine, {hardware.describe()}{busy}"
        )
    if any(looked_at_the_test_set(model) for model in models):
        remarks.append(
            "† Like the original report, it looked at the test set to decide when to stop, so its test "
            "accuracy is a little optimistic."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("  \n".join(remarks))
        st.button("Measure again", icon=":material/timer:", on_click=_timing.clear)


def looked_at_the_test_set(model: ModelDirectory) -> bool:
    return model.recipe().validation == "test"


def marked(table: pd.DataFrame) -> Styler:
    """Write the numbers and mark the best of each column with a star: all that look alike, none if all do."""
    styler = table.style
    for column in COLUMNS.values():
        numbers = table[column.title].dropna().tolist()
        written = {column.write(number) for number in numbers}
        best = column.write(column.best(numbers)) if len(written) > 1 else None
        styler.format(partial(cell, write=column.write, best=best), subset=[column.title])
    return styler


def cell(number: float, write: Callable[[float], str], best: str | None) -> str:
    text = "–" if np.isnan(number) else write(number)
    return f"★ {text}" if text == best else text


def timing(model: ModelDirectory) -> Timing | None:
    """Return how long one image takes here, measured once; say so and return None if it cannot be loaded."""
    try:
        return _timing(model, model.onnx_path.stat().st_mtime)
    except CifarLabError as error:
        st.warning(str(error), icon=":material/warning:")
        return None


@st.cache_data(max_entries=16, show_spinner="Measuring the time for one image")
def _timing(model: ModelDirectory, modified: float) -> Timing:  # noqa: ARG001
    # With a classifier that goes when it is measured: several large ones would not fit into the memory.
    return comparison.time_one_image(Classifier(model.onnx_path))
