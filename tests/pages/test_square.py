"""The square on a picture: what comes of it on the page, and what of values that no browser of ours sends."""

import json
from typing import Any

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from streamlit.testing.v1 import AppTest

from cifar_core import images
from cifar_core.crop import Square
from cifar_core.inference import spreadsheet
from cifar_core.inference.classify import Answer
from pages.parts import caches, classify_answers, saliency_map, square
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("runs")

SIDE = saliency_map.SHARP // images.SIZE
NAN, INFINITE = float("nan"), float("inf")


def two_halves() -> bytes:
    """Return a picture that is black on the left and white on the right."""
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:, 100:] = 255
    return images.to_png(pixels)


def given(*names: str) -> AppTest:
    app = opened("classify", model="quick")
    app.file_uploader(key="files").set_value([(name, two_halves(), "image/png") for name in names])
    return checked(app)


def squares(app: AppTest) -> list[Any]:
    return [each.proto for each in app.get("bidi_component") if each.proto.component_name == "square"]


def drawn(app: AppTest) -> list[Any]:
    return [json.loads(each.json)["square"] for each in squares(app)]


def seen(app: AppTest) -> list[str]:
    pictures = [image.proto.imgs[0] for image in app.get("image")]
    return [picture.url for picture in pictures if picture.alt.startswith("the 32×32 pixels")]


def send(app: AppTest, number: int, written: str) -> AppTest:
    """Do what the browser's half does when the square of a picture is moved."""
    states = app._tree.get_widget_states()
    widget = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{squares(app)[number].id}__events"
    states.widgets.extend([WidgetState(id=widget, json_trigger_value=written)])
    app._run(states)
    assert not app.exception
    return app


def move(app: AppTest, number: int, *place: Any) -> AppTest:
    return send(app, number, json.dumps([{"event": "moved", "value": list(place)}]))


def block(value: int) -> str:
    return caches.crisp(np.full((32, 32, 3), value, np.uint8), SIDE)


def test_answer_table_and_file_are_about_the_square(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[np.ndarray]] = []
    written: list[list[Answer]] = []
    as_csv = spreadsheet.csv_of

    def answers(_model: Any, looks: list[np.ndarray], _tta: int) -> list[Answer]:
        asked.append(looks)
        names, white = ("dark", "bright"), [seen.mean() / 255 for seen in looks]
        return [Answer(names, np.array([1 - share, share]), False) for share in white]

    def csv(names: Any, theirs: Any, refused: Any) -> bytes:
        written.append(theirs["quick"])
        return as_csv(names, theirs, refused)

    monkeypatch.setattr(classify_answers, "answers", answers)
    monkeypatch.setattr(spreadsheet, "csv_of", csv)
    app = given("one.png", "two.png")
    assert drawn(app) == [None, None]
    app = move(app, 0, 0.5, 0, 1)
    assert drawn(app) == [[0.5, 0, 1], None]
    assert [looks.mean() for looks in asked[-1]] == [255, pytest.approx(127, abs=2)]
    assert written[-1][0].class_name == "bright"
    assert app.dataframe[0].value["quick"][0] == "bright"
    assert app.dataframe[0].value["quick/confidence"][0] == 100
    headings = [element.value for element in app.markdown if element.value.startswith("## ")]
    assert headings[0].startswith("## bright, 100.0 %")
    assert seen(app)[0] == block(255)
    app = move(app, 1, 0, 0, 0.5)
    assert drawn(app) == [[0.5, 0, 1], [0, 0, 0.5]]
    assert seen(app) == [block(255), block(0)]


def test_it_stays_for_the_session_until_it_is_taken_back() -> None:
    app = move(given("one.png"), 0, 0.5, 0, 1)
    checked(app.switch_page("pages/overview.py"))
    app = checked(app.switch_page("pages/classify.py"))
    assert drawn(app) == [[0.5, 0, 1]]
    [reset] = [button for button in app.button if button.label == "Reset"]
    reset.click()
    assert drawn(checked(app)) == [None]
    assert "Reset" not in [button.label for button in app.button]
    assert seen(app) not in ([block(0)], [block(255)])


def test_of_the_whole_picture_there_is_none() -> None:
    app = move(given("one.png"), 0, 0.5, 0, 1)
    app.button_group(key="how").set_value("Whole picture")
    assert not squares(checked(app))
    assert seen(app) != [block(255)]
    app.button_group(key="how").set_value("Centre crop")
    assert drawn(checked(app)) == [[0.5, 0, 1]]


def test_an_example_has_one() -> None:
    app = move(opened("classify", model="quick", example="flower"), 0, 0, 0, 0.1)
    assert drawn(app) == [[0, 0, 0.1]]


NO_SQUARES = [
    None,
    "0.5",
    {},
    {"left": 0, "top": 0, "side": 1},
    [],
    [0, 0],
    [0, 0, 1, 1],
    ["0", "0", "1"],
    [None, 0, 1],
    [True, 0, 1],
    [[0], 0, 1],
    [NAN, 0, 1],
    [INFINITE, 0, 1],
    [-INFINITE, 0, 1],
    [-0.1, 0, 1],
    [0, 1.1, 1],
    [0, 0, 0],
    [0, 0, -1],
    [0, 0, 1e9],
    [10**400, 0, 1],
]


@pytest.mark.parametrize("sent", NO_SQUARES, ids=[str(sent)[:30] for sent in NO_SQUARES])
def test_what_is_no_square_is_not_taken_for_one(sent: Any) -> None:
    assert square.checked(sent) is None


@pytest.mark.parametrize("sent", [[0, 0, 1], [1, 1, 0.1], [0.25, 0.5, 0.75]])
def test_what_is_one_is_taken(sent: list[float]) -> None:
    assert square.checked(sent) == Square(*sent)


def test_whatever_is_sent_the_page_stands() -> None:
    app = given("one.png")
    before = seen(app)
    written = [json.dumps([{"event": "moved", "value": value}]) for value in NO_SQUARES]
    for text in (
        *written,
        "",
        "{",
        "null",
        "7",
        '"moved"',
        "[7]",
        '[{"event": 7}]',
        '[{"event": "gone", "value": [0, 0, 1]}]',
        "[" * 100_000,
        "9" * 5_000,
        '[{"event": "moved", "value": [' + "9" * 5_000 + ", 0, 1]}]",
    ):
        app = send(app, 0, text)
        assert drawn(app) == [None], text[:60]
        assert seen(app) == before
