"""What trains now, above every page but Train, which shows it at length.

Most pages begin with it: nothing is imported here that the first page would have to wait for.
"""

import streamlit as st

from cifar_core import formats
from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import Status
from pages.parts.markdown import plain

POLL_SECONDS = 2.0


def show_strip() -> None:
    """Draw which run trains and how far it is, for as long as the page is open: a link to Train."""
    if run := jobs.active_run():
        st.fragment(_show_progress, run_every=POLL_SECONDS)(run)


def _show_progress(run: ModelDirectory) -> None:
    # As high at the end as in the middle, and no other part of the page is drawn anew: somebody reads it.
    status = run.status()
    st.page_link(
        "pages/train.py",
        label=f"**{plain(run.title)}** {how_far(status)}",
        icon=":material/model_training:" if status.active else ":material/check:",
        query_params={"run": run.name},
    )


def how_far(status: Status) -> str:
    """Say in a few words how far a run is, or how it ended."""
    if not status.active:
        return f"is {status.state}"
    if not status.epoch:
        return f"is starting: {status.phase} …" if status.phase else "is starting …"
    parts = [
        f"is training: epoch {status.epoch} of {status.epochs}",
        f"{formats.duration(status.eta_seconds)} left" if status.eta_seconds is not None else status.phase,
    ]
    return " · ".join(filter(None, parts))
