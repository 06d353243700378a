"""The Data page: samples of every class, the balance, an image on its way to the network."""

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core.datasets import cifar10
from cifar_core.datasets.cifar10 import CLASS_NAMES
from tests.pages import opened


def alts(app: AppTest) -> list[str]:
    return [element.proto.imgs[0].alt for element in app.get("image")]


@pytest.mark.usefixtures("cifar10_folder")
def test_every_class_has_a_row_of_its_own_images() -> None:
    app, labels = opened("data"), cifar10.load_test().labels
    assert [text.value for text in app.markdown][-10:] == [f"**{name}**" for name in CLASS_NAMES]
    shown = alts(app)
    assert len(shown) == len(set(shown)) == 120
    for place, alt in enumerate(shown):
        index, name = alt.removeprefix("test image ").split(", ")
        assert name == CLASS_NAMES[place // 12] == CLASS_NAMES[labels[int(index)]]
    assert app.query_params["view"] == "Samples"


@pytest.mark.usefixtures("cifar10_folder")
def test_the_image_in_the_address_is_shown_with_its_label_and_variants() -> None:
    label = int(cifar10.load_test().labels[58])
    app = opened("data", view="An image on its way", image="58")
    assert alts(app) == [f"test image 58, {CLASS_NAMES[label]}", *["an augmented variant"] * 8]
    assert app.dataframe[0].value["target"].tolist() == [int(index == label) for index in range(10)]


@pytest.mark.usefixtures("cifar10_folder")
def test_an_unknown_view_in_the_address_opens_the_first() -> None:
    assert opened("data", view="Nonsense").query_params["view"] == "Samples"
