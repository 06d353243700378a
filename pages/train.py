"""Train: start a run from the sidebar and watch it learn. The run is in the URL as `?run=…`."""

from typing import Any

import pandas as pd
import streamlit as st

from cifar_core import charts, formats
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import CifarLabError
from cifar_core.recipes import RECIPES
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Card
from cifar_core.runs.status import Status
from pages import require_entry
from pages.parts import averages, curves, train_controls, train_form, train_recipes, train_runs, train_watched
from pages.parts.markdown import plain, told
from pages.parts.models import warn_if_validated_on_test
from pages.parts.train_form import Choice

POLL_SECONDS = 1.0
QUICKEST = "quick"  # recipe
PRESENT = "present"  # in the URL
METRIC_HEIGHT = 88  # pixels; fixed, so that nothing jumps while a run is polled

STATE_BADGES: dict[str, dict[str, Any]] = {
    "starting": {"color": "blue", "icon": ":material/hourglass_top:"},
    "running": {"color": "blue", "icon": ":material/play_arrow:"},
    "stopping": {"color": "orange", "icon": ":material/hourglass_bottom:"},
    "finished": {"color": "green", "icon": ":material/check:"},
    "stopped": {"color": "gray", "icon": ":material/pause:"},
    "failed": {"color": "red", "icon": ":material/error:"},
    "interrupted": {"color": "orange", "icon": ":material/power_off:"},
}


def chosen_run() -> ModelDirectory | None:
    """Return the run in the URL, else the one that trains, else the newest that was trained."""
    if name := st.query_params.get("run"):
        try:
            return catalogue.find(name)
        except CifarLabError as error:
            st.warning(told(error))
    runs = catalogue.runs()
    trained = (run for run in runs if not run.is_average)
    return jobs.active_run() or next(trained, runs[0] if runs else None)


def show_head(
    run: ModelDirectory, status: Status, busy: ModelDirectory | None, choice: Choice | None
) -> None:
    """Draw what a run is called, how it stands, and the buttons that change that, on as few lines as fit.

    `choice`: what the sidebar shows; None where the run is presented without it.
    """
    presented = choice is None
    with st.container(horizontal=True, vertical_alignment="center"):
        (st.title if presented else st.subheader)(plain(run.title), anchor=False, width="content")
        st.badge(status.state, **STATE_BADGES[status.state])
        train_controls.show_what_can_be_done(run, busy)
        st.button(
            "Leave" if presented else "Present",
            icon=":material/fullscreen_exit:" if presented else ":material/fullscreen:",
            help=None if presented else "Hides the sidebar and enlarges the curves, for a room.",
            on_click=present,
            args=(not presented,),
            key="present",
        )
        if choice and choice.can_start:
            train_form.offer_start(choice)
    if note := run.label().note:
        st.caption(plain(note))


def show_run(
    run: ModelDirectory, when_drawn: Status, busy_when_drawn: ModelDirectory | None, presented: bool
) -> None:
    """Draw everything that changes while a run trains, this one or another."""
    status, steps, history = run.status(), run.steps(), run.history()
    deleted = not run.config_path.exists()  # by somebody else
    changed = (status.state, status.frozen) != (when_drawn.state, when_drawn.frozen)
    if deleted or changed or jobs.active_run() != busy_when_drawn:
        st.rerun()  # the sidebar has to change as well
    recipe = run.recipe()
    card = None if status.active else card_of(run)
    show_metrics(status, steps, history, card)
    if card:
        lead_on(run)
    else:
        done = float(steps["epoch"].iloc[-1]) if len(steps) else 0.0
        st.progress(min(done / recipe.epochs, 1.0), progress_text(status, len(history), recipe.epochs))
    if status.error:
        st.error(told(status.error))
    if status.frozen:
        train_controls.offer_end(run, status)

    pictures = st.container()  # above what says what to draw in it, and how
    if len(steps) or status.active:
        over, smooth = curves.choose_how()
    st.caption(" · ".join(filter(None, [plain(recipe.title), train_runs.changed(run)])))
    train_watched.show(run, status.active)
    overlaid = train_runs.choose_others(run)
    with pictures:
        if len(steps):
            drawn = curves.logs([run, *overlaid])
            in_sight = charts.epochs_in_sight(drawn, recipe.epochs)
            curves.show_curves(drawn, in_sight, over, smooth=smooth, large=presented)
        elif status.active:
            # As high as what will stand there, so that nothing jumps.
            height = charts.LARGE_HEIGHT if presented else charts.HEIGHT
            for place, _ in curves.measures():
                curves.room(place, height).skeleton(height)


def show_average(run: ModelDirectory) -> None:
    """Draw what there is of a run in which nothing was trained: an average."""
    if card := card_of(run):
        low, high = map(formats.percent, card["accuracy_interval"])
        st.metric(
            "Test accuracy",
            formats.percent(card["accuracy"]),
            f"{low} to {high}",
            delta_color="off",
            delta_arrow="off",
        )
        lead_on(run)
    averages.say_whose(run)
    pictures = st.container()
    overlaid = train_runs.choose_others(run)
    try:
        drawn = curves.logs(curves.trained([run, *overlaid]))
    except CifarLabError as error:
        st.warning(told(error), icon=":material/warning:")
        return
    with pictures:
        curves.show_curves(drawn, charts.epochs_in_sight(drawn, run.recipe().epochs), "epoch")


def card_of(run: ModelDirectory) -> Card | None:
    """Return the results of a run; None if it has none, or says what is wrong with them."""
    if not run.has_results():
        return None
    try:
        return run.card()
    except CifarLabError as error:
        st.warning(told(error), icon=":material/warning:")
        return None


def show_metrics(status: Status, steps: pd.DataFrame, history: pd.DataFrame, card: Card | None) -> None:
    """Show a line of numbers; of a finished run its test accuracy first of all."""
    cells = st.grid(4, min_column_width=115)
    quiet: dict[str, Any] = {"height": METRIC_HEIGHT, "delta_color": "off", "delta_arrow": "off"}
    accuracy, interval = status.test_accuracy, None
    if card:
        accuracy = card["accuracy"]
        interval = " to ".join(formats.percent(end) for end in card["accuracy_interval"])
    if accuracy is not None:
        cells.metric(
            "Test accuracy",
            formats.percent(accuracy),
            interval,
            help="Share of the test images it gets right, with its 95 % interval. It never learned from "
            "them.",
            **quiet,
        )
    cells.metric(
        "Training",
        formats.percent(steps["accuracy"].iloc[-1]) if len(steps) else "–",
        help="Accuracy on the images of the last second or so, made harder by augmentation and dropout.",
        **quiet,
    )
    best = int(history["val_accuracy"].argmax()) if len(history) else None
    cells.metric(
        "Validation",
        formats.percent(history["val_accuracy"][best]) if best is not None else "–",
        f"epoch {history['epoch'][best]:.0f}" if best is not None else None,
        help="Accuracy on images the network does not learn from, after the best epoch so far.",
        **quiet,
    )
    if not status.active:
        seconds = history["seconds"].iloc[-1] if len(history) else 0
        cells.metric("Trained for", formats.duration(seconds), **quiet)
        return
    if accuracy is None:  # the test accuracy takes its place
        cells.metric(
            "Images/s",
            formats.count(round(status.images_per_second)) if status.images_per_second else "–",
            None,
            help="Images of the training set that it learns from in a second.",
            **quiet,
        )
    cells.metric(
        "Time left",
        "–" if status.eta_seconds is None else formats.duration(status.eta_seconds),
        f"{formats.duration(status.seconds)} so far",
        help="At the present pace; early stopping may end it sooner.",
        **quiet,
    )


def lead_on(run: ModelDirectory) -> None:
    """Lead from a finished run to what can be done with it."""
    this = {"model": run.name}
    with st.container(horizontal=True):
        for page, label, icon in (
            ("evaluate", "See its mistakes", "grid_on"),
            ("classify", "Classify with it", "image_search"),
            ("compare", "Compare it", "compare_arrows"),
        ):
            st.page_link(f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=this)


def progress_text(status: Status, epochs_done: int, epochs: int) -> str:
    if not status.active:
        return f"{status.state} after {epochs_done} of {epochs} epochs"
    if not status.epoch:
        return f"{status.phase} …"
    place = f"epoch {status.epoch} of {status.epochs} · step {status.step} of {status.steps_per_epoch}"
    return f"{place} · {status.phase}"


def begin(choice: Choice) -> None:
    """Say how to begin, where there is no run yet."""
    st.title("Train", anchor=False)
    takes = "a few minutes" if choice.dataset.name == CIFAR10.name else "half a minute"
    st.info(
        f"No run yet. The quickest recipe, {RECIPES[QUICKEST].title}, takes {takes} on "
        f"“{choice.dataset.title}”. The sidebar has others.",
        icon=":material/info:",
    )
    train_form.offer_start(choice, first=True)


def present(on: bool) -> None:
    """Show the run to a room: without the sidebar, with large curves."""
    if on:
        st.query_params[PRESENT] = "true"
    else:
        st.query_params.pop(PRESENT, None)


require_entry()
run, busy = chosen_run(), jobs.active_run()
presented = run is not None and PRESENT in st.query_params
choice: Choice | None = None
# A sidebar that was there stays when it is emptied, unless it collapses.
st.set_page_config(initial_sidebar_state="collapsed" if presented else "auto")
if not presented:
    with st.sidebar:
        choice = train_form.show(busy)
if problem := st.session_state.pop(train_controls.PROBLEM, None):
    st.error(problem)
train_controls.offer_undo()
if run is None and choice:
    begin(choice)
elif run:
    try:
        run.recipe()
        run.facts()
    except CifarLabError as error:
        st.error(f"“{plain(run.title)}” cannot be shown. {told(error)}")
        train_runs.choose_others(run)
        st.stop()
    status = run.status()
    show_head(run, status, busy, choice)
    if run.is_average:
        show_average(run)
    else:
        polled = POLL_SECONDS if busy or status.active else None  # it may train on another machine
        st.fragment(show_run, run_every=polled)(run, status, busy, presented)
    warn_if_validated_on_test(run)
if choice and choice.dataset.name == CIFAR10.name:
    train_recipes.show_frontier()
