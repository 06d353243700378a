"""Charts of a model's answers: what it confuses, and how far it can be believed."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from cifar_core import formats
from cifar_core.charts.palette import (
    A_CLASS,
    HEIGHT,
    NEUTRAL,
    RIGHT,
    RUN_COLOURS,
    TRAINING,
    VALIDATION,
    WRONG,
)


def probability_bars(
    probabilities: np.ndarray,
    class_names: Sequence[str],
    true: str | None = None,
    likeliest: int | None = None,
) -> alt.Chart:
    """Draw the likeliest classes of one picture as bars, the true class, if known, in its own colour.

    Parameters
    ----------
    probabilities, class_names
        float [C], and the names in the same order.
    true
        The name of the true class, which need not be one of them; None if it is not known.
    likeliest
        How many classes get a bar; all by default.
    """
    table = pd.DataFrame({"class": class_names, "probability": np.asarray(probabilities, dtype=float)})
    guess = int(table["probability"].argmax())
    table["meaning"] = "guess" if true is None else "other"
    if true is not None:
        table.loc[guess, "meaning"] = "wrong"
        table.loc[table["class"] == true, "meaning"] = "right"
    table = table.nlargest(likeliest or len(table), "probability")
    # The number stands in the axis label, which has the theme's colour; text marks have not.
    table["label"] = table["class"] + "  " + table["probability"].map(formats.probability)
    # As wide in every card, so that the bars of several begin at the same place.
    names = alt.Axis(labelLimit=170, minExtent=120, labelFontSize=14)
    return (
        alt.Chart(table)
        .mark_bar(cornerRadius=3)
        .encode(
            y=alt.Y("label:N", sort=list(table["label"]), title=None, axis=names),
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
        .properties(height=max(HEIGHT, A_CLASS * len(table)))
    )


def reliability(before: pd.DataFrame, after: pd.DataFrame) -> alt.LayerChart:
    """Draw accuracy against confidence before and after scaling, from two tables of `metrics.reliability`.

    The more images a dot stands for, the larger it is: nearly all are in the last bins.
    """
    whens = ["as it comes", "after temperature scaling"]
    table = pd.concat([before.assign(when=whens[0]), after.assign(when=whens[1])])
    ideal = alt.Chart(pd.DataFrame({"x": [0, 1], "y": [0, 1]}))
    ideal = ideal.mark_line(strokeDash=[6, 4], color=NEUTRAL).encode(x="x:Q", y="y:Q")
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=1)
        .encode(
            x=alt.X("confidence:Q", title="confidence", axis=alt.Axis(format="%")).scale(domain=[0, 1]),
            y=alt.Y("accuracy:Q", title="how often right", axis=alt.Axis(format="%")).scale(domain=[0, 1]),
            color=alt.Color("when:N", title=None, legend=alt.Legend(orient="top", labelLimit=200)).scale(
                domain=whens, range=[VALIDATION, TRAINING]
            ),
            tooltip=[
                alt.Tooltip("when:N"),
                alt.Tooltip("confidence:Q", format=".1%"),
                alt.Tooltip("accuracy:Q", format=".1%"),
                alt.Tooltip("count:Q", format=",", title="images"),
            ],
        )
    )
    dots = lines.mark_point(filled=True, opacity=1).encode(
        size=alt.Size("count:Q", legend=None).scale(rangeMin=20, rangeMax=300)
    )
    return (ideal + lines + dots).properties(height=HEIGHT + 60)


def coverage(curve: pd.DataFrame, marked: float) -> alt.LayerChart:
    """Draw how often a model is right that answers only where it is surest.

    Parameters
    ----------
    curve
        The table of `selective.coverage_curve`.
    marked
        The coverage, above 0, at most 1, at which to draw a rule.
    """
    percent = alt.Axis(format="%")
    answers = alt.X("coverage:Q", title="share of the images it answers, the surest first", axis=percent)
    line = (
        alt.Chart(curve)
        .mark_line(color=TRAINING, strokeWidth=2.5)
        .encode(
            x=answers.scale(domain=[0, 1]),
            y=alt.Y("accuracy:Q", title="how often right", axis=percent).scale(zero=False),
            tooltip=[
                alt.Tooltip("coverage:Q", format=".1%", title="answers"),
                alt.Tooltip("accuracy:Q", format=".1%", title="right"),
                alt.Tooltip("threshold:Q", format=".1%", title="confidence at least"),
            ],
        )
    )
    rule = alt.Chart(pd.DataFrame({"coverage": [marked]})).mark_rule(strokeDash=[6, 4], color=NEUTRAL)
    return (rule.encode(x="coverage:Q") + line).properties(height=HEIGHT + 60)


def deletion(curves: dict[str, np.ndarray], class_name: str) -> alt.Chart:
    """Draw the probability of a class as what maps mark is taken away, a line a map.

    Parameters
    ----------
    curves
        The curve of each map, by its name, as `inference.deletion.curve` returns it.
    class_name
        The class.
    """
    rows = [
        {"map": name, "gone": step / (len(curve) - 1), "probability": float(value)}
        for name, curve in curves.items()
        for step, value in enumerate(curve)
    ]
    percent = alt.Axis(format="%", tickCount=3)
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(strokeWidth=2.5, point=True)
        .encode(
            x=alt.X("gone:Q", title="blurred, the lightest first", axis=percent),
            y=alt.Y("probability:Q", title=class_name, axis=percent).scale(domain=[0, 1]),
            color=alt.Color("map:N", title=None, sort=list(curves))
            .scale(range=RUN_COLOURS)
            .legend(orient="top"),
            tooltip=[
                alt.Tooltip("map:N"),
                alt.Tooltip("gone:Q", format=".0%", title="blurred"),
                alt.Tooltip("probability:Q", format=".1%", title=class_name),
            ],
        )
        .properties(height=HEIGHT - 60)
    )
