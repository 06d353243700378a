"""How what is not on this machine gets here: CIFAR-10 by a job, and public lists about its test images.

Every page begins with it: nothing is imported here that the first page would have to wait for.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import streamlit as st

from cifar_core import formats, settings
from cifar_core.annotations import sources
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.download_status import DownloadStatus
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import CifarLabError
from cifar_core.runs import downloads
from pages.parts import permission
from pages.parts.markdown import told

POLL_SECONDS = 1.0
SIZE = "170 MB"
_PROBLEM = "download-problem"


def show_strip() -> None:
    """Draw, above whatever page it is, how far the download of CIFAR-10 is, for as long as there is one."""
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(problem)
    if downloads.status().active:
        st.fragment(_show_progress, run_every=POLL_SECONDS)()


def _show_progress() -> None:
    status = downloads.status()
    if not status.active:
        st.rerun()  # the page can show more now, or has to say what went wrong
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(status.fraction, f"**CIFAR-10** · {how_far(status)}")
        st.button(
            "Cancel",
            icon=":material/close:",
            key="cancel-download",
            on_click=_attempt,
            args=(downloads.cancel,),
        )


def how_far(status: DownloadStatus) -> str:
    """Say how far a download is: what has come, how fast, and how long it will take."""
    if not status.total:
        return f"{status.phase or 'starting'} …"
    parts = [
        status.phase,
        f"{formats.size_in_bytes(status.done)} of {formats.size_in_bytes(status.total)}",
        f"{formats.size_in_bytes(status.bytes_per_second)}/s" if status.bytes_per_second else "",
        f"{formats.duration(status.eta_seconds)} left" if status.eta_seconds is not None else "",
    ]
    return " · ".join(filter(None, parts))


def offer(
    dataset: Dataset, what_for: str, key: str, kind: Literal["primary", "secondary"] = "primary"
) -> None:
    """Say in one sentence that a dataset is missing, and offer to get it.

    Parameters
    ----------
    dataset
        Which one.
    what_for
        What it would make possible here, a whole sentence.
    key
        Names the button, where a page has several.
    kind
        Of the button.
    """
    if dataset.name != CIFAR10.name:
        st.info(f"{dataset.title} is not on this machine. {what_for}", icon=":material/photo_library:")
        return
    status = downloads.status()
    if status.active:
        st.info(f"CIFAR-10 is on its way. {what_for}", icon=":material/downloading:")
        return
    if settings.CIFAR10_DIR.path():  # a download would go elsewhere, and not be found
        st.warning(
            "CIFAR-10 is not where this app was told to look; `python -m cifar_core data` says more. "
            f"{what_for}",
            icon=":material/photo_library:",
        )
        return
    st.info(f"CIFAR-10's pictures are not on this machine yet. {what_for}", icon=":material/photo_library:")
    if status.state in ("failed", "interrupted"):
        st.error(told(status.error) or "The last download ended in its middle; it goes on from there.")
        _advise(status.advice)
    st.button(
        f"{'Go on with the download' if status.done else 'Download CIFAR-10'} ({SIZE})",
        type=kind,
        icon=":material/download:",
        key=f"{key}-cifar10",
        on_click=_attempt,
        args=(downloads.start,),
    )


def _advise(advice: str) -> None:
    """Show what whoever runs this machine can do, to who sits at it."""
    if advice and permission.here():
        st.caption(advice)


def _attempt(action: Callable[[], object]) -> None:
    """Do what a button asks for, and keep what went wrong for the next page to show."""
    try:
        permission.check()
        action()
    except CifarLabError as error:
        st.session_state[_PROBLEM] = told(error)


def offer_lists(missing: Sequence[str], use: str, key: str) -> None:
    """Say which lists about the test images are missing and what `use` they are; fetch them if asked to."""
    st.caption(f":material/fact_check: Not on this machine: {', '.join(missing)}. {use}")
    if st.button("Download the lists (0.9 MB)", icon=":material/download:", key=f"{key}-download"):
        fetch(sources.download)


def fetch(download: Callable[[Callable[[int, int], None]], object]) -> None:
    """Download with a progress bar, and draw the page anew with what has come."""
    bar = st.progress(0.0, text="Connecting …")

    def show(done: int, total: int) -> None:
        size = f"{formats.size_in_bytes(done)} of {formats.size_in_bytes(total)}" if total else "…"
        bar.progress(done / total if total else 0.0, size)

    try:
        permission.check()
        download(show)
    except CifarLabError as error:
        bar.empty()
        st.error(told(error))
        _advise(getattr(error, "advice", ""))
    else:
        st.rerun()
