"""Train: start a run from the sidebar and watch it learn. The run is in the URL as `?run=…`."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from cifar_core import charts, dataset, formats, jobs, model_dir
from cifar_core.errors import CifarLabError
from cifar_core.model_dir import ModelDirectory
from cifar_core.recipes import RANGES, RECIPES, Recipe
from cifar_core.statuses import ACTIVE, RESUMABLE, Status
from pages import downloads, model_list, permission, recipe_choice, require_entry, run_table, shared

QUICKEST = "quick"  # the recipe for a first run
POLL_SECONDS = 1.0
METRIC_HEIGHT = 180  # pixels; fixed, so that nothing jumps while a run is polled

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
    """Return the run in the URL, else the one that trains, else the newest."""
    if name := st.query_params.get("run"):
        try:
            return model_dir.find(name)
        except CifarLabError as error:
            st.warning(shared.plain(str(error)))
    runs = model_dir.runs()
    return jobs.active_run() or (runs[0] if runs else None)


def open_run(run: ModelDirectory) -> None:
    st.query_params["run"] = run.name


def attempt(action: Callable[[], None]) -> None:
    """Do what a button asks for, and keep what went wrong for the page to show."""
    try:
        permission.check()
        action()
    except CifarLabError as error:
        st.session_state["problem"] = str(error)


def start(recipe: Recipe) -> None:
    numbers = {name: st.session_state[f"{recipe.name}-{name}"] for name in NUMBERS}
    name = st.session_state["run-name"].strip()

    def named() -> None:
        open_run(jobs.start(recipe.with_(**numbers), name or None))
        st.session_state["run-name"] = ""  # the next run has another

    attempt(named)


def start_quickest() -> None:
    attempt(lambda: open_run(jobs.start(RECIPES[QUICKEST])))


def delete(run: ModelDirectory) -> None:
    def gone() -> None:
        jobs.delete(run)
        st.query_params.pop("run", None)

    attempt(gone)


def show_controls(run: ModelDirectory | None, busy: ModelDirectory | None, ready: bool) -> bool:
    """Draw the sidebar; return whether the visitor can start a run.

    `busy`: the run that trains now; `ready`: CIFAR-10 is here.
    """
    st.subheader("Train a network", anchor=False)
    name = st.selectbox(
        "Recipe",
        RECIPES,
        format_func=lambda name: RECIPES[name].title,
        key="recipe",
        persist_state="session",
        help="A network with all that its training needs: an optimizer, how the images are varied, numbers.",
    )
    recipe = RECIPES[name]
    st.caption(recipe.summary + recipe_choice.measured(recipe))
    if not permission.explain():
        return False
    can_start = ready and busy is None
    with st.form("training", border=False):
        fields = list(NUMBERS)
        for field in fields[:IN_SIGHT]:
            show_number(recipe, field)
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
                show_number(recipe, field)
        st.form_submit_button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=not can_start,
            on_click=start,
            args=(recipe,),
        )
    if run is not None:
        show_what_can_be_done(run, busy)
    return can_start


def show_number(recipe: Recipe, name: str) -> None:
    value = getattr(recipe, name)
    low, high = (type(value)(bound) for bound in RANGES[name])
    st.number_input(
        name.replace("_", " ").capitalize() if name != "images" else "Training images",
        low,
        high,
        value,
        step={"images": 1000, "learning_rate": value / 10}.get(name),
        format="%g" if isinstance(value, float) else None,
        help=NUMBERS[name],
        key=f"{recipe.name}-{name}",  # a key a recipe: the numbers of one are not those of another
        persist_state="session",
    )


def show_what_can_be_done(run: ModelDirectory, busy: ModelDirectory | None) -> None:
    status = run.status()
    if status.active:
        st.button(
            f"Stop {run.name}",
            icon=":material/stop:",
            width="stretch",
            disabled=status.state == "stopping",
            on_click=lambda: attempt(lambda: jobs.stop(run)),
            help="Keeps everything up to the last finished epoch.",
        )
    elif status.state in RESUMABLE:
        st.button(
            f"Resume {run.name}",
            icon=":material/resume:",
            width="stretch",
            disabled=busy is not None,
            on_click=lambda: attempt(lambda: jobs.resume(run)),
            help="Goes on from the last finished epoch, as if it had never stopped.",
        )
    if run.own and not status.active:
        # Keys of its own: a second click must not meet the next run's button in the same place.
        with st.popover(
            f"Delete {run.name}",
            icon=":material/delete:",
            width="stretch",
            key=f"deletion-{run.name}",
            on_change="rerun",
        ):
            st.write("This deletes all its files for good, its model included.")
            st.button(
                "Delete it",
                type="primary",
                width="stretch",
                on_click=delete,
                args=(run,),
                key=f"delete-{run.name}",
            )
    if busy is not None and busy != run:
        st.caption(f"One run trains at a time, now **{busy.name}**.")
        st.button("Show it", icon=":material/visibility:", width="stretch", on_click=open_run, args=(busy,))


def show_run(run: ModelDirectory, state_when_drawn: str, busy_when_drawn: ModelDirectory | None) -> None:
    """Draw everything that changes while a run trains, this one or another."""
    status, steps, history = run.status(), run.steps(), run.history()
    deleted = not run.config_path.exists()  # by somebody else
    if deleted or status.state != state_when_drawn or jobs.active_run() != busy_when_drawn:
        st.rerun()  # the sidebar has to change as well
    recipe = run.recipe()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(run.name, anchor=False, width="content")
        st.badge(status.state, **STATE_BADGES[status.state])
        st.caption(" · ".join(filter(None, [recipe.title, run_table.changed(recipe)])), width="content")
    show_metrics(status, steps, history)
    done = float(steps["epoch"].iloc[-1]) if len(steps) else 0.0
    st.progress(min(done / recipe.epochs, 1.0), progress_text(status, len(history), recipe.epochs))
    if status.error:
        st.error(status.error)

    pictures = st.container()  # above the table, which says what to draw in it
    overlaid = run_table.choose_others(run)
    with pictures:
        if len(steps):
            curves = [charts.Curve(item.name, item.steps(), item.history()) for item in [run, *overlaid]]
            shared.show_curves(curves, charts.epochs_in_sight(curves, recipe.epochs))
        elif status.active:
            for place, _ in shared.measures():
                place.skeleton(charts.HEIGHT)  # as high as what will stand there, so that nothing jumps


def show_metrics(status: Status, steps: pd.DataFrame, history: pd.DataFrame) -> None:
    cells = st.grid(4, min_column_width=150)
    quiet: dict[str, Any] = {
        "border": True, "height": METRIC_HEIGHT, "delta_color": "off", "delta_arrow": "off"
    }  # fmt: skip
    cells.metric(
        "Training accuracy",
        formats.percent(steps["accuracy"].iloc[-1]) if len(steps) else "–",
        chart_data=charts.thinned(steps)["accuracy"].tolist() or None,
        help="Of the images of the last second or so, made harder by augmentation and dropout.",
        **quiet,
    )
    best = int(history["val_accuracy"].argmax()) if len(history) else None
    cells.metric(
        "Best validation",
        formats.percent(history["val_accuracy"][best]) if best is not None else "–",
        f"epoch {history['epoch'][best]:.0f}" if best is not None else None,
        chart_data=history["val_accuracy"].tolist() if len(history) > 1 else None,
        help="Accuracy on images the network does not learn from, after its best epoch so far.",
        **quiet,
    )
    cells.metric(
        "Images a second",
        formats.count(round(status.images_per_second)) if status.images_per_second else "–",
        f"learning rate {status.learning_rate:.3g}" if status.learning_rate else None,
        help="The learning rate below it says how far each correction goes at present.",
        **quiet,
    )
    if not status.active:
        seconds = history["seconds"].iloc[-1] if len(history) else 0
        cells.metric("Trained for", formats.duration(seconds), **quiet)
        return
    cells.metric(
        "Time left",
        "–" if status.eta_seconds is None else formats.duration(status.eta_seconds),
        f"{formats.duration(status.seconds)} so far",
        help="At the present pace; early stopping may end it sooner.",
        **quiet,
    )


def progress_text(status: Status, epochs_done: int, epochs: int) -> str:
    if not status.active:
        return f"{status.state} after {epochs_done} of {epochs} epochs"
    if not status.epoch:
        return f"{status.phase} …"
    place = f"epoch {status.epoch} of {status.epochs} · step {status.step} of {status.steps_per_epoch}"
    return f"{place} · {status.phase}"


require_entry()
try:
    dataset.locate()
except CifarLabError as error:
    downloads.offer_dataset(error)
    ready = False
else:
    ready = True
run, busy = chosen_run(), jobs.active_run()
with st.sidebar:
    can_start = show_controls(run, busy, ready)
if problem := st.session_state.pop("problem", None):
    st.error(problem)
if run is None:
    st.title("Train", anchor=False)
    st.info(
        "No run yet. Choose a recipe in the sidebar and press **Start**, or begin with the quickest, which "
        "takes about two minutes.",
        icon=":material/info:",
    )
    # On a phone the sidebar is folded away, and a newcomer need not find it.
    st.button(
        f"Train {RECIPES[QUICKEST].title}",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not can_start,
        on_click=start_quickest,
    )
    recipe_choice.show_frontier()
    st.stop()

try:
    run.recipe()
except CifarLabError as error:
    st.error(f"“{run.name}” cannot be shown. {error}")
    run_table.choose_others(run)
    st.stop()
state = run.status().state
polled = POLL_SECONDS if busy or state in ACTIVE else None  # it may train on another machine
st.fragment(show_run, run_every=polled)(run, state, busy)
model_list.warn_if_validated_on_test(run)
if run.has_results():
    st.page_link(
        "pages/evaluate.py",
        label="See what it confuses",
        icon=":material/grid_on:",
        query_params={"model": run.name},
    )
recipe_choice.show_frontier()
