"""What there is to know before a recipe is chosen: what each costs and reaches."""

from functools import partial
from typing import Any

import streamlit as st

from cifar_core import charts, formats
from cifar_core.evaluation import ranking
from cifar_core.recipe import Recipe
from cifar_core.recipes import RECIPES
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import clicks
from pages.parts.caches import AS_WRITTEN


def shipped() -> dict[str, ModelDirectory]:
    """Return the shipped models, but for damaged ones, by the recipe that made them."""
    damaged = catalogue.damaged_models()
    return {model.recipe().name: model for model in catalogue.shipped() if model.name not in damaged}


def measured(recipe: Recipe) -> str:
    """Say what came of a recipe here, if a model of it is shipped."""
    if recipe.name not in (models := shipped()):
        return ""
    card = models[recipe.name].card()
    return (
        f" The shipped model got {formats.percent(card['accuracy'])} of the test images right after "
        f"{formats.duration(card['training_seconds'])} on {card['hardware']}."
        + (f" That is the time after “{recipe.starts_from}”." if recipe.starts_from else "")
    )


def show_frontier() -> None:
    """Draw what each recipe costs and reaches; a click on a point chooses the recipe."""
    models = shipped()
    if not models:
        return
    st.subheader("What a minute of training buys", anchor=False)
    st.caption(
        "The shipped models, each made by its recipe. Click a point to choose that recipe.",
        help="The minutes are of the machine each was trained on, which Compare names. The upright lines are "
        "95 % intervals of the accuracy; `report` looked at the test set to decide when to stop, so its own "
        "is a little optimistic. The line joins the recipes that no quicker one beats. airbench is a small "
        "network made to be trained fast (Jordan 2024).",
    )
    widget = clicks.key_of_turn("frontier")
    st.vega_lite_chart(
        frontier_chart(models, st.session_state["recipe"]),
        key=widget,
        on_select=partial(choose_recipe, widget),
        alt="Test accuracy of the shipped models against their minutes of training",
    )


# To make a chart takes a tenth of a second.
@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=AS_WRITTEN)
def frontier_chart(models: dict[str, ModelDirectory], chosen: str) -> dict[str, Any]:
    return charts.frontier(ranking.costs(models.values()), chosen).to_dict()


def choose_recipe(widget: str) -> None:
    clicked = st.session_state[widget]["selection"].get("recipe")
    if clicked and clicked[0]["recipe"] in RECIPES:
        st.session_state["recipe"] = clicked[0]["recipe"]
        clicks.begin_turn()
