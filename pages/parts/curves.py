"""The curves of runs: loss and accuracy side by side, over the same epochs."""

import itertools
from collections.abc import Iterator
from typing import Any, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifar_core import charts
from cifar_core.charts import Measure, Over
from cifar_core.runs import catalogue
from cifar_core.runs.members import members
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts.caches import AS_WRITTEN

AROUND = 8  # pixels around a chart; with none, a bar to scroll might come
LOSS_OF_TRAINING = (
    "As training counts it: with a recipe that softens the labels (label smoothing) it is higher than the "
    "loss in tables, so it compares runs of one recipe only. A network that guesses among ten classes has "
    "2.3; what is far above that is out of sight."
)


def logs(runs: list[ModelDirectory]) -> list[charts.Curve]:
    """Return the logs of runs, each under a name that tells it from the others."""
    names = catalogue.titles(runs)
    return [charts.Curve(names[run.name], run.steps(), run.history(), run.facts()) for run in runs]


def show_curves(
    curves: list[charts.Curve], epochs: float, over: Over, *, smooth: bool = False, large: bool = False
) -> None:
    """Draw how one or more runs learn, which may go on."""
    names = ", ".join(curve.name for curve in curves)
    for place, measure in measures():
        chart = charts.learning_curves(curves, measure, epochs, over, smooth=smooth, large=large)
        room(place, int(chart.height)).altair_chart(
            chart, key=measure, alt=what_is_drawn(measure, names, over)
        )


def room(place: DeltaGenerator, height: int) -> DeltaGenerator:
    """Keep room for a chart, which is of no height until its browser has drawn it: else all below jumps."""
    return place.container(height=height + AROUND, border=False)


def choose_how() -> tuple[Over, bool]:
    """Let the visitor choose what the x axis counts, and whether the training lines are smoothed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        over = st.segmented_control(
            "Over",
            get_args(Over),
            format_func={"epoch": "Epochs", "minutes": "Minutes"}.__getitem__,
            default="epoch",
            required=True,
            key="curves-over",
            persist_state="session",
            label_visibility="collapsed",
        )
        smooth = st.toggle(
            "Smooth",
            key="curves-smooth",
            persist_state="session",
            help="Averages the training line over its neighbours. Validation stays as it is.",
        )
    return over, smooth


def show_learning(models: list[ModelDirectory]) -> None:
    """Draw how one or more finished models learned; of an average, how its members did."""
    if any(model.is_average for model in models):
        st.caption("An average does not learn. In its place stand its members.")
        models = trained(models)
    names = ", ".join(catalogue.titles(models).values())
    for place, measure in measures():
        place.vega_lite_chart(learning_chart(models, measure), alt=what_is_drawn(measure, names))


def trained(models: list[ModelDirectory]) -> list[ModelDirectory]:
    """Put members in the place of averages, as many as have a colour of their own."""
    parts = [members(model) if model.is_average else [model] for model in models]
    return list(dict.fromkeys(itertools.chain(*parts)))[: len(charts.RUN_COLOURS)]


def measures() -> Iterator[tuple[DeltaGenerator, Measure]]:
    """Draw the titles of loss and accuracy side by side; yield each measure with its place."""
    names: tuple[Measure, ...] = get_args(Measure)
    for place, measure in zip(st.columns(2), names, strict=True):
        place.markdown(f"**{measure.capitalize()}**", help=LOSS_OF_TRAINING if measure == "loss" else None)
        yield place, measure


def what_is_drawn(measure: Measure, names: str, over: Over = "epoch") -> str:
    """Say what a chart of curves shows, for those who do not see it."""
    return f"Training and validation {measure} of {names} over the {'epochs' if over == 'epoch' else over}"


# To make a chart takes a tenth of a second and more.
@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=AS_WRITTEN)
def learning_chart(models: list[ModelDirectory], measure: Measure) -> dict[str, Any]:
    curves = logs(models)
    epochs = max(model.card()["epochs"] for model in models)
    return charts.learning_curves(curves, measure, epochs).to_dict()
