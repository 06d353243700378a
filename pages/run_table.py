"""The table of all runs on the page Train, whose selected rows are drawn over the curves."""

from typing import Any

import streamlit as st

from cifar_core import formats, model_dir
from cifar_core.errors import CifarLabError
from cifar_core.model_dir import ModelDirectory


def choose_others(run: ModelDirectory) -> list[ModelDirectory]:
    """Draw the table of runs; return those to draw over the curves of `run`."""
    runs = model_dir.runs()
    if not runs:
        return []
    st.markdown("**All runs** · select rows to draw them over the curves")
    event = st.dataframe(
        [summary(item, item.status().state, modified(item)) for item in runs],
        # Rows are chosen by their place, which a new run moves.
        key=f"runs-{len(runs)}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "run": st.column_config.TextColumn(pinned=True),
            "best": st.column_config.NumberColumn(
                "best accuracy", format="%.1f %%", help="On the validation images, after its best epoch."
            ),
            "open": st.column_config.LinkColumn("", display_text="open"),
        },
        alt="All training runs with their state, best validation accuracy and duration",
    )
    chosen = [runs[row] for row in event["selection"]["rows"]]
    return [item for item in chosen if item != run and len(item.steps())]


def modified(run: ModelDirectory) -> float:
    return run.history_path.stat().st_mtime if run.history_path.exists() else 0.0


@st.cache_data(max_entries=500, show_spinner=False)
def summary(run: ModelDirectory, state: str, modified: float) -> dict[str, Any]:  # noqa: ARG001
    """Return a row of the table; read anew when the state or the history changed."""
    history = run.history()
    try:
        recipe = run.recipe()
        title, epochs = recipe.title, f"{len(history)} of {recipe.epochs}"
    except CifarLabError:  # the others are still worth a row
        title, epochs = "damaged", f"{len(history)}"
    return {
        # The first columns are what a phone shows.
        "run": run.name,
        "best": history["val_accuracy"].max() * 100 if len(history) else None,
        "open": f"?run={run.name}",
        "state": state,
        "epochs": epochs,
        "duration": formats.duration(history["seconds"].max()) if len(history) else "–",
        "recipe": title,
    }
