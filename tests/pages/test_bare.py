"""A machine with nothing but the clone: every page leads somewhere, and offers what is missing."""

import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import settings
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.recipe import Recipe
from cifar_core.recipes import RECIPES
from cifar_core.runs import downloads, jobs
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches
from tests.model_directories import made
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("runs", "cache")

OFFER = "Download CIFAR-10 (170 MB)"
PAGES = ["overview", "data", "train", "evaluate", "compare", "classify", "deploy"]


def words(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.success, *app.title]
    return "\n".join(str(element.value) for element in elements)


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def links(app: AppTest) -> list[tuple[str, str]]:
    found = [element.proto for element in app.get("page_link")]
    return [(link.label, link.query_string) for link in found]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_ends_in_what_is_missing(page: str) -> None:
    app = opened(page)
    assert not app.error
    assert not app.warning
    assert buttons(app) or links(app)
    assert not [setting.name for setting in settings.SETTINGS if setting.name in words(app)]


def test_the_first_page_has_three_ways_to_begin_that_work() -> None:
    app = opened("overview")
    assert ("Try an example", "example=flower") in links(app)
    assert "half a minute, on handwritten digits" in words(app)
    assert buttons(app).count(OFFER) == 1


@pytest.mark.parametrize(("example", "shown"), [("flower", "a flower"), ("roof", "a roof"), ("digit", "a 1")])
def test_an_example_gets_an_answer(example: str, shown: str) -> None:
    app = opened("classify", model="quick", example=example)
    [verdict] = [item.value for item in app.markdown if item.value.startswith("## ")]
    assert verdict.endswith(f"it is {shown}")
    assert ("right" in verdict) == ("none of these" in verdict)


def test_an_example_is_one_click_away_and_makes_room_for_a_picture_of_ones_own() -> None:
    app = opened("classify", model="quick")
    assert "Test image" not in buttons(app)
    [button] = [item for item in app.button if item.label == "Digit"]
    button.click()
    assert checked(app).query_params["example"] == "digit"
    assert "digit" in [text.value for text in app.text]


def test_a_link_to_a_test_image_offers_the_test_images() -> None:
    app = opened("classify", model="quick", image="12")
    assert "With them, you can classify its test images" in words(app)
    assert OFFER in buttons(app)


@pytest.mark.parametrize(
    "view", ["Per class", "Calibration", "Humans", "Robustness", "None of these", "Curves"]
)
def test_the_mistakes_are_told_from_the_predictions_alone(view: str) -> None:
    app = opened("evaluate", model="fast", view=view)
    assert re.search(r"\*\*\d+\*\* images of “cat” taken for “dog”", words(app))
    assert "With them, you see the images here" in words(app)
    assert buttons(app).count(OFFER) == 1
    assert [item.proto.label for item in app.get("download_button")] == ["All its mistakes (CSV)"]
    assert not app.get("image")


@pytest.mark.parametrize("view", ["Per class", "Who is right", "Curves", "Cleaner test sets"])
def test_models_are_compared_by_the_predictions_alone(view: str) -> None:
    app = opened("compare", models="quick,fast", view=view)
    assert app.query_params["view"] == view
    assert ("If both were equally good" in words(app)) == (view == "Who is right")
    assert buttons(app).count(OFFER) == (view == "Who is right")


def test_a_server_is_asked_about_pieces_of_photographs() -> None:
    app = opened("deploy", model="quick")
    labels = [item.proto.label for item in app.get("download_button")]
    assert "Download request.json (piece 12 of a photograph)" in labels


def test_a_first_training_takes_two_clicks(monkeypatch: pytest.MonkeyPatch, runs: Any) -> None:
    started: list[tuple[Recipe, str]] = []

    def start(recipe: Recipe, dataset: Dataset, title: str) -> ModelDirectory:
        started.append((recipe, dataset.name))
        assert not title  # so that it gets one by itself
        return made(runs / "first", recipe, dataset=dataset.facts.to_dict())

    monkeypatch.setattr(jobs, "start", start)
    app = opened("train")
    assert app.selectbox(key="dataset").value == DIGITS.name
    [button] = [item for item in app.button if item.label == "Train Quick"]
    button.click()
    checked(app)
    recipe = RECIPES["quick"].on(DIGITS.sizes["train"])
    assert started == [(recipe, DIGITS.name)]
    assert app.query_params["run"] == "first"
    assert "Quick" in [caption.value for caption in app.caption]  # with nothing that is not its own


def test_cifar10_can_be_chosen_and_fetched_where_one_trains() -> None:
    app = opened("train")
    shown = {item.label: (item.value, item.max) for item in app.number_input}
    assert shown["Training images"] == (1_437, 1_437)
    assert shown["Epochs"][0] == RECIPES["quick"].on(1_437).epochs
    app.selectbox(key="dataset").set_value(CIFAR10.name)
    checked(app)
    shown = {item.label: (item.value, item.max) for item in app.number_input}
    assert shown["Training images"] == (50_000, 50_000)
    assert shown["Epochs"][0] == RECIPES["quick"].epochs
    assert OFFER in buttons(app)
    [button] = [item for item in app.button if item.label == "Start"]
    assert button.disabled


@pytest.mark.parametrize("page", ["overview", "data", "evaluate"])
def test_a_click_starts_the_download(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    monkeypatch.setattr(downloads, "start", lambda: asked.append(None))
    app = opened(page)
    [button] = [item for item in app.button if item.label == OFFER]
    button.click()
    checked(app)
    assert len(asked) == 1


def test_the_datasets_are_listed_and_the_one_that_is_here_is_shown() -> None:
    app = opened("data", data=CIFAR10.name)
    assert app.query_params["data"] == DIGITS.name
    assert "50,000 images to learn from, 10,000 to test with" in words(app)
    assert "1,437 images to learn from, 360 to test with" in words(app)
    labels = caches.test_set(DIGITS.facts).labels
    alts = [element.proto.imgs[0].alt for element in app.get("image")]
    assert alts[0] == f"test image {int((labels == 0).argmax())}, 0"
    assert len(alts) == 120
