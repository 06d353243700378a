"""The pages, one file each, run by `streamlit_app.py`."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

_ENTERED = "entered"


def enter() -> None:
    """Note that this visitor's pages are run by the entry file, which calls this."""
    st.session_state[_ENTERED] = True


def require_entry() -> None:
    """Start over with the entry file where Streamlit left it out; each page calls this first.

    Until a server has run the entry once, Streamlit takes the folder `pages/` for its older way of making
    pages and runs the one in the address alone (streamlit pull request 10276). Whoever followed a link to
    `/train?run=…` would not see our navigation; after a restart that is everybody who comes back at once, so
    it is asked of each visitor, not of the server.
    """
    if _ENTERED not in st.session_state:
        PagesManager.uses_pages_directory = False
        st.rerun()
