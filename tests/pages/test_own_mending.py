"""Own pictures looked through and their labels mended, on the page Data."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cifar_core import settings
from cifar_core.datasets import own, own_editing
from cifar_core.datasets.own_adding import add
from cifar_core.datasets.own_changes import CHANGES, OUT
from pages.parts import data_look, data_tiles
from tests.datasets.own_sources import NAMES, in_folder, shape, shapes
from tests.model_directories import run_that_is
from tests.pages import checked, opened
from tests.pictures import encode, photo

pytestmark = pytest.mark.usefixtures("cache", "datasets", "runs")

LOOK, DOUBTS = "Look through", "Doubtful labels"


@pytest.fixture
def added(datasets: Path, tmp_path: Path) -> own.Own:  # noqa: ARG001
    files = shapes(12)
    files |= {f"{NAMES[0]}/copy.png": files[f"{NAMES[0]}/000.png"]}
    files |= {f"{NAMES[1]}/*darker*.png": encode(shape(0, 1).point(lambda value: value * 4 // 5), "PNG")}
    return add("shapes", in_folder(tmp_path / "given", files)).dataset


def now() -> own.Own:
    found = own.find("shapes")
    assert found is not None
    return found


def row_of(name: str) -> int:
    [row] = np.flatnonzero(now().stored().names == name)
    return int(row)


def shown(app: AppTest) -> list[int]:
    """The rows of the pictures that are shown."""
    return [int(str(box.key).rpartition("-")[2]) for box in app.checkbox]


def tick(app: AppTest, *rows: int) -> None:
    for row in rows:
        app.checkbox(key=data_tiles.chosen_key(now(), row)).check()


def press(app: AppTest, label: str) -> AppTest:
    [button] = [item for item in app.button if item.label == label]
    button.click()
    return checked(app)


def kind(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key="look-kind-shapes").set_value(name)
    return checked(app)


@pytest.mark.usefixtures("added")
def test_a_picture_is_moved_taken_out_and_each_is_taken_back() -> None:
    app = opened("data", data="shapes", view=LOOK)
    assert any("lightbulb" in item.value and "Few" in item.value for item in app.markdown)
    before, row = now().facts.digest, row_of(f"{NAMES[0]}/copy.png")
    tick(app, row)
    app.selectbox(key="move-to-shapes").set_value(NAMES[2])
    press(app, "Move")
    assert not app.error
    assert now().class_names[now().labels().labels[row]] == NAMES[2]
    assert any(f"1 picture given to “{NAMES[2]}”" in item.value for item in app.caption)

    [other, *_] = shown(app)
    assert not any(box.value for box in app.checkbox)
    tick(app, other)
    press(app, "Take out")
    assert now().labels().labels[other] == OUT
    assert shown(kind(app, data_look.TAKEN_OUT)) == [other]

    press(app, "Undo")
    press(app, "Undo")
    assert now().facts.digest == before
    assert "own-undo" not in [button.key for button in app.button]
    assert len((now().path / CHANGES).read_bytes().splitlines()) == 4


@pytest.mark.usefixtures("added")
def test_copies_and_look_alikes_stand_side_by_side_also_of_two_classes() -> None:
    app = kind(opened("data", data="shapes", view=LOOK), data_look.ALIKE)
    assert {box.label for box in app.checkbox} == {"000.png", "copy.png", "001.png", r"\*darker\*.png"}
    app = kind(app, data_look.ACROSS)
    assert {box.label for box in app.checkbox} == {"001.png", r"\*darker\*.png"}
    assert sum("two classes" in item.value for item in app.caption) == 2
    app.selectbox(key="look-class-shapes").set_value(1 + now().class_names.index(NAMES[2]))
    assert "There are no such pictures." in [item.value for item in checked(app).info]


@pytest.mark.usefixtures("added")
def test_nothing_is_done_without_a_choice_or_where_a_class_would_be_empty() -> None:
    app = opened("data", data="shapes", view=LOOK)
    assert "Choose pictures first" in press(app, "Take out").error[0].value
    index = now().stored()
    [*others, last] = np.flatnonzero((index.labels == 0) & index.test).tolist()
    own_editing.give("shapes", others, None)
    app = opened("data", data="shapes", view=LOOK)
    tick(app, last)
    assert "would have too little left" in press(app, "Take out").error[0].value
    assert now().labels().labels[last] == 0


@pytest.mark.parametrize("label", ["Move", "Take out", "Undo"])
def test_a_click_on_a_button_drawn_before_changes_no_label(
    added: own.Own, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    own_editing.give("shapes", [row_of(f"{NAMES[0]}/copy.png")], NAMES[1])
    app, log = opened("data", data="shapes", view=LOOK), (added.path / CHANGES).read_bytes()
    tick(app, 1)
    monkeypatch.setenv(settings.OPERATORS.name, "nobody")
    assert "switched off" in press(app, label).error[0].value
    assert (added.path / CHANGES).read_bytes() == log
    assert not app.checkbox
    assert not {"Move", "Take out", "Undo", "Find doubtful labels"} & {item.label for item in app.button}
    app = opened("data", data="shapes", view=DOUBTS)
    assert not {"Move", "Take out", "Undo", "Find doubtful labels"} & {item.label for item in app.button}


def test_what_a_run_learns_from_is_not_changed(added: own.Own, runs: Path) -> None:
    app = opened("data", data="shapes", view=LOOK)
    run_that_is("running", runs / "one", dataset=added.facts.to_dict())
    tick(app, 1)
    assert "The run “one” learns from “shapes”" in press(app, "Take out").error[0].value
    assert not (added.path / CHANGES).exists()


def test_a_damaged_log_is_said_and_the_changes_can_be_forgotten(added: own.Own) -> None:
    (added.path / CHANGES).write_text("nonsense\n")
    app = opened("data", data="shapes", view=LOOK)
    assert "is damaged (line 1)" in app.error[0].value
    app.button(key="own-forget-shapes").click()
    assert not checked(app).error
    assert now().facts == added.facts


def test_a_wrong_label_is_doubted_and_moved_as_proposed(tmp_path: Path) -> None:
    colours = {"blue": (20, 40, 220), "green": (30, 200, 40), "red": (220, 30, 30)}
    seeds = itertools.count()

    def picture(name: str) -> bytes:
        tint = Image.new("RGB", (40, 40), colours[name])
        return encode(Image.blend(photo(40, 40, next(seeds)), tint, 0.6), "PNG")

    files = {f"{name}/{n}.png": picture(name) for name in colours for n in range(20)}
    files |= {"blue/wrong.png": picture("red"), "red/wrong.png": picture("green")}
    add("shapes", in_folder(tmp_path / "given", files))
    app = opened("data", data="shapes", view=DOUBTS)
    app.selectbox(key="doubts-model").set_value("quick")
    press(app, "Find doubtful labels")
    wrong = [row_of(f"{name}/wrong.png") for name in ("blue", "red")]
    assert set(shown(app)) == set(wrong)

    tick(app, wrong[0])
    press(app, "Move as proposed")
    assert now().class_names[now().labels().labels[wrong[0]]] == "red"
    assert shown(app) == [wrong[1]]
    tick(app, wrong[1])
    press(app, "Keep")
    assert now().class_names[now().labels().labels[wrong[1]]] == "red"
    assert any("No label is doubted any more" in item.value for item in app.success)
    press(app, "Undo")
    assert shown(app) == [wrong[1]]
