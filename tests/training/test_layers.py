"""What a network finds on its way to an answer, against Keras' own layers."""

from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from keras.layers import Activation, BatchNormalization, Conv2D, Layer
from scipy.special import softmax

from cifar_core import paths
from cifar_core.datasets.dataset import normalise
from cifar_core.inference.inside import inside
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training import architectures, export
from tests.model_directories import made
from tests.pictures import photos

PICTURE = photos(3)[2]


class Kind(NamedTuple):
    """Which layers of a type, counted through the network, come last before the maps shrink."""

    layer: type[Layer]
    places: tuple[int, ...]


AIRBENCH, REPORT = Kind(Activation, (0, 2, 4, 6)), Kind(BatchNormalization, (1, 3, 5, 7))
VGG16 = Kind(Conv2D, (1, 3, 6, 9, 12))
NETWORKS: dict[str, tuple[str, dict[str, Any], Kind]] = {
    "airbench": ("airbench", {"widths": [8, 16, 16], "activation": "relu"}, AIRBENCH),
    "airbench with exact GELU": ("airbench", {"widths": [8, 16, 16], "activation": "gelu"}, AIRBENCH),
    "the report's": ("report_cnn", {}, REPORT),
    "VGG16": ("vgg16", {"hidden": 16, "dropout": 0.5}, VGG16),
    "transfer from VGG16": ("transfer", {"base": "imagenet", "size": 32}, VGG16),
    "transfer from a model": ("transfer", {"base": "quick", "size": 32}, AIRBENCH),
}


def agree(directory: ModelDirectory, model: keras.Model, kind: Kind) -> None:
    """Each array of a model's way is what the layer of the Keras model returns."""
    alike = [layer for layer in model.layers if isinstance(layer, kind.layer)]
    convolutions = [layer for layer in model.layers if isinstance(layer, Conv2D)]
    ends = [*(alike[place] for place in kind.places), *map(model.get_layer, ("features", "logits"))]
    ends_of = keras.Model(model.input, [layer.output for layer in ends])
    *maps, features, logits = (np.asarray(each)[0] for each in ends_of(normalise(PICTURE[None])))
    way = inside(directory).layers.way(PICTURE)
    assert way.filters is not None
    expected = {
        "filters": (way.filters, np.asarray(convolutions[0].kernel).transpose(3, 2, 0, 1)),
        "features": (way.outputs.features[0], features),
        "logits": (way.outputs.logits[0], logits),
        "probabilities": (way.outputs.probabilities[0], softmax(logits)),
    }
    assert len(way.blocks) == len(maps)
    for block, (found, theirs) in enumerate(zip(way.blocks, maps, strict=True), 1):
        expected[f"block {block}"] = found, theirs.transpose(2, 0, 1)
    for name, (found, theirs) in expected.items():
        assert theirs.std() > 0, name
        np.testing.assert_allclose(found, theirs, atol=1e-3 * max(np.abs(theirs).max(), 1e-3), err_msg=name)


@pytest.mark.usefixtures("random_vgg16")
@pytest.mark.parametrize("name", NETWORKS)
def test_every_array_is_that_of_the_keras_layer(name: str, tmp_path: Path) -> None:
    network, options, kind = NETWORKS[name]
    keras.utils.set_random_seed(0)
    model = architectures.build(network, options)
    architectures.start(model, photos(8))
    random = np.random.default_rng(0)  # statistics of batch norm, biases and an output as after a training
    weights = [w if w.ndim == 4 else random.uniform(0.5, 1.5, w.shape) for w in model.get_weights()]
    model.set_weights([w if w.ndim != 2 else w - w.mean(axis=0) for w in weights])
    directory = made(tmp_path / "mine")
    export.save(architectures.with_probabilities(model), directory)
    agree(directory, model, kind)


@pytest.mark.parametrize(
    ("name", "kind"), [("best", AIRBENCH), ("quick", AIRBENCH), ("report", REPORT), ("vgg16", VGG16)]
)
def test_of_a_model_that_comes_along_too(name: str, kind: Kind) -> None:
    directory = ModelDirectory(paths.models_root() / name)
    agree(directory, keras.models.load_model(directory.keras_path, compile=False), kind)
