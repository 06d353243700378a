"""The sidebar of the page Train: what starts a run, and what can be done with the one shown."""

from collections.abc import Callable

import streamlit as st

from cifar_core import formats
from cifar_core.datasets import registry
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.registry import CIFAR10, first_choice
from cifar_core.errors import CifarLabError
from cifar_core.recipe import RANGES, Recipe
from cifar_core.recipes import RECIPES
from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import RESUMABLE, Status
from pages.parts import downloads, permission, train_recipes
from pages.parts.markdown import plain, told

QUICKEST = "quick"  # the recipe for a first run

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


def open_run(run: ModelDirectory) -> None:
    st.query_params["run"] = run.name


def attempt(action: Callable[[], None]) -> None:
    """Do what a button asks for, and keep what went wrong for the page to show."""
    try:
        permission.check()
        action()
    except CifarLabError as error:
        st.session_state["problem"] = told(error)


def start(recipe: Recipe, dataset: Dataset) -> None:
    numbers = {name: st.session_state[number_key(recipe, dataset, name)] for name in NUMBERS}
    name = st.session_state["run-name"].strip()

    def named() -> None:
        open_run(jobs.start(recipe.with_(**numbers), name or None, dataset))
        st.session_state["run-name"] = ""  # the next run has another

    attempt(named)


def start_quickest(dataset: Dataset) -> None:
    recipe = RECIPES[QUICKEST].on(dataset.sizes["train"], len(dataset.class_names))
    attempt(lambda: open_run(jobs.start(recipe, dataset=dataset)))


def delete(run: ModelDirectory) -> None:
    def gone() -> None:
        jobs.delete(run)
        st.query_params.pop("run", None)

    attempt(gone)


def show(busy: ModelDirectory | None) -> tuple[Dataset, bool]:
    """Draw the sidebar; return the dataset that is chosen, and whether the visitor can start a run on it.

    `busy`: the run that trains now.
    """
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
    if not permission.explain():
        return dataset, False
    can_start = dataset.available() and busy is None
    show_form(recipe, dataset, can_start)
    return dataset, can_start


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


def show_form(recipe: Recipe, dataset: Dataset, can_start: bool) -> None:
    fields = list(NUMBERS)
    with st.form("training", border=False, enter_to_submit=False):  # only the button starts
        for field in fields[:IN_SIGHT]:
            show_number(recipe, dataset, field)
        with st.expander("More"):
            st.text_input(
                "Name",
                placeholder="recipe and time",
                max_chars=64,
                help="Letters, digits, dots, dashes and underscores.",
                key="run-name",
                persist_state="session",
            )
            for field in fields[IN_SIGHT:]:
                show_number(recipe, dataset, field)
        st.form_submit_button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=not can_start,
            on_click=start,
            args=(recipe, dataset),
        )


def number_key(recipe: Recipe, dataset: Dataset, name: str) -> str:
    """Return the key of a number: those of one recipe on one dataset are not those of another."""
    return f"{recipe.name}-{dataset.name}-{name}"


def show_number(recipe: Recipe, dataset: Dataset, name: str) -> None:
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


def offer_end(run: ModelDirectory, status: Status) -> None:
    """Say that a run has been silent for long, and offer to end it; beside the words, also on a phone."""
    st.warning(
        f"{plain(jobs.silence(run, status))}. It may go on by itself. Ended, it keeps what it learned up to "
        "its last finished epoch, from which Resume goes on.",
        icon=":material/hourglass_disabled:",
    )
    st.button(
        "End it", icon=":material/power_off:", on_click=attempt, args=(lambda: jobs.end(run),), key="end-run"
    )


def show_what_can_be_done(run: ModelDirectory, busy: ModelDirectory | None) -> None:
    """Draw what stops, resumes or deletes a run, in the page, where a phone shows it too."""
    if not permission.granted():
        return
    status = run.status()
    with st.container(horizontal=True):
        # Resume is not where Stop will be: a second click in haste must not take the first one back.
        if run.own and not status.active:
            offer_deletion(run)
        if status.active:
            st.button(
                f"Stop {run.name}",
                icon=":material/stop:",
                disabled=status.state == "stopping" or status.frozen,
                on_click=lambda: attempt(lambda: jobs.stop(run)),
                help="Keeps everything up to the last finished epoch.",
            )
        elif status.state in RESUMABLE:
            st.button(
                f"Resume {run.name}",
                icon=":material/resume:",
                disabled=busy is not None,
                on_click=lambda: attempt(lambda: jobs.resume(run)),
                help="Goes on from the last finished epoch, as if it had never stopped.",
            )
        if busy is not None and busy != run:
            st.button(
                f"Show {busy.name}",
                icon=":material/visibility:",
                on_click=open_run,
                args=(busy,),
                help="One run trains at a time, now this one.",
            )


def offer_deletion(run: ModelDirectory) -> None:
    # Keys of its own: a second click must not meet the next run's button in the same place.
    with st.popover(
        f"Delete {run.name}", icon=":material/delete:", key=f"deletion-{run.name}", on_change="rerun"
    ):
        st.write(
            "This deletes the run and its model. For a day they can be brought back: "
            f"`python -m cifar_core restore {run.name}`"
        )
        st.button(
            "Delete it",
            type="primary",
            width="stretch",
            on_click=delete,
            args=(run,),
            key=f"delete-{run.name}",
        )
