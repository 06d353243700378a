"""`model.keras` says nothing that Keras 3.8 does not know; opened in 3.8.0 to 3.15.1, it answers alike."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cifar_core.paths import models_root
from cifar_core.training import architectures, export
from cifar_core.training.architectures import with_probabilities

# What the classes that our networks are made of take in Keras 3.8.0, besides a layer's own options.
_LAYER = {"name", "trainable", "dtype"}
_WEIGHTS = {"kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"}
_WEIGHTS |= {"activity_regularizer", "kernel_constraint", "bias_constraint"}
_POOL = {"pool_size", "strides", "padding", "data_format"}
KERAS_3_8: dict[str, set[str]] = {
    "Activation": {"activation"},
    "BatchNormalization": {"axis", "momentum", "epsilon", "center", "scale", "synchronized"}
    | {f"{what}_initializer" for what in ("beta", "gamma", "moving_mean", "moving_variance")}
    | {f"{what}_{kind}" for what in ("beta", "gamma") for kind in ("regularizer", "constraint")},
    "Conv2D": {"filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups"}
    | {"activation", "use_bias", *_WEIGHTS},
    "DTypePolicy": set(),
    "Dense": {"units", "activation", "use_bias", "lora_rank", *_WEIGHTS},
    "Dropout": {"rate", "noise_shape", "seed"},
    "Flatten": {"data_format"},
    "GlobalMaxPooling2D": {"data_format", "keepdims"},
    "GlorotUniform": {"seed"},
    "InputLayer": {"shape", "batch_size", "batch_shape", "sparse", "input_tensor", "optional"},
    "MaxPooling2D": _POOL,
    "Ones": set(),
    "Rescaling": {"scale", "offset"},
    "Resizing": {"height", "width", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio"}
    | {"fill_mode", "fill_value", "data_format"},
    "Softmax": {"axis"},
    "VarianceScaling": {"scale", "mode", "distribution", "seed"},
    "Zeros": set(),
}


def described(saved: Any) -> Iterator[dict[str, Any]]:
    """Every object of Keras that a saved model describes, but the model itself."""
    if isinstance(saved, dict):
        if saved.get("module") and saved["class_name"] != "Functional":
            yield saved
        for value in saved.values():
            yield from described(value)
    elif isinstance(saved, list):
        for value in saved:
            yield from described(value)


def unknown(path: Path) -> set[str]:
    """What Keras 3.8 does not know in a file, and options that Keras 3.11 takes for something else."""
    with zipfile.ZipFile(path) as archive:
        found = list(described(json.loads(archive.read("config.json"))))
    assert len(found) > 10
    new = {
        f"{each['class_name']}.{option}"
        for each in found
        for option in each["config"].keys() - KERAS_3_8[each["class_name"]] - _LAYER
    }
    rescalings = [each["config"] for each in found if each["class_name"] == "Rescaling"]
    single = {"one scale, several offsets" for r in rescalings if type(r["scale"]) is not type(r["offset"])}
    return new | single


@pytest.mark.parametrize(
    "path", sorted(models_root().glob("*/model.keras")), ids=lambda path: path.parent.name
)
def test_shipped_models_open_in_keras_3_8(path: Path) -> None:
    assert unknown(path) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("report_cnn", {}),
        ("airbench", {"widths": [16, 32, 32], "activation": "gelu"}),
        ("vgg16", {"hidden": 8, "dropout": 0.5, "size": 48}),
    ],
)
def test_what_is_exported_opens_in_keras_3_8(network: str, options: dict[str, Any], tmp_path: Path) -> None:
    model = with_probabilities(architectures.build(network, options))
    model.save(tmp_path / "as Keras saves it.keras")
    assert unknown(tmp_path / "as Keras saves it.keras")
    (tmp_path / "model.keras").write_bytes(export.for_older_keras(tmp_path / "as Keras saves it.keras"))
    assert unknown(tmp_path / "model.keras") == set()
