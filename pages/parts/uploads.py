"""The visitor's pictures, which stay for the session: a look at another page empties the fields they came in.

They are in this session's memory only, bounded, and gone when the visitor takes them away or closes the tab.
"""

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifar_core import formats, images

MOST_KEPT = 100
MOST_BYTES = 2 * images.MAX_BYTES  # one of the largest fits, and some ten of a phone
_STORE = "uploads"


class Upload(NamedTuple):
    """A file and what to call it."""

    name: str
    file: UploadedFile


class _Store(NamedTuple):
    """What is in the fields, what was before a look at another page, and how many were too many."""

    given: list[Upload]
    kept: list[Upload]
    dropped: int = 0


def keep(given: list[Upload], *, anew: bool) -> list[Upload]:
    """Return the pictures from before, which are in no field any more, and keep those that are.

    Parameters
    ----------
    given
        What the fields hold.
    anew
        Whether the fields were just drawn for the first time since the page was opened.
    """
    store: _Store = st.session_state.get(_STORE, _Store([], []))
    kept, dropped = store.kept, store.dropped
    if anew:
        kept, dropped = [*store.kept, *store.given], store.dropped
    fitting = _fitting([*kept, *given])
    st.session_state[_STORE] = _Store(fitting[len(kept) :], kept, len(kept) + len(given) - len(fitting))
    if anew and dropped:
        st.warning(f"{formats.count(dropped)} of your pictures were too many to keep. Add them again.")
    return kept


def offer_to_remove(kept: list[Upload], forget: Callable[[], None]) -> None:
    """Say how many pictures are here from before, and let the visitor take them away."""
    if not kept:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        what = "picture is" if len(kept) == 1 else "pictures are"
        st.caption(f"{formats.count(len(kept))} {what} still here from before.")
        st.button(
            "Remove",
            icon=":material/delete:",
            key="remove-kept",
            type="tertiary",
            on_click=_remove,
            args=(forget,),
        )


def _remove(forget: Callable[[], None]) -> None:
    st.session_state[_STORE] = st.session_state[_STORE]._replace(kept=[])
    forget()


def _fitting(uploads: list[Upload]) -> list[Upload]:
    """Return the first of them, as many as may be kept."""
    size, fitting = 0, []
    for upload in uploads[:MOST_KEPT]:
        size += upload.file.size
        if size > MOST_BYTES:
            break
        fitting.append(upload)
    return fitting
