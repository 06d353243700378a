"""Widgets whose choice stands in the URL, so that a link opens on what was seen."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import streamlit as st

Choice = TypeVar("Choice", bound=str)


def choose_view(page: str, views: Iterable[str]) -> str:
    """Let the visitor choose a view of a page by its title, `?view=…`; only that one is computed."""
    titles = list(views)
    return segments_in_url("View", titles, "view", f"{page}-view", titles[0])


def selectbox_in_url(
    label: str, options: list[str], key: str, default: str, title: Callable[[str], str] = str
) -> str:
    """Draw a select box whose choice always stands in the URL as `?key=…`, where links and callbacks set it.

    Streamlit's own binding leaves the default out of the URL, and the first model of today need not be the
    first of tomorrow.
    """
    write_url = _begin_with_url(options, key, key, default)
    st.selectbox(label, options, format_func=title, key=key, persist_state="session", on_change=write_url)
    write_url()
    return str(st.session_state[key])


def segments_in_url(
    label: str,
    options: Sequence[Choice],
    name: str,
    key: str,
    default: Choice,
    title: Callable[[Choice], str] = str,
) -> Choice:
    """Draw a segmented control whose choice always stands in the URL as `?NAME=…`.

    `key` is the page's own: with one that two pages share, the choice on one would be that on the other.
    """
    write_url = _begin_with_url(options, name, key, default)
    st.segmented_control(
        label,
        options,
        format_func=title,
        required=True,
        key=key,
        persist_state="session",
        on_change=write_url,
        label_visibility="collapsed",
    )
    write_url()
    chosen: Choice = st.session_state[key]
    return chosen


def _begin_with_url(options: Sequence[str], name: str, key: str, default: str) -> Callable[[], None]:
    """Let a widget begin with the choice in the URL, else with its last one; return what writes the URL."""
    asked = st.query_params.get(name, st.session_state.get(key))
    st.session_state[key] = asked if asked in options else default

    def write_url() -> None:
        st.query_params[name] = st.session_state[key]

    return write_url
