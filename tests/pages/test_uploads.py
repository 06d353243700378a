"""Pictures that the visitor gave stay for the session, bounded, until the visitor takes them away."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import images
from pages.parts import uploads
from tests.pages import checked, opened
from tests.pictures import photos

pytestmark = pytest.mark.usefixtures("runs")

PICTURES = {f"{number}.png": images.to_png(array) for number, array in enumerate(photos(4))}


def give(app: AppTest, *names: str) -> AppTest:
    """Let the field hold these pictures."""
    app.file_uploader(key="files").set_value([(name, PICTURES[name], "image/png") for name in names])
    return checked(app)


def look_elsewhere(app: AppTest, page: str = "overview") -> AppTest:
    checked(app.switch_page(f"pages/{page}.py"))
    return checked(app.switch_page("pages/classify.py"))


def shown(app: AppTest) -> list[str]:
    return [text.value for text in app.text]


def remove(app: AppTest) -> Any:
    found = [item for item in app.button if item.key == "remove-kept"]
    return found[0] if found else None


def test_they_are_there_after_a_look_at_another_page() -> None:
    app = give(opened("classify", model="quick"), "0.png", "1.png")
    assert shown(app) == ["0.png", "1.png"]
    assert not remove(app)
    app = look_elsewhere(look_elsewhere(app), "deploy")
    assert app.file_uploader(key="files").value == []
    assert shown(app) == ["0.png", "1.png"]
    assert "2 pictures are still here from before." in [caption.value for caption in app.caption]
    app = give(app, "2.png")
    assert shown(app) == ["2.png", "0.png", "1.png"]
    assert shown(look_elsewhere(app)) == ["0.png", "1.png", "2.png"]


def test_what_the_visitor_takes_away_is_gone() -> None:
    app = give(opened("classify", model="quick"), "0.png", "1.png")
    app = give(app, "1.png")  # the other one's cross was pressed
    assert shown(app) == ["1.png"]
    app = look_elsewhere(app)
    assert shown(app) == ["1.png"]
    give(app, "2.png")
    remove(app).click()
    assert shown(checked(app)) == ["2.png"]
    assert shown(look_elsewhere(app)) == ["2.png"]
    remove(app).click()
    assert not shown(checked(app))
    assert not shown(look_elsewhere(app))
    assert app.session_state["uploads"] == ([], [], 0)


def test_another_visitor_has_none_of_them() -> None:
    give(opened("classify", model="quick"), "0.png")
    assert not shown(look_elsewhere(opened("classify", model="quick")))


@pytest.mark.parametrize(("limit", "value"), [("MOST_KEPT", 2), ("MOST_BYTES", None)])
def test_they_are_bounded(limit: str, value: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, limit, value or sum(len(PICTURES[name]) for name in ("0.png", "1.png")))
    app = give(opened("classify", model="quick"), *PICTURES)
    assert shown(app) == list(PICTURES)
    app = look_elsewhere(app)
    assert shown(app) == ["0.png", "1.png"]
    assert [item.value for item in app.warning] == [
        "2 of your pictures were too many to keep. Add them again."
    ]
    app = give(app, "2.png", "3.png")
    assert shown(look_elsewhere(app)) == ["0.png", "1.png"]
    assert sum(len(each) for each in app.session_state["uploads"][:2]) == 2


def test_of_what_is_taken_away_nothing_stays_in_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[object] = []
    decode = images.read

    def counted(source: Any) -> Any:
        decoded.append(source)
        return decode(source)

    monkeypatch.setattr(images, "read", counted)
    app = give(look_elsewhere(give(opened("classify", model="quick"), "0.png")), "1.png")
    assert len(decoded) == 4, "each once for the networks, once to be shown"
    remove(app).click()
    checked(app)
    assert len(decoded) == 6, "what is still there is read anew"
