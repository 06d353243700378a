"""Charts of how a model copes with worse pictures; their tables are those of `findings.robustness_table`."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from cifar_core.charts.palette import HEIGHT, RUN_COLOURS, TEXT, WRONG

ROW = 25  # pixels, of a kind
# Of the colour of a cell, by how often the model is wrong: text can be read on the strongest, in both themes.
FAINTEST, STRONGEST = 0.03, 0.75


def robustness_by_family(table: pd.DataFrame, families: Sequence[str]) -> alt.Chart:
    """Draw accuracy against strength, a line a family of corruptions; their order chooses the colours."""
    means = table.groupby(["family", "strength"], as_index=False)["accuracy"].mean()
    return (
        alt.Chart(means)
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True), strokeWidth=2.5)
        .encode(
            x=alt.X("strength:O", title="strength", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("accuracy:Q", title="how often right", axis=alt.Axis(format="%")).scale(domain=[0, 1]),
            color=alt.Color("family:N", title=None, legend=alt.Legend(orient="top", columns=3)).scale(
                domain=list(families), range=RUN_COLOURS
            ),
            tooltip=[
                alt.Tooltip("family:N"),
                alt.Tooltip("strength:O"),
                alt.Tooltip("accuracy:Q", format=".1%", title="right"),
            ],
        )
        .properties(height=HEIGHT + 40)
    )


def robustness_by_kind(table: pd.DataFrame) -> alt.LayerChart:
    """Draw a cell a corruption and strength: how often the model is right, and redder the less often."""
    cells = table[table["strength"] > 0]
    cells = cells.assign(wrong=1 - cells["accuracy"], percent=(cells["accuracy"] * 100).map("{:.0f}".format))
    names = alt.Axis(labelLimit=170, labelFontSize=13, ticks=False, domain=False)
    base = alt.Chart(cells).encode(
        x=alt.X("strength:O", axis=alt.Axis(labelAngle=0, orient="top", title="strength", domain=False)),
        y=alt.Y("corruption:N", sort=list(cells["corruption"].unique()), title=None, axis=names),
        tooltip=[
            alt.Tooltip("corruption:N"),
            alt.Tooltip("family:N"),
            alt.Tooltip("strength:O"),
            alt.Tooltip("accuracy:Q", format=".1%", title="right"),
        ],
    )
    colours = base.mark_rect(color=WRONG, cornerRadius=2).encode(
        opacity=alt.Opacity("wrong:Q", legend=None).scale(domain=[0, 1], range=[FAINTEST, STRONGEST])
    )
    numbers = base.mark_text(color=alt.ExprRef(TEXT["expr"]), fontSize=13).encode(text="percent:N")
    return (colours + numbers).properties(height=ROW * cells["corruption"].nunique())
