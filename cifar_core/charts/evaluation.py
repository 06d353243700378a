"""Charts of a model's answers: what it confuses, and how far it can be believed."""

import altair as alt
import numpy as np
import pandas as pd

from cifar_core.charts.palette import HEIGHT, NEUTRAL, RIGHT, RUN_COLOURS, TRAINING, VALIDATION, WRONG
from cifar_core.dataset import CLASS_NAMES


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
