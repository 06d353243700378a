"""One queue a server for what costs memory or seconds, and a word to who waits.

    @st.cache_data
    def map_of(picture):
        await_turn()
        ...

    found = in_turn(map_of, picture)

What is in the cache is there at once; only what has to be worked out waits.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifar_core import formats
from cifar_core.inference.turns import Turns

_P = ParamSpec("_P")
_R = TypeVar("_R")
_turns = Turns()
_ours = ContextVar("ours", default=False)  # whether it is the turn of the visitor whom this thread serves


class _NotYetError(Exception):
    """What was asked for is not in the cache, and others may come first."""


def await_turn() -> None:
    """Go on only in a turn that `in_turn` waited for; a cached function says so before what costs much."""
    if not _ours.get():
        raise _NotYetError


def in_turn(cached: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Return what a cached function returns; where it awaits its turn, after all who asked before."""
    with contextlib.suppress(_NotYetError):
        return cached(*args, **kwargs)
    with turn():
        return cached(*args, **kwargs)


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Do what costs much after all who asked before."""
    place = st.empty()
    with _turns.turn(lambda before: _say(place, before)):
        entered = _ours.set(True)
        place.empty()
        try:
            yield
        finally:
            _ours.reset(entered)


def _say(place: DeltaGenerator, before: int) -> None:
    who = "another visitor is" if before == 1 else f"{formats.count(before)} visitors are"
    place.caption(f":material/hourglass_top: {who} before you")
