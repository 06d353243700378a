"""What all charts share: clear labels, and numbers like the words around them, "85 %" and not "85%"."""

from typing import Any

import altair as alt

from cifar_core.charts.palette import LABEL

# Streamlit would push the first and the last label inwards, and write all in a grey that is too light.
CONFIG: dict[str, Any] = {
    "axis": {"labelFlush": False, "labelColor": LABEL, "titleColor": LABEL},
    "legend": {"labelColor": LABEL, "titleColor": LABEL},
    "locale": {
        "number": {
            "decimal": ".",
            "thousands": ",",
            "grouping": [3],
            "currency": ["", ""],
            "percent": "\N{NO-BREAK SPACE}%",
        }
    },
}


@alt.theme.register("cifar_lab", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    return {"config": CONFIG}  # type: ignore[typeddict-item]
