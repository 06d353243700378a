"""Values that a browser of ours does not send, as somebody's own program may."""

from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory
from tests.model_directories import made
from tests.pages import opened

FORGED: list[dict[str, Any]] = [
    {"string_value": "many"},
    {"string_value": ""},
    {"int_value": 2**31},
    {"int_value": -7},
    {"double_value": float("nan")},
    {"double_value": float("inf")},
    {"bool_value": True},
    {"json_value": "[1]"},
    {"json_value": "{"},
    {"bytes_value": b"\xff"},
]
KINDS = ["number_input", "selectbox", "multiselect", "toggle", "slider", "text_input", "button_group"]


def forge(app: AppTest, widget: str, value: dict[str, Any], pressed: str | None = None) -> AppTest:
    """Send a value for a widget, and with it a click on a button."""
    states = app._tree.get_widget_states()
    kept = [state for state in states.widgets if state.id != widget]
    del states.widgets[:]
    states.widgets.extend([*kept, WidgetState(id=widget, **value)])
    if pressed:
        states.widgets.add(id=pressed, trigger_value=True)
    app._run(states)
    return app


@pytest.mark.parametrize("page", ["train", "classify"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("digits")
def test_no_value_ends_in_an_error_that_nobody_foresaw(page: str, kind: str) -> None:
    app = opened(page, model="linear", models="linear")
    for widget in [element.proto.id for element in app.get(kind)][:1]:
        for value in FORGED:
            assert not forge(app, widget, value).exception, value


def test_a_number_that_is_none_starts_no_training_or_one_with_the_recipes_own(
    runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

    def start(recipe: Any, **_others: Any) -> ModelDirectory:
        started.append(recipe)
        return made(runs / f"run{len(started)}", recipe)

    monkeypatch.setattr(jobs, "start", start)
    app = opened("train")
    epochs = app.number_input(key="quick-digits-epochs")
    [button] = [item.proto.id for item in app.button if item.label == "Start"]
    for value in FORGED:
        assert not forge(app, epochs.proto.id, value, button).exception, value
    assert {recipe.epochs for recipe in started} <= {epochs.value, 1}
