"""The sidebar of the page Train: dataset, recipe, its numbers, and the button that starts a run."""

from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifar_core import formats
from cifar_core.datasets import registry
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.registry import CIFAR10, first_choice
from cifar_core.errors import CifarLabError, RecipeError
from cifar_core.recipe import IMAGENET, RANGES, Recipe
from cifar_core.recipes import RECIPES
from cifar_core.runs import catalogue, estimate, jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import MOST_TITLE
from pages.parts import downloads, permission, train_recipes
from pages.parts.markdown import told
from pages.parts.train_controls import PROBLEM, attempt, open_run

# The numbers a visitor may change, with their help; the first three are always in sight.
NUMBERS = {
    "epochs": "How often the network sees every training image, at most.",
    "batch_size": "Images the network looks at before it corrects itself once.",
    "learning_rate": "How far each correction goes: too small learns slowly, too large not at all.",
    "patience": "Epochs without a better validation loss after which training stops; 0 trains to the end.",
    "images": "Fewer images train faster and teach less. Those held out for validation count.",
    "seed": "The number all randomness starts from: the same seed gives the same run.",
}
IN_SIGHT = 3
_PROBLEM = "start-problem"  # with what Start was asked for


class Choice(NamedTuple):
    """What the sidebar shows: a recipe on a dataset, and whether the visitor can start it now."""

    recipe: Recipe
    dataset: Dataset
    can_start: bool


def start(recipe: Recipe, dataset: Dataset, problem: str) -> None:
    """Start what the sidebar shows; asked for by a click, which may come before the numbers are drawn."""
    numbers = {name: st.session_state[number_key(recipe, dataset, name)] for name in NUMBERS}
    title = st.session_state["run-title"].strip()

    def named() -> None:
        open_run(jobs.start(recipe.with_(**numbers), dataset=dataset, title=title))
        st.session_state["run-title"] = ""  # the next run has another

    attempt(named, problem)


def offer_start(choice: Choice, *, first: bool = False) -> None:
    """Start from the page: on a phone the sidebar is folded away, and a newcomer need not find it."""
    st.button(
        f"Train {choice.recipe.title}",
        type="primary" if first else "secondary",
        icon=":material/play_arrow:",
        disabled=not choice.can_start,
        on_click=start,
        args=(choice.recipe, choice.dataset, PROBLEM),
        help="Starts what the sidebar shows.",
        key="train",
    )


def show(busy: ModelDirectory | None) -> Choice:
    """Draw the sidebar; return what is chosen. `busy`: the run that trains now."""
    st.subheader("Train a network", anchor=False)
    dataset = choose_dataset()
    name = st.selectbox(
        "Recipe",
        RECIPES,
        format_func=lambda name: RECIPES[name].title,
        key="recipe",
        persist_state="session",
        help="A network with all that its training needs: an optimizer, how the images are varied, numbers.",
    )
    recipe = RECIPES[name].on(dataset.sizes["train"], len(dataset.class_names))
    known = train_recipes.measured(recipe) if dataset.name == CIFAR10.name else ""
    st.caption(recipe.summary + known)
    if recipe.network == "transfer":
        recipe = choose_base(recipe)
    if not permission.explain():
        return Choice(recipe, dataset, can_start=False)
    can_start = dataset.available() and busy is None
    fits = show_form(recipe, dataset, can_start)
    return Choice(recipe, dataset, can_start and fits)


def choose_dataset() -> Dataset:
    """Let the visitor choose what to learn from; offer it where it is not here."""
    datasets = registry.readable()
    name = st.selectbox(
        "Dataset",
        datasets,
        list(datasets).index(first_choice().name),
        format_func=lambda name: datasets[name].title,
        key="dataset",
        persist_state="session",
        help="The pictures to learn from; the page Data shows them.",
    )
    dataset = datasets[name]
    if dataset.available():
        train, test = (formats.count(dataset.sizes[part]) for part in ("train", "test"))
        st.caption(f"{train} images to learn from, {test} to test with, {len(dataset.class_names)} classes")
    else:
        downloads.offer(dataset, "Choose another dataset above, or get it now.", "train")
    return dataset


def choose_base(recipe: Recipe) -> Recipe:
    """Let the visitor choose what `transfer` builds on; the recipe's own base first."""
    titles = {IMAGENET: "VGG16 of ImageNet"}
    titles |= catalogue.titles(model for model in catalogue.models() if model.keras_path.exists())
    usual = recipe.network_options["base"]
    base = st.selectbox(
        "Builds on",
        titles,
        list(titles).index(usual) if usual in titles else 0,
        format_func=titles.__getitem__,
        key="base",
        persist_state="session",
        help="The model whose view of a picture the new layer learns from. VGG16 of ImageNet has seen a "
        "million photographs and tells them apart best. Its 59 MB are downloaded once.",
    )
    try:
        return jobs.on_base(recipe, base)
    except CifarLabError as error:  # of a model that is damaged
        st.error(told(error))
        return recipe


def show_form(recipe: Recipe, dataset: Dataset, can_start: bool) -> bool:
    """Draw the numbers and the button; what does not fit is said at its number. Return whether all fit."""
    fields = list(NUMBERS)
    places = {field: show_number(recipe, dataset, field) for field in fields[:IN_SIGHT]}
    with st.expander("More"):
        st.text_input(
            "Name",
            placeholder=catalogue.new_title(recipe, dataset),
            max_chars=MOST_TITLE,
            help="What to call the run. It can be changed later.",
            key="run-title",
            persist_state="session",
        )
        places |= {field: show_number(recipe, dataset, field) for field in fields[IN_SIGHT:]}
    problem = ""
    try:
        numbers = {name: st.session_state[number_key(recipe, dataset, name)] for name in NUMBERS}
        how_long = time_it_takes(recipe.with_(**numbers), dataset)
    except RecipeError as error:
        how_long, problem = "", told(error)
        places.get(error.field, st).error(problem)
    st.button(
        "Start",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=not can_start or bool(problem),
        on_click=start,
        args=(recipe, dataset, _PROBLEM),
    )
    if refused := st.session_state.pop(_PROBLEM, None):
        st.error(refused)
    st.caption(how_long)
    return not problem


def time_it_takes(recipe: Recipe, dataset: Dataset) -> str:
    """Say how long a run will take on this machine, or that this cannot be said yet."""
    seconds = estimate.seconds(recipe, dataset)
    if seconds is None:
        return "How long it takes on this machine is known after a first run like it."
    sooner = " at most, as it stops when it learns no more" if recipe.patience else ""
    return f"About {formats.roughly(seconds)} on this machine{sooner}"


def number_key(recipe: Recipe, dataset: Dataset, name: str) -> str:
    """Return the key of a number: those of one recipe on one dataset are not those of another."""
    return f"{recipe.name}-{dataset.name}-{name}"


def show_number(recipe: Recipe, dataset: Dataset, name: str) -> DeltaGenerator:
    """Draw the field of a number; return the place below it for what is wrong with it."""
    value = getattr(recipe, name)
    low, high = (type(value)(bound) for bound in RANGES[name])
    if name == "images":
        high = dataset.sizes["train"]
    st.number_input(
        name.replace("_", " ").capitalize() if name != "images" else "Training images",
        low,
        high,
        value,
        step={"images": min(high // 20, 1000), "learning_rate": value / 10}.get(name),
        format="%g" if isinstance(value, float) else None,
        help=NUMBERS[name],
        key=number_key(recipe, dataset, name),
        persist_state="session",
    )
    return st.empty()
