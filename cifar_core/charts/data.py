"""Charts of a dataset itself."""

import altair as alt
import numpy as np
import pandas as pd

from cifar_core.charts.palette import BLACK, HEIGHT, TRAINING, VALIDATION, WHITE


def class_balance(counts: pd.DataFrame) -> alt.Chart:
    """Draw the images a class in each set; `counts` has columns class, set, images, in the order to draw."""
    names = alt.Axis(labelAngle=-45, labelOverlap=False)  # all of them, on a phone too
    return (
        alt.Chart(counts)
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X(
                "class:N",
                sort=list(dict.fromkeys(counts["class"])),
                title=None,
                axis=names,
            ),
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
        color=alt.Color("value:Q", legend=None).scale(domain=[0, 1], range=[BLACK, WHITE])
    )
    numbers = base.mark_text(fontSize=10).encode(
        text=alt.Text("value:Q", format=".2f"),
        color=alt.condition("datum.value > 0.5", alt.value(BLACK), alt.value(WHITE)),
    )
    return (cells + numbers).properties(width=HEIGHT + 40, height=HEIGHT + 40)
