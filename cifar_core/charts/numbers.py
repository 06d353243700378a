"""How every chart writes numbers: like the words around it, "85 %" and not "85%"."""

from typing import Any

import altair as alt

# Vega's own way to say so for one chart; Streamlit hands it on.
NUMBERS: dict[str, Any] = {
    "embedOptions": {
        "formatLocale": {
            "decimal": ".",
            "thousands": ",",
            "grouping": [3],
            "currency": ["", ""],
            "percent": "\N{NO-BREAK SPACE}%",
            "minus": "\N{MINUS SIGN}",
        }
    }
}


@alt.theme.register("cifar_lab", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    return {"usermeta": NUMBERS}
