"""What can be done with the run shown on the page Train, and how what goes wrong is said."""

from collections.abc import Callable

import streamlit as st

from cifar_core.errors import AccessError, CifarLabError
from cifar_core.runs import jobs, trash
from cifar_core.runs.members import averages_of
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import MOST_NOTE, MOST_TITLE
from cifar_core.runs.status import RESUMABLE, Status
from pages.parts import permission
from pages.parts.markdown import plain, told

PROBLEM = "problem"  # of the session: what the page has to say first
UNDO_SECONDS = 60.0
MOST_UNDONE = 3  # lines


def open_run(run: ModelDirectory) -> None:
    st.query_params["run"] = run.name


def attempt(action: Callable[[], None], problem: str = PROBLEM) -> None:
    """Do what a button asks for, and keep in the session what went wrong, for whoever shows `problem`."""
    try:
        permission.check()
    except AccessError as error:  # what would show the problem is not drawn then
        st.session_state[PROBLEM] = told(error)
        return
    try:
        action()
    except CifarLabError as error:
        st.session_state[problem] = told(error)


def delete(run: ModelDirectory) -> None:
    def gone() -> None:
        jobs.delete(run)
        st.query_params.pop("run", None)

    attempt(gone)


def offer_undo() -> None:
    """Offer to bring back what was deleted within the last minute, for as long as that lasts."""
    if permission.granted() and trash.deleted(UNDO_SECONDS):
        st.fragment(show_undo, run_every=5.0)()


def show_undo() -> None:
    for run in trash.deleted(UNDO_SECONDS)[:MOST_UNDONE]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/delete: **{plain(run.title)}** is deleted", width="content")
            if st.button("Undo", icon=":material/undo:", key=f"undo-{run.path.parent.name}"):
                undo(run)


def undo(run: ModelDirectory) -> None:
    attempt(lambda: open_run(trash.restore(run.name)))
    st.rerun()  # the whole page


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
    with st.container(horizontal=True, width="content"):
        # Resume is not where Stop will be: a second click in haste must not take the first one back.
        if run.own and not status.active:
            offer_deletion(run)
        if status.active:
            st.button(
                "Stop",
                icon=":material/stop:",
                key=f"stop-{run.name}",
                disabled=status.state == "stopping" or status.frozen,
                on_click=lambda: attempt(lambda: jobs.stop(run)),
                help="Keeps everything up to the last finished epoch.",
            )
        elif status.state in RESUMABLE:
            st.button(
                "Resume",
                icon=":material/resume:",
                key=f"resume-{run.name}",
                disabled=busy is not None,
                on_click=lambda: attempt(lambda: jobs.resume(run)),
                help="Goes on from the last finished epoch, as if it had never stopped.",
            )
        if busy is not None and busy != run:
            st.button(
                f"Show {plain(busy.title)}",
                icon=":material/visibility:",
                on_click=open_run,
                args=(busy,),
                help="One run trains at a time, now this one.",
            )
        if run.own:
            offer_name(run)


def offer_name(run: ModelDirectory) -> None:
    """Let the visitor call a run something else, and note what it was for."""
    label, keys = run.label(), tuple(f"{field}-{run.name}" for field in ("title", "note"))
    popover, problem = f"naming-{run.name}", f"naming-problem-{run.name}"

    def save() -> None:
        def named() -> None:
            run.write_label(*(st.session_state[key] for key in keys))
            st.session_state[popover] = False  # it has done its work

        attempt(named, problem)

    with st.popover("Name and note", icon=":material/edit:", key=popover, on_change="rerun"):
        st.text_input("Name", label.title, max_chars=MOST_TITLE, key=keys[0])
        st.text_area("Note", label.note, max_chars=MOST_NOTE, key=keys[1])
        if wrong := st.session_state.pop(problem, None):
            st.error(wrong)
        st.button("Save", type="primary", width="stretch", on_click=save, key=f"save-{run.name}")
        st.caption(f"Commands know it by its folder: `{run.name}`")


def offer_deletion(run: ModelDirectory) -> None:
    # Keys of its own: a second click must not meet the next run's button in the same place.
    with st.popover("Delete", icon=":material/delete:", key=f"deletion-{run.name}", on_change="rerun"):
        st.write(
            f"This deletes {plain(run.title)} and its model. You can undo it for a minute here, and for a "
            f"day by `python -m cifar_core restore {run.name}`"
        )
        if lost := averages_of(run):
            st.write(f"Averages of it no longer answer then: {plain(', '.join(lost))}")
        st.button(
            "Delete it",
            type="primary",
            width="stretch",
            on_click=delete,
            args=(run,),
            key=f"delete-{run.name}",
        )
