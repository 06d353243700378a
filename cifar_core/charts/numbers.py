"""How every chart writes numbers: like the words around it, "85 %" and not "85%"."""

from typing import Any

import altair as alt

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
    return {"config": NUMBERS}  # type: ignore[typeddict-item]
