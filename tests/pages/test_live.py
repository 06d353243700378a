"""What a browser sends as a frame of its camera is hostile until decoded."""

from typing import Any

import pytest

from cifar_core import images, paths
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import live
from tests.pages import checked, opened
from tests.pictures import encode, photo

QUICK = ModelDirectory(paths.models_root() / "quick")
FRAME = images.data_url(encode(photo(256, 256), "JPEG"), "jpeg")


def test_a_frame_is_answered_with_a_verdict_and_bars() -> None:
    said = live.said_of(QUICK, [7, FRAME])
    assert said is not None
    assert said["number"] == 7
    assert "none of these" in said["verdict"] or said["bars"][0]["name"] in said["verdict"]
    shares = [bar["share"] for bar in said["bars"]]
    assert len(shares) == 5
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("address", [None, 7, "", "data:image/jpeg;base64,", FRAME[:-400], FRAME * 20])
def test_what_is_no_frame_gets_a_sentence(address: Any) -> None:
    said = live.said_of(QUICK, [1, address])
    assert said is not None
    assert said["verdict"].endswith(".")
    assert not said["bars"]


@pytest.mark.parametrize("sent", [None, "x", [], [1], ["1", FRAME], [1, FRAME, 2], {"number": 1}])
def test_what_is_no_question_gets_no_answer(sent: Any) -> None:
    assert live.said_of(QUICK, sent) is None


def test_live_takes_the_place_of_the_pictures() -> None:
    app = opened("classify")
    app.toggle(key="live").set_value(True)
    assert any("Nothing is kept" in caption.value for caption in checked(app).caption)
