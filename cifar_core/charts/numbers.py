"""How every chart writes numbers: like the words around it, "85 %" and not "85%", each at its grid line."""

from typing import Any

import altair as alt

from cifar_core.charts.palette import WORDS

NUMBERS: dict[str, Any] = {
    "locale": {
        "number": {
            "decimal": ".",
            "thousands": ",",
            "grouping": [3],
            "currency": ["", ""],
            "percent": "\N{NO-BREAK SPACE}%",
        }
    }
}


@alt.theme.register("cifar_lab", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    # Streamlit would push the first and the last label inwards, and write them in a grey that is too light.
    axis = {"labelFlush": False, "labelColor": WORDS, "titleColor": WORDS}
    legend = {"labelColor": WORDS, "titleColor": WORDS}
    return {"config": {**NUMBERS, "axis": axis, "legend": legend}}  # type: ignore[typeddict-item]
