"""The map on Evaluate, as a script, of a model that needs no download."""

import json
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core.datasets.registry import DIGITS
from cifar_core.inference import embedding
from cifar_core.inference.embedding import Box, Embedding
from cifar_core.runs.model_dir import ModelDirectory
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("cache")

WHOLE = "-9,9,-9,9"


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.info])


def tiles(app: AppTest) -> list[int]:
    """The test images on the page: those of the gallery beside the matrix, then those beside the map."""
    found = [json.loads(element.proto.json)["alt"] for element in app.get("bidi_component")]
    return [int(name.split(":")[0].removeprefix("test image ")) for name in found]


def kept(model: ModelDirectory) -> Embedding:
    found = embedding.kept(model, DIGITS, DIGITS.sizes["test"])
    assert found is not None
    return found


def test_opening_it_looks_at_the_test_images_once_and_shows_all(digits: ModelDirectory) -> None:
    said = words(opened("evaluate", model="linear", view="Map"))
    predictions = digits.predictions()
    mistakes = int((predictions["test"].argmax(axis=1) != predictions["labels"]).sum())
    assert "**360** images on the map" in said
    assert f"A cross is a mistake: {mistakes} of 360." in said
    written = embedding.place(digits, DIGITS, 360).stat().st_mtime_ns
    opened("evaluate", model="linear", view="Map")
    assert embedding.place(digits, DIGITS, 360).stat().st_mtime_ns == written


def test_a_closed_view_costs_nothing(digits: ModelDirectory) -> None:
    opened("evaluate", model="linear", view="Curves")
    assert embedding.kept(digits, DIGITS, 360) is None


def test_a_box_in_the_address_shows_the_images_in_it(digits: ModelDirectory) -> None:
    opened("evaluate", model="linear", view="Map")
    found = kept(digits)
    positions = found.positions("PCA")
    box = Box(*(float(f"{end:.6g}") for axis in positions.T for end in np.quantile(axis, [0.4, 0.7])))
    inside = found.images[embedding.inside(positions, box)]
    assert len(inside) > 2
    app = opened("evaluate", model="linear", view="Map", box=",".join(map(str, box)))
    assert f"**{len(inside)}** images in the box" in words(app)
    assert set(tiles(app)[-min(len(inside), 18) :]) <= set(inside.tolist())
    assert "**0** images in the box" in words(opened("evaluate", model="linear", view="Map", box="7,8,7,8"))


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("box", ["", "1,2,3", "nan,1,2,3", "a,b,c,d", "1,2,3,4,5"])
def test_an_address_that_names_no_box_shows_all(box: str) -> None:
    assert "**360** images on the map" in words(opened("evaluate", model="linear", view="Map", box=box))


def test_tsne_arranges_them_after_a_click_and_keeps_it(digits: ModelDirectory) -> None:
    app = opened("evaluate", model="linear", view="Map", map="t-SNE")
    assert "images on the map" not in words(app)
    [button] = [button for button in app.button if button.label == "Arrange them"]
    button.click()
    assert "**360** images on the map" in words(checked(app))
    assert kept(digits).tsne.shape == (360, 2)
    app = opened("evaluate", model="linear", view="Map", map="t-SNE")
    assert "**360** images on the map" in words(app)
    assert "Arrange them" not in [button.label for button in app.button]


def test_a_box_of_one_map_is_forgotten_on_another(digits: ModelDirectory) -> None:
    app = opened("evaluate", model="linear", view="Map", box=WHOLE)
    embedding.arranged(kept(digits)).save(embedding.place(digits, DIGITS, 360))
    assert "**360** images in the box" in words(app)
    app.button_group(key="map-way").set_value("t-SNE")
    assert "**360** images on the map" in words(checked(app))
    assert "box" not in app.query_params


def test_an_image_of_its_gallery_opens_the_dialog_once_and_leads_through_the_box(
    digits: ModelDirectory,
) -> None:
    opened("evaluate", model="linear", view="Map")
    right = np.flatnonzero(digits.predictions()["test"].argmax(axis=1) == digits.predictions()["labels"])[0]
    app = opened("evaluate", model="linear", view="Map", box=WHOLE, sample=str(right), of="map")
    assert any(f"Test image {right} · " in text and " of 360" in text for text in words(app).splitlines())
    app = opened("evaluate", model="linear", view="Map", box=WHOLE, sample=str(right))
    assert f"Test image {right}" in words(app).splitlines()  # of the gallery above, where it is not


def test_without_its_images_it_says_so(digits: ModelDirectory) -> None:
    config = digits.config()
    digits.write_config(replace(config, dataset=replace(config.dataset, digest="0" * 64)))
    said = words(opened("evaluate", model="linear", view="Map"))
    assert "has changed since the model learned from it. With it, you see a map of its images here." in said
