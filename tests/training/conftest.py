from pathlib import Path

import keras
import numpy as np
import pytest

from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch
from cifar_core.training import fit

fit.use_all_cores()  # TensorFlow takes it only before its first operation


@pytest.fixture(scope="session")
def vgg16_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that stands in for VGG16's ImageNet weights where it does not matter what they are."""
    path = tmp_path_factory.mktemp("vgg16") / "vgg16.weights.h5"
    model, random = keras.applications.VGG16(include_top=False, weights=None), np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            deviation = (1.5 / kernel[..., 0].size) ** 0.5  # so that what goes through shrinks, but slowly
            layer.set_weights([random.normal(0, deviation, kernel.shape), bias])
    model.save_weights(path)
    return path


@pytest.fixture
def random_vgg16(vgg16_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGG16_WEIGHTS", str(vgg16_weights))


@pytest.fixture(scope="session")
def train_set(cifar10_folder: object) -> Batch:  # noqa: ARG001
    return cifar10.load_train()
