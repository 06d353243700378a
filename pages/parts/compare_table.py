"""The table of Compare: models side by side in numbers, the best of each column marked."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from cifar_core import formats, hardware
from cifar_core.errors import CifarLabError
from cifar_core.inference import stopwatch
from cifar_core.inference.opening import classifier_of
from cifar_core.inference.stopwatch import Timing
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import plain, told
from pages.parts.tables import one_line, show_table


class Column(NamedTuple):
    """A column of numbers: how they are written, which one is the best, and what they mean."""

    title: str
    write: Callable[[Any], str]
    best: Callable[[list[Any]], Any] | None
    meaning: str


# By their names in the card, which lacks what was not measured; `latency` is measured here.
COLUMNS = {
    "accuracy": Column("accuracy", formats.percent, max, "share of the test images it gets right"),
    "loss": Column(
        "loss",
        formats.loss,
        min,
        "mean cross-entropy in nats, before calibration: how surprised it is by the true class",
    ),
    "macro_f1": Column(
        "macro F1", formats.percent, max, "balance of precision and recall, averaged over the classes"
    ),
    "calibration_error": Column(
        "calibration error",
        formats.percent,
        min,
        "how far its confidence is from how often it is right, on average",
    ),
    "robustness_mean": Column(
        "worse pictures",
        formats.percent,
        max,
        "share it gets right of noisy, blurred, foggy … pictures, as CIFAR-10-C has them: the mean of "
        "fifteen kinds in five strengths",
    ),
    "parameters": Column("parameters", formats.count, min, "numbers in the network"),
    "bytes": Column("file size", formats.size_in_bytes, min, "of model.onnx, with which this app answers"),
    "latency": Column("one image", formats.milliseconds, min, "median time to classify it on this machine"),
    # Without a best one: it is of another machine for each.
    "training_seconds": Column(
        "training",
        formats.duration,
        None,
        "on the hardware in the next column; of a model that began with another, what came after",
    ),
}
INTERVAL = "95 % interval"  # stands beside the accuracy
MEANINGS = {
    INTERVAL: "where its accuracy would probably be if there were endlessly many such images (Wilson)",
    **{column.title: column.meaning for column in COLUMNS.values()},
}


def show(models: list[ModelDirectory]) -> None:
    """Draw one row a model, and what has to be known to read it."""
    titles, timings = catalogue.titles(models), [timing(model) for model in models]
    cards: list[dict[str, Any]] = [
        {**model.card(), "latency": measured and measured.seconds}
        for model, measured in zip(models, timings, strict=True)
    ]
    table = pd.DataFrame(
        {
            column.title: marked([card.get(name) for card in cards], column.write, column.best)
            for name, column in COLUMNS.items()
        },
        index=pd.Index(
            [plain(titles[m.name]) + (" †" if looked_at_the_test_set(m) else "") for m in models],
            name="model",
        ),
    )
    intervals = [[formats.percent(end) for end in card["accuracy_interval"]] for card in cards]
    table.insert(1, INTERVAL, [one_line(" to ".join(ends)) for ends in intervals])
    show_table(
        table.assign(**{"trained on": [one_line(card["hardware"]) for card in cards]}),
        alt="The chosen models side by side",
    )
    show_remarks(models, [measured for measured in timings if measured])


def show_remarks(models: list[ModelDirectory], timings: list[Timing]) -> None:
    remarks = ["★ the best of its column"] if len(models) > 1 else []
    if timings:
        busy = ", while it was busy with other work" if any(measured.busy for measured in timings) else ""
        remarks.append(
            f"One image: median of {stopwatch.TIMED_IMAGES} on this machine, {hardware.describe()}{busy}"
        )
    if any(looked_at_the_test_set(model) for model in models):
        remarks.append(
            "† Like the original report, it looked at the test set to decide when to stop, so its test "
            "accuracy is a little too high"
        )
    if any(model.is_average for model in models):
        remarks.append(
            "Of an average, the loss is of calibrated answers; parameters, file size and training are its "
            "members' together"
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("  \n".join(remarks))
        with st.popover("What the columns mean", icon=":material/help:"):
            st.markdown("\n".join(f"- **{title}**: {meaning}" for title, meaning in MEANINGS.items()))
        st.button("Measure again", icon=":material/timer:", on_click=time_one_image.clear)


def looked_at_the_test_set(model: ModelDirectory) -> bool:
    return model.recipe().validation == "test"


def marked(
    numbers: list[Any], write: Callable[[Any], str], best: Callable[[list[Any]], Any] | None
) -> list[str]:
    """Write the numbers and mark the best: all that look as good, and none if all look alike."""
    texts = ["–" if number is None else one_line(write(number)) for number in numbers]
    known = [number for number in numbers if number is not None]
    winner = one_line(write(best(known))) if best and len({write(number) for number in known}) > 1 else None
    return [one_line(f"**{text}** ★") if text == winner else text for text in texts]


def timing(model: ModelDirectory) -> Timing | None:
    """Return how long one image takes here, measured once; say so and return None if it cannot be loaded."""
    try:
        return time_one_image(model)
    except CifarLabError as error:
        st.warning(told(error), icon=":material/warning:")
        return None


@st.cache_data(max_entries=16, show_spinner="Measuring the time for one image", hash_funcs=AS_WRITTEN)
def time_one_image(model: ModelDirectory) -> Timing:
    # With a classifier that goes when it is measured: several large ones would not fit into the memory.
    measured = stopwatch.time_one_image(classifier_of(model))
    hardware.give_back_memory()
    return measured
