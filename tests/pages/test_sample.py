"""The sample dialog as a script: what it says, of a model that needs no download."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import formats
from cifar_core.datasets.registry import DIGITS
from cifar_core.inference import calibration, neighbours
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.saliency import MASKS
from cifar_core.runs.model_dir import ModelDirectory
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("cache")


def alts(app: AppTest) -> list[str]:
    return [element.proto.imgs[0].alt for element in app.get("image")]


def button(app: AppTest, label: str) -> AppTest:
    [found] = [button for button in app.button if button.label == label]
    found.click()
    return checked(app)


def mistakes(model: ModelDirectory) -> list[int]:
    predictions = model.predictions()
    wrong = predictions["test"].argmax(axis=1) != predictions["labels"]
    return [int(index) for index in wrong.nonzero()[0]]


def test_it_says_what_the_model_makes_of_the_image_and_what_mattered(digits: ModelDirectory) -> None:
    index = mistakes(digits)[0]
    predictions, card = digits.predictions(), digits.card()
    probabilities = calibration.temperature_scale(predictions["test"][[index]], card["temperature"])[0]
    guess, true = str(probabilities.argmax()), str(predictions["labels"][index])
    app = opened("evaluate", model="linear", sample=str(index))
    said = "\n".join(element.value for element in app.markdown)
    assert f"**{guess}**, {formats.percent(probabilities.max())} sure · wrong" in said
    assert f"Its label is **{true}**." in said
    assert alts(app) == [
        f"test image {index}, {true}",
        f"what mattered to linear for {true}",
        f"what mattered to linear for {guess}",
    ]


def test_both_maps_come_of_the_same_looks(digits: ModelDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    answer = Classifier.probabilities

    def counted(classifier: Classifier, pictures: np.ndarray) -> np.ndarray:
        asked.append(len(pictures))
        return answer(classifier, pictures)

    monkeypatch.setattr(Classifier, "probabilities", counted)
    index = mistakes(digits)[0]
    app = opened("evaluate", model="linear", sample=str(index))
    assert len([alt for alt in alts(app) if alt.startswith("what mattered")]) == 2
    assert asked.count(MASKS) == 1
    addresses = {element.proto.imgs[0].url for element in app.get("image")}
    assert len(addresses) == 3  # of the picture, and of a map for each class


def test_the_nearest_training_images_are_found_once_and_then_stand_there(digits: ModelDirectory) -> None:
    index = mistakes(digits)[0]
    app = button(opened("evaluate", model="linear", sample=str(index)), "Find them")
    features = Classifier(digits.onnx_path).outputs(DIGITS.load("test").images[[index]]).features[0]
    kept = neighbours.kept(digits, DIGITS)
    assert kept is not None
    labels = DIGITS.load("train").labels
    expected = [f"training image {place}, {labels[place]}" for place in kept.nearest(features, 8)]
    assert alts(app)[3:] == expected
    again = opened("evaluate", model="linear", sample=str(index))
    assert alts(again)[3:] == expected
    assert "Find them" not in [button.label for button in again.button]


def test_next_and_previous_follow_the_gallery_and_end_with_it(digits: ModelDirectory) -> None:
    app = opened("evaluate", model="linear", true="any class", predicted="any class", sample="0")
    rows = len(mistakes(digits))
    first = next(iter(app.get("bidi_component"))).proto.json
    index = int(first.split("test image ")[1].split(":")[0])
    app.query_params["sample"] = str(index)
    checked(app)
    [previous, following] = [b for b in app.button if b.label in ("Previous", "Next")]
    assert previous.disabled
    assert not following.disabled
    assert any(f"Test image {index} · 1 of {rows}" in element.value for element in app.markdown)
    button(app, "Next")
    assert any(f" · 2 of {rows}" in element.value for element in app.markdown)
    button(app, "Previous")
    assert any(f"Test image {index} · 1 of {rows}" in element.value for element in app.markdown)


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("sample", ["", "360", "-1", "9" * 5_000, "²", "x"])
def test_an_address_that_names_no_test_image_opens_no_dialog(sample: str) -> None:
    app = opened("evaluate", model="linear", sample=sample)
    assert "Classify this" not in [button.label for button in app.button]
