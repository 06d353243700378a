"""Where a picture lies among the test images, in the closer look of Classify."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import images
from cifar_core.datasets.own_adding import add
from cifar_core.datasets.registry import DIGITS
from cifar_core.inference import embedding
from cifar_core.inference.features import directions
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from tests.datasets.own_sources import in_folder, shape, shapes
from tests.linear_models import learned
from tests.pages import addressed, checked
from tests.pictures import encode, photos

pytestmark = pytest.mark.usefixtures("cache")


def opened_map(**query: object) -> AppTest:
    app = addressed("classify", sample="0", **query)
    app.session_state["lies"] = True
    return checked(app)


def neighbours(app: AppTest) -> list[str]:
    found = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return [each["alt"] for each in found if each.get("alt", "").startswith("test image ")]


def by_hand(model: ModelDirectory, image: np.ndarray, count: int, but: int | None = None) -> list[str]:
    classifier, test = Classifier(model.onnx_path), model.dataset().load("test")
    seen, [own] = (directions(classifier.outputs(each).features) for each in (test.images, image[None]))
    order = np.square(seen - own).sum(axis=1).argsort().tolist()
    names = model.facts().class_names
    return [f"test image {place}, {names[test.labels[place]]}" for place in order if place != but][:count]


def test_folded_it_looks_at_nothing(digits: ModelDirectory) -> None:
    checked(addressed("classify", model="linear", image="7", sample="0"))
    assert embedding.kept(digits, DIGITS, 360) is None


def test_a_test_image_has_others_for_neighbours(digits: ModelDirectory) -> None:
    app = opened_map(model="linear", image="7")
    assert set(neighbours(app)) == set(by_hand(digits, DIGITS.load("test").images[7], 6, but=7))
    assert embedding.kept(digits, DIGITS, 360) is not None
    [chart] = app.get("vega_lite_chart")[-1:]
    layers = json.loads(chart.proto.spec)["layer"]
    assert layers[1]["mark"]["type"] == "point"


def test_an_uploaded_picture_is_placed_by_what_the_network_sees(digits: ModelDirectory) -> None:
    app = opened_map(model="linear")
    image = photos(1)[0]
    app.file_uploader(key="files").set_value([("mine.png", images.to_png(image), "image/png")])
    app.query_params["sample"] = "0"
    checked(app)
    assert set(neighbours(app)) == set(by_hand(digits, image, 6))


def test_a_click_on_a_neighbour_leads_to_its_closer_look(digits: ModelDirectory) -> None:
    app = opened_map(model="linear", image="7")
    app.session_state["neighbour"] = 5  # as the click leaves it
    checked(app)
    assert [each.value for each in app.title] == ["Evaluate"]
    assert (app.query_params["model"], app.query_params["sample"]) == (digits.name, "5")


def test_of_several_models_the_visitor_chooses_one(digits: ModelDirectory) -> None:
    shutil.copytree(digits.path, digits.path.parent / "second")
    app = opened_map(model=["linear", "second"], image="7")
    assert app.selectbox(key="lies-model").value == "linear"
    assert len(neighbours(app)) == 6
    app.selectbox(key="lies-model").select("second")
    assert len(neighbours(checked(app))) == 6


@pytest.mark.usefixtures("datasets")
def test_of_own_pictures_the_test_images_are_ones_own(runs: Path, tmp_path: Path) -> None:
    dataset = add("shapes", in_folder(tmp_path / "source", shapes(30))).dataset
    model = learned(runs / "linear", dataset, dataset.sizes["train"])
    app = opened_map(model="linear")
    app.file_uploader(key="files").set_value([("new.png", encode(shape(0, 777), "PNG"), "image/png")])
    app.query_params["sample"] = "0"
    found = neighbours(checked(app))
    assert len(found) == 6
    names = model.facts().class_names
    labels = dataset.load("test").labels
    for each in found:
        number, name = each.removeprefix("test image ").split(", ")
        assert names[labels[int(number)]] == name
    app = checked(addressed("evaluate", model="linear", view="Map"))
    assert any(f"**{len(labels)}** images on the map" in each.value for each in app.markdown)
