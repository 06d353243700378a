"""What waits its turn on a page, what does not, and what who waits is told."""

import threading
from collections.abc import Iterator

import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from pages.parts import classify_answers, saliency_map, turns
from tests.pages import addressed, checked, opened

pytestmark = pytest.mark.usefixtures("runs")


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    classify_answers.answers_here.clear()
    saliency_map.pixels_that_mattered.clear()
    saliency_map.behind_masks.clear()


@pytest.fixture
def somebody_else() -> Iterator[threading.Event]:
    """Another visitor has the turn, until this is set."""
    entered, over = threading.Event(), threading.Event()

    def work() -> None:
        with turns._turns.turn(lambda _: None):
            entered.set()
            over.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(60)
    yield over
    over.set()
    thread.join()


def said_while_waiting(app: AppTest, over: threading.Event, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Draw the page; the other visitor is done as soon as this one was told of them."""
    told: list[int] = []
    say = turns._say

    def hear(place: DeltaGenerator, before: int) -> None:
        say(place, before)
        told.append(before)
        over.set()

    monkeypatch.setattr(turns, "_say", hear)
    checked(app)
    assert not [item for item in app.caption if "before you" in item.value]  # the word is gone again
    return told


@pytest.mark.parametrize("asked_for", [{"why": "true"}, {"six": "true"}])
def test_a_map_and_six_looks_wait(
    somebody_else: threading.Event, monkeypatch: pytest.MonkeyPatch, asked_for: dict[str, str]
) -> None:
    app = addressed("classify", model="quick", example="flower", **asked_for)
    assert said_while_waiting(app, somebody_else, monkeypatch)[0] == 1


def test_many_pictures_wait(somebody_else: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify_answers, "FEW_LOOKS", 0)
    app = addressed("classify", model="quick", example="flower")
    assert said_while_waiting(app, somebody_else, monkeypatch)[0] == 1


@pytest.mark.usefixtures("somebody_else")
def test_one_picture_does_not() -> None:
    assert opened("classify", model="quick", example="flower").get("vega_lite_chart")


def test_what_is_known_already_does_not(request: pytest.FixtureRequest) -> None:
    query = {"model": "quick", "example": "flower", "why": "true", "six": "true"}
    opened("classify", **query)
    request.getfixturevalue("somebody_else")
    opened("classify", **query)
