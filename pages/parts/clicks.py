"""Charts and tables in which a click chooses something, anew each time.

Such a widget keeps its selection, and a click on what is selected already takes it back and chooses nothing.
So each choice begins a new turn, and with it a new widget in the place of the old one, with nothing selected.
"""

import streamlit as st

_TURN = "turn"


def turn() -> int:
    """Return how many choices this visitor has made."""
    return int(st.session_state.get(_TURN, 0))


def begin_turn() -> None:
    """Have what was clicked forgotten."""
    st.session_state[_TURN] = turn() + 1


def key_of_turn(name: str) -> str:
    """Return the key of a widget that forgets what was clicked when the next turn begins."""
    return f"{name}-{turn()}"
