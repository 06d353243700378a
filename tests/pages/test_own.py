"""The visitor's own pictures on the page Data: from a folder, a file or a place, to a dataset to learn."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import images, settings
from cifar_core.datasets import own
from cifar_core.datasets.registry import get_dataset
from pages.parts import data_own, recorder
from tests.datasets.own_sources import NAMES, in_folder, in_zip, shape, shapes
from tests.model_directories import run_that_is
from tests.pages import checked, opened
from tests.pictures import encode

pytestmark = pytest.mark.usefixtures("cache", "datasets", "runs")


def added(app: AppTest, name: str) -> AppTest:
    app.text_input(key="own-name").set_value(name)
    checked(app)
    app.button(key="own-add").click()
    return checked(app)


def from_place(place: Path, name: str = "shapes") -> AppTest:
    app = opened("data")
    app.segmented_control(key="own-way").set_value(data_own.PATH)
    checked(app)
    app.text_input(key="own-path").set_value(str(place))
    return added(app, name)


def test_pictures_of_a_place_become_a_dataset_that_is_shown_and_can_be_learned(tmp_path: Path) -> None:
    files = {**shapes(), f"{NAMES[0]}/broken.png": b"no picture"}
    app = from_place(in_folder(tmp_path / "given", files))
    assert own.names() == ["shapes"]
    assert app.query_params["data"] in ("shapes", ["shapes"])  # as AppTest gives what a script wrote
    [said] = app.success
    assert "“shapes” is here" in said.value
    assert "3 classes" in said.value
    assert any(f"{NAMES[0]}/broken.png" in text.value for text in app.text)

    app.button(key="own-learn").click()
    checked(app)
    assert app.selectbox(key="dataset").value == "shapes"
    assert app.selectbox(key="recipe").value == "transfer"


def test_a_file_that_is_uploaded_is_taken_and_not_kept(tmp_path: Path) -> None:
    archive = in_zip(tmp_path / "shapes.zip", shapes())
    app = opened("data")
    app.segmented_control(key="own-way").set_value(data_own.FILE)
    checked(app)
    app.file_uploader(key="own-file").set_value(("shapes.zip", archive.read_bytes(), "application/zip"))
    added(app, "shapes")
    assert get_dataset("shapes").class_names == tuple(sorted(NAMES))


def test_a_folder_that_is_uploaded_keeps_its_folders() -> None:
    app = opened("data")
    given = [(f"given/{name}", content, "image/png") for name, content in shapes().items()]
    app.file_uploader(key="own-folder").set_value(given)
    added(app, "shapes")
    assert get_dataset("shapes").class_names == tuple(sorted(NAMES))


@pytest.mark.parametrize(
    "name", ["../a/x.png", "/a/x.png", "a/../../x.png", "C:/a/x.png", "x.png", "..\\a\\x.png"]
)
def test_an_uploaded_name_leads_nowhere_else(name: str) -> None:
    app = opened("data")
    files = shapes(1)
    app.file_uploader(key="own-folder").set_value([(name, next(iter(files.values())), "image/png")])
    added(app, "shapes")
    assert "does not lie in a folder of its class" in app.error[0].value
    assert own.names() == []


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("", "given", "A dataset's name may hold"),
        ("cifar10", "given", "comes with the app"),
        ("shapes", "nowhere", "There is no folder or file"),
    ],
)
def test_what_cannot_be_taken_is_said(tmp_path: Path, name: str, place: str, said: str) -> None:
    in_folder(tmp_path / "given", shapes())
    app = from_place(tmp_path / place, name)
    assert said in app.error[0].value
    assert own.names() == []


def test_nothing_is_added_before_pictures_are_here() -> None:
    app = opened("data")
    assert app.button(key="own-add").disabled  # as it is while a browser uploads them
    app.segmented_control(key="own-way").set_value(data_own.PATH)
    checked(app)
    added(app, "shapes")
    assert "Choose the pictures first." in [info.value for info in app.info]


def test_a_dataset_is_removed_after_a_question_that_says_what_goes(tmp_path: Path) -> None:
    app = from_place(in_folder(tmp_path / "given", shapes()))
    said = next(item.value for item in app.markdown if item.value.startswith("This deletes the pictures"))
    assert "“shapes”" in said
    app.button(key="own-remove-shapes").click()
    checked(app)
    assert own.names() == []
    assert not app.success
    assert not app.error


def test_what_a_run_learns_from_is_not_removed(tmp_path: Path, runs: Path) -> None:
    app = from_place(in_folder(tmp_path / "given", shapes()))
    run_that_is("running", runs / "one", dataset=get_dataset("shapes").facts.to_dict())
    app.button(key="own-remove-shapes").click()
    assert "The run “one” learns from “shapes”; stop it first" in checked(app).error[0].value
    assert own.names() == ["shapes"]


@pytest.mark.parametrize("name", [own.ABOUT, own.INDEX, own.PICTURES])
def test_a_damaged_dataset_is_said_and_can_be_removed(tmp_path: Path, name: str) -> None:
    from_place(in_folder(tmp_path / "given", shapes()))
    (own.folder_of("shapes") / name).unlink()
    (own.folder_of("shapes") / own.ABOUT).touch()
    app = opened("data", data="shapes")
    assert any(f"{name} of the dataset “shapes” is missing or damaged" in item.value for item in app.error)
    app.button(key="own-remove-shapes").click()
    assert not checked(app).error
    assert own.names() == []


@pytest.mark.parametrize("take_away", ["nobody", "ada@example.org"])
def test_a_click_on_a_button_drawn_before_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take_away: str
) -> None:
    app = from_place(in_folder(tmp_path / "given", shapes()))
    monkeypatch.setenv(settings.OPERATORS.name, take_away)
    app.button(key="own-remove-shapes").click()
    assert checked(app).error
    assert own.names() == ["shapes"]
    assert "own-remove-shapes" not in [button.key for button in app.button]


def test_what_a_webcam_recorded_becomes_a_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    app, came = opened("data"), dict[str, Any]()
    monkeypatch.setattr(recorder, "record", lambda _: came.pop("burst", None))
    app.segmented_control(key="own-way").set_value(data_own.WEBCAM)
    checked(app)
    for kind, name in enumerate(NAMES):
        app.text_input(key="own-burst-class").set_value(name)
        for number in range(4):
            frames = [encode(shape(kind, 10 * number + place), "JPEG") for place in range(2)]
            came["burst"] = [images.data_url(frame, "jpeg") for frame in frames]
            checked(app)
    assert any(f"**{NAMES[0]}** · recorded 4 times, 8 pictures" in item.value for item in app.markdown)
    came["burst"] = ["nonsense"]
    assert "What came from the camera is no picture" in checked(app).error[0].value
    app.button(key="own-burst-undo").click()
    assert any(
        f"**{NAMES[2]}** · recorded 3 times, 6 pictures" in item.value for item in checked(app).markdown
    )
    added(app, "shapes")
    found = get_dataset("shapes")
    assert sum(found.sizes.values()) == 22
    assert not [item for item in app.markdown if "· recorded" in item.value]


@pytest.mark.usefixtures("stranger")
def test_strangers_add_nothing() -> None:
    app = opened("data")
    assert "own-add" not in [button.key for button in app.button]
    assert not app.file_uploader
