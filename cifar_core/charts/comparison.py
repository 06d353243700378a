"""Charts of models side by side. A model has the colour of its place among those chosen, in every chart."""

import textwrap
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from cifar_core.charts.palette import A_CLASS, HEIGHT, NEUTRAL, RUN_COLOURS, TEXT
from cifar_core.evaluation.comparison import Quadrant


def f1_by_class(table: pd.DataFrame) -> alt.LayerChart:
    """Draw each model's F1 in each class; `table` as `comparison.f1_by_class` returns it."""
    models = list(table.columns)
    # Not by `melt`, for which no model may be called as a column of its result is.
    columns = [pd.DataFrame({"class": table.index, "model": name, "f1": table[name]}) for name in models]
    long = pd.concat(columns, ignore_index=True)
    base = alt.Chart().encode(
        y=alt.Y("class:N", sort=list(table.index), title=None, axis=alt.Axis(labelFlush=False)),
        x=alt.X("f1:Q", title="F1", axis=alt.Axis(format="%", tickCount=6)).scale(zero=False, nice=True),
    )
    spans = base.mark_rule(strokeWidth=2, color=NEUTRAL, opacity=0.5).encode(
        x=alt.X("min(f1):Q", title="F1"), x2="max(f1):Q"
    )
    points = base.mark_point(size=110, filled=True, opacity=1).encode(
        color=_model_colour(models),
        shape=alt.Shape("model:N", title=None).scale(domain=models),
        tooltip=["class:N", "model:N", alt.Tooltip("f1:Q", format=".1%", title="F1")],
    )
    return alt.LayerChart(layer=[spans, points], data=long, height=max(HEIGHT + 60, A_CLASS * len(table)))


def who_is_right(
    counts: Mapping[Quadrant, int],
    names: tuple[str, str],
    models: Sequence[str],
    chosen: Quadrant,
) -> alt.LayerChart:
    """Draw the four quadrants of two models' answers, each of which can be clicked (selection `quadrant`).

    Parameters
    ----------
    counts
        The images in each of `comparison.QUADRANTS`; the selection returns the quadrant as `who`.
    names
        Of the first model, whose answers are the rows, and of the second, the columns.
    models
        All that are compared, in the order that gives them their colours.
    chosen
        The quadrant to outline.
    """
    base = _square(names)
    clicked = alt.selection_point(name="quadrant", fields=["who"], on="click", empty=False)
    areas = (
        base.mark_rect(cursor="pointer", cornerRadius=4, opacity=0.4)
        .encode(
            color=alt.Color("colour:N", legend=None).scale(
                domain=["first", "second", "agree"],
                range=[*(RUN_COLOURS[models.index(name)] for name in names), NEUTRAL],
            )
        )
        .add_params(clicked)
    )
    ink = alt.ExprRef(**TEXT)
    outline = base.transform_filter(alt.datum.chosen).mark_rect(
        filled=False, strokeWidth=2.5, stroke=ink, cornerRadius=4
    )
    numbers = base.mark_text(fontSize=20, fontWeight=600, dy=-8, color=ink, cursor="pointer").encode(
        text=alt.Text("images:Q", format=",")
    )
    words = base.mark_text(fontSize=12, dy=14, color=ink, cursor="pointer").encode(text="words:N")
    table = _quadrants(counts, names, chosen)
    return alt.LayerChart(layer=[areas, outline, numbers, words], data=table, height=HEIGHT)


def _square(names: tuple[str, str]) -> alt.Chart:
    """Place the first model's answers in rows, the second's in columns."""
    (right, also_right), (wrong, also_wrong) = _rows_and_columns(names)
    axis = alt.Axis(labelLimit=150, labelAngle=0, orient="top", ticks=False, domain=False, grid=False)
    return alt.Chart().encode(
        x=alt.X("column:N", sort=[also_right, also_wrong], title=None, axis=axis),
        y=alt.Y(
            "row:N",
            sort=[right, wrong],
            title=None,
            axis=alt.Axis(labelLimit=150, labelAngle=-90, ticks=False, domain=False, labelAlign="center"),
        ),
        tooltip=[
            alt.Tooltip("words:N", title="of the test images"),
            alt.Tooltip("images:Q", format=","),
            alt.Tooltip("share:Q", format=".1%", title="of all"),
        ],
    )


def _rows_and_columns(names: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the row and the column of the right answers, then those of the wrong ones."""
    first, second = names
    return (f"{first} right", f"{second} right"), (f"{first} wrong", f"{second} wrong")


def _quadrants(counts: Mapping[Quadrant, int], names: tuple[str, str], chosen: Quadrant) -> pd.DataFrame:
    (right, also_right), (wrong, also_wrong) = _rows_and_columns(names)
    total = sum(counts.values()) or 1
    cells = [  # quadrant, row, column, words
        ("both", right, also_right, "both right"),
        ("first", right, also_wrong, f"only {names[0]} right"),
        ("second", wrong, also_right, f"only {names[1]} right"),
        ("neither", wrong, also_wrong, "both wrong"),
    ]
    table = pd.DataFrame(cells, columns=["who", "row", "column", "words"])
    table["images"] = table["who"].map(counts)
    table["share"] = table["images"] / total
    table["chosen"] = table["who"] == chosen
    table["colour"] = table["who"].where(table["who"].isin(["first", "second"]), "agree")
    return table


def cleaner_test_sets(table: pd.DataFrame) -> alt.LayerChart:
    """Draw accuracies with their intervals; `table` as `comparison.on_test_sets` returns it."""
    models = list(table["model"].unique())
    # Long names go over two lines, or on a phone they would leave no room for the numbers.
    table = table.assign(test_set=[textwrap.fill(name, 24) for name in table["test_set"]])
    lines = alt.Axis(labelExpr="split(datum.label, '\\n')", labelLimit=260, labelFlush=False)
    base = alt.Chart().encode(
        y=alt.Y("test_set:N", sort=list(table["test_set"].unique()), title=None, axis=lines).scale(
            paddingInner=0.4
        ),
        yOffset=alt.YOffset("model:N", sort=models),
        color=_model_colour(models),
        tooltip=[
            alt.Tooltip("test_set:N", title="test set"),
            alt.Tooltip("images:Q", format=","),
            alt.Tooltip("model:N"),
            alt.Tooltip("accuracy:Q", format=".1%"),
            alt.Tooltip("low:Q", format=".1%", title="95 % interval from"),
            alt.Tooltip("high:Q", format=".1%", title="to"),
        ],
    )
    x = alt.X("accuracy:Q", title="accuracy", axis=alt.Axis(format="%", tickCount=6)).scale(zero=False)
    intervals = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title="accuracy"), x2="high:Q")
    points = base.mark_point(size=40, filled=True, opacity=1).encode(x=x)
    return alt.LayerChart(layer=[intervals, points], data=table, height=90 + 24 * len(table))


def _model_colour(models: Sequence[str]) -> alt.Color:
    return alt.Color("model:N", title=None, legend=alt.Legend(orient="top")).scale(
        domain=list(models), range=RUN_COLOURS
    )
