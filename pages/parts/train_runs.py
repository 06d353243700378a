"""The table of all runs on the page Train, whose selected rows are drawn over the curves."""

import contextlib
from typing import Any
from urllib.parse import quote

import streamlit as st

from cifar_core import charts, formats
from cifar_core.errors import CifarLabError, DatasetError
from cifar_core.recipe import RANGES
from cifar_core.recipes import RECIPES
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts.caches import AS_WRITTEN

MOST_OTHERS = len(charts.RUN_COLOURS) - 1  # curves beside those of the run: each has a colour of its own


def choose_others(run: ModelDirectory) -> list[ModelDirectory]:
    """Draw the table of runs; return those to draw over the curves of `run`."""
    runs = catalogue.runs()
    if not runs:
        return []
    st.markdown(f"**All runs** · select rows to draw them over the curves, at most {MOST_OTHERS}")
    event = st.dataframe(
        [summary(item, item.status().state) for item in runs],
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
            "changed": st.column_config.TextColumn(help="The numbers that are not the recipe's own."),
            "folder": st.column_config.TextColumn(help="The name by which commands know it."),
        },
        alt="All training runs with their state, best validation accuracy and duration",
    )
    chosen = [runs[row] for row in event["selection"]["rows"]]
    return [item for item in chosen if item != run and can_be_drawn(item)][:MOST_OTHERS]


def can_be_drawn(run: ModelDirectory) -> bool:
    try:
        run.facts()
    except CifarLabError:
        return False
    return len(run.steps()) > 0


def changed(run: ModelDirectory) -> str:
    """Say which numbers of a run are not its recipe's own on its dataset; nothing if it has another name.

    Raises CifarLabError if its `config.json` is damaged.
    """
    recipe = run.recipe()
    own = RECIPES.get(recipe.name, recipe)
    with contextlib.suppress(DatasetError):  # a dataset that is gone
        dataset = run.dataset()
        own = own.on(dataset.sizes["train"], len(dataset.class_names))
    numbers = {name: getattr(recipe, name) for name in RANGES}
    return " · ".join(
        f"{name.replace('_', ' ')} {number if name == 'seed' else f'{number:,}'}"
        for name, number in numbers.items()
        if number != getattr(own, name)
    )


@st.cache_data(max_entries=500, show_spinner=False, hash_funcs=AS_WRITTEN)
def summary(run: ModelDirectory, state: str) -> dict[str, Any]:
    """Return a row of the table; `state` changes while the other files that it reads do not."""
    history = run.history()
    try:
        recipe = run.recipe()
        epochs = "–" if run.is_average else f"{len(history)} of {recipe.epochs}"
        title, numbers = recipe.title, "" if run.is_average else changed(run)
        dataset = run.facts().name
    except CifarLabError:  # the others are still worth a row
        title, epochs, numbers, dataset = "damaged", f"{len(history)}", "", ""
    return {
        # The first columns are what a phone shows.
        "run": run.title,
        "best": history["val_accuracy"].max() * 100 if len(history) else None,
        "open": f"?run={quote(run.name)}",
        "state": state,
        "epochs": epochs,
        "duration": formats.duration(history["seconds"].max()) if len(history) else "–",
        "dataset": dataset,
        "recipe": title,
        "changed": numbers,
        "note": run.label().note,
        "folder": run.name,
    }
