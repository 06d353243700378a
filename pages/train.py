"""Train: start a run from the sidebar and watch it learn. The run is in the URL as `?run=…`."""

import math

import streamlit as st

from cifar_core import charts, formats, jobs, model_dir
from cifar_core.errors import CifarLabError
from cifar_core.model_dir import RESUMABLE, ModelDirectory
from cifar_core.recipes import RECIPES
from pages.cached import warn_if_validated_on_test

POLL_SECONDS = 1.0
STATES = {
    "starting": ("blue", ":material/hourglass_top:"),
    "running": ("blue", ":material/play_arrow:"),
    "stopping": ("orange", ":material/hourglass_bottom:"),
    "finished": ("green", ":material/check:"),
    "stopped": ("gray", ":material/pause:"),
    "failed": ("red", ":material/error:"),
    "interrupted": ("orange", ":material/power_off:"),
}


def show_controls(run: ModelDirectory | None) -> None:
    st.subheader("Train a network")
    recipe = RECIPES[st.selectbox("Recipe", RECIPES, format_func=lambda name: RECIPES[name].title, key="recipe")]
    st.caption(recipe.summary)
    busy = jobs.active_run()
    with st.form("training", border=False):
        # A key a recipe: the numbers of one recipe are not those of another.
        changes = {
            "epochs": st.number_input(
                "Epochs", 1, 1000, recipe.epochs, key=f"{recipe.name}-epochs",
                help="How often the network sees every training image, at most.",
            ),
            "batch_size": st.number_input(
                "Batch size", 2, 4096, recipe.batch_size, key=f"{recipe.name}-batch",
                help="Images the network looks at before it corrects itself once.",
            ),
            "learning_rate": st.number_input(
                "Learning rate", 1e-6, 100.0, recipe.learning_rate, format="%g", key=f"{recipe.name}-rate",
                help="How far each correction goes. Too small learns slowly, too large not at all.",
            ),
        }  # fmt: skip
        with st.expander("More"):
            changes |= {
                "patience": st.number_input(
                    "Patience", 0, 1000, recipe.patience, key=f"{recipe.name}-patience",
                    help="Epochs without a better validation loss after which training stops; 0 trains to the end.",
                ),
                "images": st.number_input(
                    "Training images", 100, 50_000, recipe.images, step=1000, key=f"{recipe.name}-images",
                    help="Fewer images train faster and teach less. Those held out for validation count.",
                ),
                "seed": st.number_input(
                    "Seed", 0, 2**31 - 1, recipe.seed, key=f"{recipe.name}-seed",
                    help="The number that all randomness starts from: the same seed gives the same run.",
                ),
            }  # fmt: skip
        if st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch", disabled=busy is not None
        ):
            act(lambda: open_run(jobs.start(recipe.with_(**changes))))
    if run is None:
        return
    status = run.status()
    if status.active:
        st.button(
            f"Stop {run.name}", icon=":material/stop:", width="stretch", disabled=status.state == "stopping",
            on_click=lambda: act(lambda: jobs.stop(run)),
        )  # fmt: skip
    elif status.state in RESUMABLE:
        st.button(
            f"Resume {run.name}", icon=":material/resume:", width="stretch", disabled=busy is not None,
            on_click=lambda: act(lambda: jobs.resume(run)),
            help="Goes on from the last finished epoch, as if it had never stopped.",
        )  # fmt: skip
    if busy is not None and busy != run:
        st.caption(f"One run trains at a time. Now: **{busy.name}**")
        if st.button("Show it", icon=":material/visibility:", width="stretch"):
            open_run(busy)


def act(action) -> None:
    try:
        action()
    except CifarLabError as error:
        st.session_state["train_error"] = str(error)


def open_run(run: ModelDirectory) -> None:
    st.query_params["run"] = run.name


def chosen_run() -> ModelDirectory | None:
    """The run in the URL, else the one that trains, else the newest."""
    if name := st.query_params.get("run"):
        try:
            return model_dir.find(name)
        except CifarLabError as error:
            st.warning(str(error))
    runs = model_dir.runs()
    return jobs.active_run() or (runs[0] if runs else None)


def show_run(run: ModelDirectory, state_when_drawn: str, overlaid: list[ModelDirectory]) -> None:
    status, steps, history = run.status(), run.steps(), run.history()
    if status.state != state_when_drawn:
        st.rerun()  # the sidebar and the table have to change as well
    recipe = run.recipe()
    colour, icon = STATES[status.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(run.name, anchor=False, width="content")
        st.badge(status.state, icon=icon, color=colour)
        st.caption(recipe.title, width="content")

    best = history.loc[history["val_accuracy"].idxmax()] if len(history) else None
    cells = st.grid(4, min_column_width=150)
    cells.metric(
        "Training accuracy", formats.percent(steps["accuracy"].iloc[-1]) if len(steps) else "–", border=True,
        chart_data=charts.thinned(steps)["accuracy"].tolist() or None, height=150,
        help="Of the images seen in the last second or so, made harder by augmentation and dropout.",
    )  # fmt: skip
    cells.metric(
        "Best validation accuracy", formats.percent(best["val_accuracy"]) if best is not None else "–", border=True,
        delta=f"epoch {best['epoch']:.0f}" if best is not None else None, delta_color="off", delta_arrow="off",
        chart_data=history["val_accuracy"].tolist() if len(history) > 1 else None, height=150,
        help="On images the network does not learn from.",
    )  # fmt: skip
    cells.metric(
        "Images a second", f"{status.images_per_second:,.0f}" if status.images_per_second else "–", border=True,
        delta=f"learning rate {status.learning_rate:.3g}" if status.learning_rate else None,
        delta_color="off", delta_arrow="off", height=150,
    )  # fmt: skip
    left = status.eta_seconds if status.active else None
    cells.metric(
        "Time left" if status.active else "Trained for", border=True, height=150,
        value=(formats.duration(left) if left is not None else "–") if status.active else formats.duration(status.seconds or 0),
        delta=f"{formats.duration(status.seconds)} so far" if status.active else None,
        delta_color="off", delta_arrow="off",
        help="At the present pace; early stopping may end it sooner." if status.active else None,
    )  # fmt: skip

    epochs_done = float(steps["epoch"].iloc[-1]) if len(steps) else 0.0
    st.progress(min(epochs_done / recipe.epochs, 1.0), text=progress_text(run))
    if status.error:
        st.error(status.error)

    if len(steps):
        curves = [charts.Curve(item.name, item.steps(), item.history()) for item in [run, *overlaid]]
        furthest = max(float(curve.steps["epoch"].max()) for curve in curves)
        end = recipe.epochs if recipe.epochs <= 12 else max(math.ceil(furthest), 5)
        columns = st.columns(2)
        for column, measure in zip(columns, ("loss", "accuracy"), strict=True):
            with column:
                st.markdown(f"**{measure.capitalize()}**")
                st.altair_chart(
                    charts.learning_curves(curves, measure, max(end, furthest)), key=f"curve-{measure}",
                    alt=f"{measure} of {run.name} over {furthest:.1f} epochs",
                )  # fmt: skip
    else:
        st.skeleton(300)


def progress_text(run: ModelDirectory) -> str:
    status, recipe = run.status(), run.recipe()
    if status.state in ("starting", "running", "stopping"):
        place = f"epoch {status.epoch} of {status.epochs} · step {status.step} of {status.steps_per_epoch}"
        return f"{place} · {status.phase}" if status.epoch else f"{status.phase} …"
    return f"{status.state} after {len(run.history())} of {recipe.epochs} epochs"


def show_runs(runs: list[ModelDirectory], run: ModelDirectory) -> list[ModelDirectory]:
    """Draw the table of runs; return those to draw over the curves of `run`."""
    st.markdown("**All runs** · select rows to draw them over the curves")
    table = []
    for item in runs:
        history, status = item.history(), item.status()
        table.append(
            {
                "run": item.name,
                "recipe": item.recipe().title,
                "state": status.state,
                "epochs": f"{len(history)} of {item.recipe().epochs}",
                "best": history["val_accuracy"].max() * 100 if len(history) else None,
                "duration": formats.duration(history["seconds"].max()) if len(history) else "–",
                "open": f"?run={item.name}",
            }
        )
    chosen = st.dataframe(
        table,
        key="runs",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "best": st.column_config.NumberColumn("best validation accuracy", format="%.1f %%"),
            "open": st.column_config.LinkColumn("", display_text="open"),
        },
        alt="All training runs with their state, best validation accuracy and duration",
    )
    return [runs[row] for row in chosen["selection"]["rows"] if row < len(runs) and runs[row] != run]


run = chosen_run()
with st.sidebar:
    show_controls(run)
if error := st.session_state.pop("train_error", None):
    st.error(error)
if run is None:
    st.title("Train", anchor=False)
    st.info("No run yet. Choose a recipe in the sidebar and press **Start**: **Quick** takes about two minutes.")
else:
    drawn = run.status()
    curves = st.container()
    overlaid = show_runs(model_dir.runs(), run)
    with curves:
        st.fragment(show_run, run_every=POLL_SECONDS if drawn.active else None)(run, drawn.state, overlaid)
    warn_if_validated_on_test(run)
    if run.has_results():
        st.page_link(
            "pages/evaluate.py", label="See what it confuses", icon=":material/grid_on:",
            query_params={"model": run.name},
        )  # fmt: skip
