"""A closer look on the Classify page: at a test image, at an uploaded picture, by several models."""

import re
import shutil
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import formats, images
from cifar_core.datasets.registry import DIGITS
from cifar_core.evaluation import what_if
from cifar_core.inference.classify import calibration_of
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import two_maps
from tests.pages import checked, opened
from tests.pages.test_sample import alts, button
from tests.pictures import photos

pytestmark = pytest.mark.usefixtures("cache")


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def nearest_by_hand(model: ModelDirectory, image: np.ndarray, count: int) -> list[str]:
    """Return the training images nearest to a picture, by the angle between their features and its own."""
    classifier, train = Classifier(model.onnx_path), DIGITS.load("train")
    features = classifier.outputs(np.concatenate([image[None], train.images])).features
    features = features / np.linalg.norm(features, axis=1, keepdims=True)
    order = np.square(features[1:] - features[0]).sum(axis=1).argsort()[:count]
    return [f"training image {place}, {train.labels[place]}" for place in order]


def test_of_a_test_image_it_says_what_mattered_and_which_training_images_are_nearest(
    digits: ModelDirectory,
) -> None:
    image = DIGITS.load("test").images[7]
    app = button(opened("classify", model="linear", image="7"), "A closer look")
    assert app.query_params["sample"] == "0"
    assert "test image 7 · 1 of 1" in words(app)
    app = button(app, "Find them")
    large = alts(app)[alts(app).index("the 32×32 pixels the network sees, large") :]
    assert large[1].startswith("what mattered to linear for ")
    assert [alt for alt in large if alt.startswith("training image")] == nearest_by_hand(digits, image, 8)


@pytest.mark.usefixtures("digits")
def test_next_and_previous_go_through_the_pictures() -> None:
    app = opened("classify", model="linear", sample="1")
    hostile = "<b>one</b> **two** [a](https://example.org).png"
    one, two = (images.to_png(array) for array in photos(2))
    app.file_uploader(key="files").set_value([(hostile, one, "image/png"), ("two.png", two, "image/png")])
    checked(app)
    assert "two.png · 2 of 2" in words(app)
    assert "the whole picture" in alts(app)
    button(app, "Previous")
    said = words(app)
    assert "· 1 of 2" in said
    assert "https://" not in said  # a name cannot become a link
    [previous, following] = [each for each in app.button if each.label in ("Previous", "Next")]
    assert (previous.disabled, following.disabled) == (True, False)


def test_several_models_stand_below_each_other(digits: ModelDirectory) -> None:
    shutil.copytree(digits.path, digits.path.parent / "second")
    app = opened("classify", model=["linear", "second"], image="7", sample="0")
    said = words(app)
    assert "**linear**: **" in said
    assert "**second**: **" in said
    assert len([each for each in app.button if each.label == "Find them"]) == 2


@pytest.mark.usefixtures("digits")
def test_without_the_training_images_it_says_so_and_shows_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("classify", model="linear", image="7", sample="0")
    monkeypatch.setattr(type(DIGITS), "available", lambda _: False)
    app.file_uploader(key="files").set_value([("one.png", images.to_png(photos(1)[0]), "image/png")])
    app.query_params["sample"] = "0"
    checked(app)
    assert "one.png · 1 of 1" in words(app)
    assert any("not on this machine" in each.value for each in app.info)


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("sample", ["", "1", "-1", "9" * 5_000, "²", "x"])
def test_an_address_that_names_no_picture_opens_none(sample: str) -> None:
    app = opened("classify", model="linear", image="7", sample=sample)
    assert "Previous" not in [each.label for each in app.button]


@pytest.mark.parametrize("page", ["classify", "evaluate"])
def test_what_if_asks_nobody_while_folded_and_then_says_still_or_now(
    digits: ModelDirectory, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(*given: Any) -> list[what_if.Changed]:
        asked.append(given[3])
        return what_if.what_if(*given)

    monkeypatch.setattr("pages.parts.what_if.what_if", counted)
    address = {"image": "7", "sample": "0"} if page == "classify" else {"sample": "7"}
    app = opened(page, model=digits.name, **address)
    assert not asked
    assert "noisy" not in words(app)
    app.session_state["what-if"] = True
    checked(app)
    assert asked == [3]
    assert "Change the picture a little" in words(app)
    image = DIGITS.load("test").images[[7]]
    found = what_if.what_if(Classifier(digits.onnx_path), calibration_of(digits), image, 3)
    assert "mirrored" not in [each.change for each in found]
    first = found[0].answer
    for change, _, answer in found:
        still = "" if change == "as it is" else "still " if answer.class_name == first.class_name else "now "
        said = f"{change}: {still}{answer.class_name}, {formats.probability(answer.confidence)}"
        if page == "classify" and answer.none_of_these:
            said = f"{change}: "
        assert any(alt.startswith(said) for alt in alts(app)), said
    app.button_group(key="what-if-strength").set_value("Strongly")
    checked(app)
    assert asked == [3, 5]


def test_what_if_of_several_models_has_one_strip(digits: ModelDirectory) -> None:
    shutil.copytree(digits.path, digits.path.parent / "second")
    app = opened("classify", model=["linear", "second"], image="7", sample="0")
    app.session_state["what-if"] = True
    checked(app)
    assert len([alt for alt in alts(app) if alt.startswith("blurred: ")]) == 1
    assert "**linear** keeps to its answer in **" in words(app)
    assert "**second** keeps to its answer in **" in words(app)


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("page", ["classify", "evaluate"])
def test_two_maps_of_two_classes_and_which_to_trust(page: str) -> None:
    address = {"image": "7", "sample": "0"} if page == "classify" else {"sample": "7"}
    app = opened(page, model="linear", **address)
    assert not [alt for alt in alts(app) if alt.endswith(", by CAM")]
    app.session_state["two-maps"] = True
    checked(app)
    found = [alt for alt in alts(app) if " by " in alt]
    assert len(found) == 4
    assert [alt.rpartition(" by ")[2] for alt in found] == ["RISE", "CAM"] * 2
    said = [each.value for each in app.caption]
    assert any(re.search(r"by RISE and .* by CAM is left|hardly thinks", each) for each in said)


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        (
            {"RISE": [0.9, 0.2], "CAM": [0.9, 0.6]},
            "On average 55.0 % by RISE and 75.0 % by CAM is left. Trust RISE",
        ),
        ({"RISE": [0.9, 0.6], "CAM": [0.9, 0.2]}, "Trust CAM here."),
        ({"RISE": [0.9, 0.6], "CAM": [0.9, 0.6]}, "by CAM is left."),
        ({"RISE": [0.9, 0.2]}, "On average 55.0 % by RISE is left."),
        ({"RISE": [0.02, 0.01], "CAM": [0.02, 0.02]}, "hardly thinks of this class"),
    ],
)
def test_the_map_to_trust_leaves_less(curves: dict[str, list[float]], said: str) -> None:
    found = two_maps.verdict({name: np.array(curve) for name, curve in curves.items()})
    assert said in found
    assert ("Trust" in found) == ("Trust" in said)
