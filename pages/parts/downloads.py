"""Offers to download what is not on this machine: CIFAR-10, and public lists about its test images."""

from collections.abc import Callable, Sequence

import streamlit as st

from cifar_core import formats
from cifar_core.annotations import sources
from cifar_core.errors import CifarLabError


def offer_dataset(problem: CifarLabError) -> None:
    """Say that CIFAR-10 is missing, and fetch it if asked to."""
    st.warning(str(problem), icon=":material/photo_library:")
    if st.button("Download CIFAR-10 (170 MB)", type="primary", icon=":material/download:"):
        from cifar_core.datasets.download import (
            download_cifar10,  # here, or every start would wait for its libraries
        )

        fetch(download_cifar10)


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
        download(show)
    except CifarLabError as error:
        bar.empty()
        st.error(str(error))
    else:
        st.rerun()
