"""Values that no widget of ours sends: text where a number belongs, a list where a choice does.

Only who writes messages to the server by hand sends such. Streamlit reads them before any code of ours runs,
and what it cannot read would end in an error box that blames the app.
"""

from typing import Any

from streamlit.runtime.state.session_state import Value, WStates

_read = WStates.__getitem__


def _read_or_forget(states: WStates, widget: str) -> Any:
    sent, known = states.states.get(widget), states.widget_metadata.get(widget)
    if known is None or sent is None or isinstance(sent, Value):
        return _read(states, widget)
    kind = sent.value.WhichOneof("value")  # None: it was emptied
    try:
        if kind is None or known.value_type is None or kind == known.value_type:
            return _read(states, widget)
    except Exception:  # whatever converting it raises
        states.widget_metadata[widget] = known
    states.states[widget] = Value(known.deserializer(None))
    return _read(states, widget)


def forget() -> None:
    """From now on, take a value that its widget cannot read for none, as if nobody had touched it."""
    WStates.__getitem__ = _read_or_forget  # type: ignore[method-assign]
