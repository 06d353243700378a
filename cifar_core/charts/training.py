"""Charts of runs: how they learn, and what a minute of training buys."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import altair as alt
import numpy as np
import pandas as pd

from cifar_core.charts.palette import HEIGHT, LABEL, LARGE_HEIGHT, NEUTRAL, RUN_COLOURS, TRAINING, VALIDATION
from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import CIFAR10
from cifar_core.recipe import REPORT, Precision

Measure = Literal["loss", "accuracy"]
Over = Literal["epoch", "minutes"]  # what the x axis counts

# Above the loss of a network that guesses, of ten classes 2.3; a bad first epoch can have twenty, and would
# flatten all that follows.
LOSS_IN_SIGHT = 0.2
_SHORT = 12  # epochs
_MINUTES = [1, 2, 5, 10, 20, 50, 100, 200]
_POINTS = 400  # of a training curve; more than a screen can tell apart
_SMOOTHED = 25  # windows in a curve: enough to take its noise away, and to leave its bends
_ROW = 18  # pixels, of a legend
_LARGE_TEXT = 18  # pixels


@dataclass(frozen=True)
class Curve:
    """The log of one run, as the `steps`, `history` and `facts` of its `ModelDirectory` return it."""

    name: str
    steps: pd.DataFrame
    history: pd.DataFrame
    facts: Facts


def learning_curves(
    curves: Sequence[Curve],
    measure: Measure,
    epochs: float,
    over: Over = "epoch",
    *,
    smooth: bool = False,
    large: bool = False,
) -> alt.LayerChart:
    """Draw a measure as it was learned: training as a line within the epochs, validation at their ends.

    Parameters
    ----------
    curves
        One run, or several to compare: then the colour tells the run instead of training and validation.
    epochs
        Where the x axis ends, if it counts epochs.
    over
        What it counts: epochs, or minutes of training, which tell what one costs.
    smooth
        Average the training line over its neighbours.
    large
        Draw it for people at the back of a room.
    """
    alone, percent = len(curves) == 1, measure == "accuracy"
    training, validation = _training(curves, measure, smooth), _validation(curves, measure)
    end = max(epochs, 1) if over == "epoch" else max(float(training["minutes"].max()), 0.1)
    by_run = validation.groupby("run")[measure]
    best = validation.loc[by_run.idxmax() if percent else by_run.idxmin()]
    guessing = math.log(max(len(curve.facts.class_names) for curve in curves))
    ceiling = round(guessing + LOSS_IN_SIGHT, 1)
    ticks = alt.Axis(tickMinStep=1, format="d") if over == "epoch" else alt.Axis(format="~g")
    base = alt.Chart().encode(
        x=alt.X(f"{over}:Q", title=over, axis=ticks).scale(domain=[0, end], nice=False),
        y=_measured(measure, max(training[measure].max(), validation[measure].max()), ceiling),
        color=_curve_colour(curves),
        tooltip=[
            alt.Tooltip("run:N"),
            alt.Tooltip("series:N", title="on"),
            alt.Tooltip("epoch:Q", format=".2f"),
            alt.Tooltip("minutes:Q", format=".1f"),
            alt.Tooltip(f"{measure}:Q", format=".1%" if percent else ".3f"),
        ],
    )
    in_sight = alt.datum[measure] <= (1 if percent else ceiling)  # dots are not cut, so those left go
    dots = base.transform_filter(in_sight)
    layers: list[alt.Chart | alt.LayerChart] = [
        base.mark_line(strokeWidth=1.5, opacity=1 if alone else 0.45, clip=True).properties(data=training),
        base.mark_line(strokeWidth=1 if alone else 2.5, clip=True).properties(data=validation),
        dots.mark_point(size=45, filled=True, opacity=1).properties(data=validation),
        dots.mark_point(size=190, filled=False, strokeWidth=2, opacity=1).properties(data=best),
    ]
    if percent and all(curve.facts.name == CIFAR10.name for curve in curves):
        accuracy = REPORT["accuracy"]  # the line to beat
        layers.append(_rule(accuracy, f"the report: {accuracy * 100:.0f} %"))
    height = (LARGE_HEIGHT if large else HEIGHT) + (0 if alone else _ROW * len(curves))
    chart = alt.LayerChart(layer=layers, height=height)
    if not large:
        return chart
    axis = alt.AxisConfig(labelFontSize=_LARGE_TEXT, titleFontSize=_LARGE_TEXT)
    return chart.configure(axis=axis, legend=alt.LegendConfig(labelFontSize=_LARGE_TEXT))


def _training(curves: Sequence[Curve], measure: Measure, smooth: bool) -> pd.DataFrame:
    logs = []
    for curve in curves:
        log = thinned(curve.steps)
        if smooth:
            window = max(len(log) // _SMOOTHED, 1) * 2 + 1  # odd, so that it has a middle
            log = log.assign(**{measure: log[measure].rolling(window, center=True, min_periods=1).mean()})
        logs.append(_in_minutes(log)[["epoch", "minutes", measure]].assign(series="training", run=curve.name))
    return pd.concat(logs)


def _validation(curves: Sequence[Curve], measure: Measure) -> pd.DataFrame:
    return pd.concat(
        [
            _in_minutes(curve.history)[["epoch", "minutes", f"val_{measure}"]]
            .rename(columns={f"val_{measure}": measure})
            .assign(series="validation", run=curve.name)
            for curve in curves
        ],
        ignore_index=True,
    )


def _in_minutes(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(minutes=log["seconds"] / 60)


def _curve_colour(curves: Sequence[Curve]) -> alt.Color:
    """Tell training and validation of one run apart, and of several the runs."""
    legend = alt.Legend(orient="top", symbolOpacity=1)
    if len(curves) == 1:
        return alt.Color("series:N", title=None, legend=legend).scale(
            domain=["training", "validation"], range=[TRAINING, VALIDATION]
        )
    # One below the other: names are as long as people make them.
    legend = alt.Legend(orient="top", symbolOpacity=1, columns=1, labelLimit=320)
    return alt.Color("run:N", title=None, legend=legend).scale(
        domain=[curve.name for curve in curves], range=RUN_COLOURS
    )


def _measured(measure: Measure, highest: float, ceiling: float) -> alt.Y:
    if measure == "accuracy":
        return alt.Y("accuracy:Q", title="accuracy", axis=alt.Axis(format="%")).scale(domain=[0, 1])
    return alt.Y("loss:Q", title="loss", axis=alt.Axis()).scale(
        zero=False, domainMax=ceiling if highest > ceiling else alt.Undefined
    )


def epochs_in_sight(curves: Sequence[Curve], planned: int) -> float:
    """Return where the x axis ends, for runs that have steps while the first of them may go on.

    A short one shows how much is left; a long one, that may stop early, uses the room it needs.
    """
    furthest = max(float(curve.steps["epoch"].max()) for curve in curves)
    return max(furthest, planned if planned <= _SHORT else math.ceil(furthest))


def thinned(steps: pd.DataFrame) -> pd.DataFrame:
    """Average neighbouring rows of `steps.csv` so that at most 400 remain."""
    group = max(1, -(-len(steps) // _POINTS))
    return steps if group == 1 else steps.groupby(np.arange(len(steps)) // group).mean()


def _rule(value: float, label: str) -> alt.Chart:
    """Draw a dashed line; its label is a legend, because anywhere else a curve could run through it."""
    # Below the chart: beside the other legend it would not fit on a narrow one.
    legend = alt.Legend(orient="bottom", symbolType="stroke", symbolStrokeColor=NEUTRAL, symbolStrokeWidth=2)
    dash = alt.StrokeDash("label:N", title=None, legend=legend).scale(domain=[label], range=[[6, 4]])
    data = pd.DataFrame({"value": [value], "label": [label]})
    return alt.Chart(data).mark_rule(color=NEUTRAL).encode(y="value:Q", strokeDash=dash)


def frontier(
    points: pd.DataFrame, chosen: str | None = None, searched: pd.DataFrame | None = None
) -> alt.LayerChart:
    """Draw what a minute of training buys: accuracy against time, a point a recipe (selection `recipe`).

    A line joins the recipes that no quicker one beats.

    Parameters
    ----------
    points
        One row a model, as of `cifar_core.evaluation.ranking.costs`.
    chosen
        The recipe whose point is ringed.
    searched
        More networks, as small marks behind the points: columns minutes, accuracy, precision.
    """
    points = points.sort_values("minutes").assign(chosen=points["recipe"] == chosen)
    unbeaten = points[points["accuracy"] == points["accuracy"].cummax()]
    minutes = alt.Axis(values=_MINUTES, labelBound=True)
    base = alt.Chart(points).encode(
        x=alt.X("minutes:Q", title="minutes of training", axis=minutes).scale(
            type="log", nice=False, padding=38
        ),
        y=alt.Y("accuracy:Q", title="test accuracy", axis=alt.Axis(format="%")).scale(zero=False, padding=24),
        color=alt.Color("family:N", title=None, legend=alt.Legend(orient="top", symbolOpacity=1)).scale(
            domain=sorted(points["family"].unique()), range=RUN_COLOURS
        ),
        tooltip=[
            alt.Tooltip("recipe:N"),
            alt.Tooltip("family:N", title="network"),
            alt.Tooltip("minutes:Q", format=".1f"),
            alt.Tooltip("accuracy:Q", format=".1%"),
            alt.Tooltip("low:Q", format=".1%", title="95 % interval from"),
            alt.Tooltip("high:Q", format=".1%", title="to"),
        ],
    )
    clicked = alt.selection_point(name="recipe", fields=["recipe"], on="click", empty=False)
    return alt.LayerChart(
        layer=[
            *([] if searched is None else [_small_marks(searched)]),
            alt.Chart(unbeaten).mark_line(strokeWidth=1, color=NEUTRAL).encode(x="minutes:Q", y="accuracy:Q"),
            base.mark_rule(strokeWidth=2, opacity=0.5).encode(y="low:Q", y2="high:Q"),
            base.transform_filter(alt.datum.chosen).mark_point(size=330, strokeWidth=2),
            base.mark_text(dx=9, dy=10, align="left").encode(
                text="recipe:N", color=alt.value(alt.ExprRef(**LABEL))
            ),
            base.mark_point(size=110, filled=True, opacity=1, cursor="pointer").add_params(clicked),
        ],
        height=HEIGHT,
    )


def _small_marks(searched: pd.DataFrame) -> alt.Chart:
    legend = alt.Legend(
        orient="top", symbolFillColor=NEUTRAL, labelExpr="'searched in ' + datum.label", labelLimit=0
    )
    shape = alt.Shape("precision:N", title=None, legend=legend).scale(
        domain=get_args(Precision), range=["triangle", "cross"]
    )
    marks = alt.Chart(searched).mark_point(filled=True, size=40, color=NEUTRAL)
    return marks.encode(x="minutes:Q", y="accuracy:Q", shape=shape)
