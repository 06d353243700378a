"""Every chart, and the only place but the theme that knows a colour.

The colours keep apart for colour-blind eyes and have a contrast of at least 3 to 1 on the light and on the
dark background. Axis, grid and text colours are left to Streamlit's theme.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from cifar_core.dataset import CLASS_NAMES

TRAINING, VALIDATION = "#4C8ED9", "#D9730D"
RIGHT, WRONG, NEUTRAL = "#1B9E77", "#D95F02", "#7C8A99"
RUN_COLOURS = ["#4C8ED9", "#D9730D", "#1B9E77", "#B4609F", "#A68A00", "#7C8A99"]
REPORT_ACCURACY = 0.85  # of the original report's CNN, drawn as the line to beat

_POINTS = 400  # of a training curve; more than a screen can tell apart
HEIGHT = 300


@dataclass(frozen=True)
class Curve:
    """The log of one run, as `ModelDirectory.steps` and `ModelDirectory.history` return it."""

    name: str
    steps: pd.DataFrame
    history: pd.DataFrame


def learning_curves(
    curves: Sequence[Curve], measure: Literal["loss", "accuracy"], epochs: float
) -> alt.LayerChart:
    """Draw a measure over the epochs: training as a line within the epochs, validation at their ends.

    Parameters
    ----------
    curves
        One run, or several to compare: then the colour tells the run instead of training and validation.
    epochs
        Where the x axis ends.
    """
    alone = len(curves) == 1
    training = pd.concat(
        [
            thinned(curve.steps)[["epoch", measure]].assign(series="training", run=curve.name)
            for curve in curves
        ]
    )
    validation = pd.concat(
        [
            curve.history[["epoch", f"val_{measure}"]]
            .rename(columns={f"val_{measure}": measure})
            .assign(series="validation", run=curve.name)
            for curve in curves
        ],
        ignore_index=True,
    )
    by_run = validation.groupby("run")[measure]
    best = validation.loc[by_run.idxmax() if measure == "accuracy" else by_run.idxmin()]
    if alone:
        colour = alt.Color("series:N", title=None).scale(
            domain=["training", "validation"], range=[TRAINING, VALIDATION]
        )
    else:
        colour = alt.Color("run:N", title=None).scale(
            domain=[curve.name for curve in curves], range=RUN_COLOURS
        )
    x = alt.X("epoch:Q", title="epoch").scale(domain=[0, max(epochs, 1)], nice=False)
    percent = measure == "accuracy"
    y = alt.Y(f"{measure}:Q", title=measure, axis=alt.Axis(format="%") if percent else alt.Axis())
    y = y.scale(domain=[0, 1]) if percent else y.scale(zero=False)
    tooltip = [
        alt.Tooltip("run:N"),
        alt.Tooltip("series:N", title="on"),
        alt.Tooltip("epoch:Q", format=".2f"),
        alt.Tooltip(f"{measure}:Q", format=".1%" if percent else ".3f"),
    ]
    base = alt.Chart().encode(x=x, y=y, color=colour.legend(orient="top", symbolOpacity=1), tooltip=tooltip)
    layers: list[alt.Chart | alt.LayerChart] = [
        base.mark_line(strokeWidth=1.5, opacity=1 if alone else 0.45, clip=True).properties(data=training),
        base.mark_line(strokeWidth=2.5 if not alone else 1, strokeDash=[1, 0]).properties(data=validation),
        base.mark_point(size=45, filled=True, opacity=1).properties(data=validation),
        base.mark_point(size=190, filled=False, strokeWidth=2, opacity=1).properties(data=best),
    ]
    if percent:
        layers.append(_rule(REPORT_ACCURACY, "the report: 85 %"))
    return alt.LayerChart(layer=layers, height=HEIGHT)


def thinned(steps: pd.DataFrame) -> pd.DataFrame:
    """Average neighbouring rows of `steps.csv` so that at most 400 remain."""
    group = max(1, -(-len(steps) // _POINTS))
    return steps if group == 1 else steps.groupby(np.arange(len(steps)) // group).mean()


def _rule(value: float, label: str) -> alt.LayerChart:
    data = pd.DataFrame({"value": [value], "label": [label]})
    rule = alt.Chart(data).mark_rule(strokeDash=[6, 4], color=NEUTRAL).encode(y="value:Q")
    text = (
        alt.Chart(data)
        .mark_text(align="left", dx=4, dy=-7, color=NEUTRAL)
        .encode(y="value:Q", x=alt.value(0), text="label:N")
    )
    return rule + text


def confusion_matrix(
    matrix: np.ndarray, rates: bool, chosen: tuple[int, ...] | None = None, dark: bool = False
) -> alt.LayerChart:
    """Draw a confusion matrix as a square whose cells can be clicked (selection parameter `cell`).

    Diagonal and errors have scales of their own, or the errors would all look alike.

    Parameters
    ----------
    matrix
        int counts [10, 10], rows true, columns predicted.
    rates
        Write the share of the true class in the cells instead of the count.
    chosen
        (true, predicted) of the cell to outline.
    dark
        Whether the page is dark; the theme does not reach the numbers in the cells.
    """
    counts = matrix.sum(axis=1, keepdims=True)
    share = matrix / np.maximum(counts, 1)
    rows = [
        {
            "true": CLASS_NAMES[i],
            "predicted": CLASS_NAMES[j],
            "count": int(matrix[i, j]),
            "share": float(share[i, j]),
            "label": (f"{share[i, j]:.0%}" if rates else f"{matrix[i, j]}") if matrix[i, j] else "",
            "right": i == j,
            "chosen": (i, j) == chosen,
        }
        for i in range(len(CLASS_NAMES))
        for j in range(len(CLASS_NAMES))
    ]
    table = pd.DataFrame(rows)
    errors = table.loc[~table["right"], "share"].max() or 1.0
    # One number a cell for the colour: how strong it is within its own scale, 0 to 1.
    table["strength"] = np.where(table["right"], table["share"], table["share"] / errors)
    axis = alt.Axis(labelLimit=90, labelOverlap=False, ticks=False, domain=False, grid=False)
    base = alt.Chart(table).encode(
        x=alt.X("predicted:N", sort=list(CLASS_NAMES), title="predicted", axis=axis.copy()),
        y=alt.Y("true:N", sort=list(CLASS_NAMES), title="true class", axis=axis.copy()),
        tooltip=[
            alt.Tooltip("true:N", title="true class"),
            alt.Tooltip("predicted:N"),
            alt.Tooltip("count:Q", title="images"),
            alt.Tooltip("share:Q", format=".1%", title="of its class"),
        ],
    )
    base.encoding.x.axis.labelAngle = -45
    cells = base.mark_rect(cursor="pointer", cornerRadius=2).encode(
        color=alt.Color("right:N", legend=None).scale(domain=[True, False], range=[RIGHT, WRONG]),
        opacity=alt.Opacity("strength:Q", legend=None).scale(domain=[0, 1], range=[0.04, 0.95]),
    )
    cells = cells.add_params(
        alt.selection_point(name="cell", fields=["true", "predicted"], on="click", empty=False)
    )
    outline = base.transform_filter(alt.datum.chosen).mark_rect(
        filled=False, strokeWidth=2.5, stroke=TRAINING
    )
    numbers = base.mark_text(fontSize=12, fontWeight=500, color="#E8EDF2" if dark else "#17212B").encode(
        text="label:N"
    )
    return (cells + numbers + outline).properties(height=500)


def probability_bars(
    probabilities: np.ndarray, true: int | None = None, likeliest: int = len(CLASS_NAMES)
) -> alt.Chart:
    """Draw the likeliest classes of one picture as bars, the true class, if known, in its own colour."""
    table = pd.DataFrame({"class": CLASS_NAMES, "probability": np.asarray(probabilities, dtype=float)})
    guess = int(table["probability"].argmax())
    table["meaning"] = "guess" if true is None else "other"
    if true is not None:
        table.loc[guess, "meaning"] = "wrong"
        table.loc[true, "meaning"] = "right"
    table = table.nlargest(likeliest, "probability")
    # The number stands in the axis label, which has the theme's colour; text marks have not.
    table["label"] = table["class"] + "  " + table["probability"].map("{:.1%}".format)
    return (
        alt.Chart(table)
        .mark_bar(cornerRadius=3)
        .encode(
            y=alt.Y("label:N", sort=list(table["label"]), title=None, axis=alt.Axis(labelLimit=150)),
            x=alt.X("probability:Q", title=None, axis=None).scale(domain=[0, 1]),
            color=alt.Color("meaning:N", legend=None).scale(
                domain=["right", "wrong", "guess", "other"], range=[RIGHT, WRONG, TRAINING, NEUTRAL]
            ),
            tooltip=["class:N", alt.Tooltip("probability:Q", format=".2%")],
        )
        .properties(height=26 * len(table))
    )


def class_balance(counts: pd.DataFrame) -> alt.Chart:
    """Draw the images a class in each set; `counts` has columns class, set, images."""
    return (
        alt.Chart(counts)
        .mark_bar(cornerRadius=3)
        .encode(
            x=alt.X("class:N", sort=list(CLASS_NAMES), title=None, axis=alt.Axis(labelAngle=-45)),
            xOffset=alt.XOffset("set:N", sort=["training", "test"]),
            y=alt.Y("images:Q", title="images"),
            color=alt.Color("set:N", title=None, legend=alt.Legend(orient="top")).scale(
                domain=["training", "test"], range=[TRAINING, VALIDATION]
            ),
            tooltip=["class:N", "set:N", alt.Tooltip("images:Q", format=",")],
        )
        .properties(height=HEIGHT)
    )


def pixel_values(image: np.ndarray, channel: int) -> alt.LayerChart:
    """Draw one channel of a normalised image, float [H, W, 3] in [0, 1], as numbers on a grid."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    table = pd.DataFrame({"x": x.ravel(), "y": y.ravel(), "value": image[:, :, channel].ravel()})
    base = alt.Chart(table).encode(
        x=alt.X("x:O", title=None, axis=None),
        y=alt.Y("y:O", title=None, axis=None),
        tooltip=["x", "y", "value"],
    )
    cells = base.mark_rect().encode(
        color=alt.Color("value:Q", legend=None).scale(domain=[0, 1], range=["#000000", "#FFFFFF"])
    )
    numbers = base.mark_text(fontSize=10).encode(
        text=alt.Text("value:Q", format=".2f"),
        color=alt.condition("datum.value > 0.5", alt.value("#000000"), alt.value("#FFFFFF")),
    )
    return (cells + numbers).properties(height=HEIGHT)


def per_class(table: pd.DataFrame) -> alt.Chart:
    """Draw precision, recall and F1 of each class; `table` as `metrics.per_class` returns it."""
    long = table.melt("class", ["precision", "recall", "f1"], "measure", "value").replace({"f1": "F1"})
    order = list(table.sort_values("f1", ascending=False)["class"])
    return (
        alt.Chart(long)
        .mark_point(size=90, filled=True, opacity=1)
        .encode(
            y=alt.Y("class:N", sort=order, title=None),
            x=alt.X("value:Q", title=None, axis=alt.Axis(format="%")).scale(zero=False, nice=True),
            color=alt.Color("measure:N", title=None, legend=alt.Legend(orient="top")).scale(
                domain=["precision", "recall", "F1"], range=RUN_COLOURS[:3]
            ),
            shape=alt.Shape("measure:N", title=None).scale(domain=["precision", "recall", "F1"]),
            tooltip=["class:N", "measure:N", alt.Tooltip("value:Q", format=".1%")],
        )
        .properties(height=HEIGHT)
    )


def reliability(before: pd.DataFrame, after: pd.DataFrame) -> alt.LayerChart:
    """Draw accuracy against confidence before and after scaling, from two tables of `metrics.reliability`."""
    table = pd.concat([before.assign(when="before"), after.assign(when="after")])
    ideal = alt.Chart(pd.DataFrame({"x": [0, 1], "y": [0, 1]}))
    ideal = ideal.mark_line(strokeDash=[6, 4], color=NEUTRAL).encode(x="x:Q", y="y:Q")
    lines = (
        alt.Chart(table)
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True))
        .encode(
            x=alt.X("confidence:Q", title="confidence", axis=alt.Axis(format="%")).scale(domain=[0, 1]),
            y=alt.Y("accuracy:Q", title="how often right", axis=alt.Axis(format="%")).scale(domain=[0, 1]),
            color=alt.Color("when:N", title="temperature scaling", legend=alt.Legend(orient="top")).scale(
                domain=["before", "after"], range=[VALIDATION, TRAINING]
            ),
            tooltip=[
                alt.Tooltip("when:N"),
                alt.Tooltip("confidence:Q", format=".1%"),
                alt.Tooltip("accuracy:Q", format=".1%"),
                alt.Tooltip("count:Q", format=",", title="images"),
            ],
        )
    )
    return (ideal + lines).properties(height=HEIGHT)
