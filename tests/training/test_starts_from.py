"""A training that begins with what another model has learned."""

import keras
import numpy as np
import pytest

from cifar_core.datasets.dataset import normalise
from cifar_core.errors import CifarLabError, ModelDirectoryError
from cifar_core.paths import models_root
from cifar_core.recipes import RECIPES, get_recipe
from cifar_core.runs import catalogue
from cifar_core.training import architectures, bases
from tests.pictures import photos

PICTURES = normalise(photos(8))
QUICK = get_recipe("quick")


def begun(classes: int) -> keras.Model:
    network = architectures.build(QUICK.network, QUICK.network_options, classes=classes, fused=True)
    bases.take_weights(network, "quick")
    return network


def features(network: keras.Model) -> np.ndarray:
    return np.asarray(keras.Model(network.input, network.get_layer("features").output)(PICTURES))


@pytest.fixture(scope="module")
def quick() -> keras.Model:
    return keras.models.load_model(models_root() / "quick" / "model.keras", compile=False)


def test_it_answers_as_the_other_before_its_first_step(quick: keras.Model) -> None:
    answers = architectures.with_probabilities(begun(classes=10))(PICTURES)
    np.testing.assert_allclose(answers, quick(PICTURES), atol=1e-4)


def test_of_other_classes_it_takes_all_but_the_output(quick: keras.Model) -> None:
    network = begun(classes=3)
    assert network.output.shape == (None, 3)
    np.testing.assert_allclose(features(network), features(quick), atol=1e-3)


def test_another_network_is_refused() -> None:
    network = architectures.build("airbench", {"widths": [8, 16, 16], "activation": "relu"})
    before = [np.asarray(weight) for weight in network.weights]
    with pytest.raises(CifarLabError, match="another network"):
        bases.take_weights(network, "quick")
    assert all(np.array_equal(old, new) for old, new in zip(before, network.weights, strict=True))


def test_a_model_that_is_not_here_is_named() -> None:
    network = architectures.build(QUICK.network, QUICK.network_options)
    with pytest.raises(ModelDirectoryError, match="absent"):
        bases.take_weights(network, "absent")


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.starts_from])
def test_what_a_recipe_starts_from_is_shipped_and_of_its_network(name: str) -> None:
    recipe = RECIPES[name]
    other = catalogue.find_model(recipe.starts_from).recipe()
    assert (other.network, other.network_options) == (recipe.network, recipe.network_options)
    assert other.split == recipe.split  # or it would be validated on what the other learned from
