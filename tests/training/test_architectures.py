import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cifar_core import hardware
from cifar_core.datasets.dataset import Batch, normalise
from cifar_core.errors import CifarLabError
from cifar_core.hardware import Vectors
from cifar_core.training import architectures, bases
from cifar_core.training.kernels import FusedBatchNormalization

OPTIONS: dict[str, dict[str, Any]] = {
    "report_cnn": {},
    "airbench": {"widths": [8, 16, 24], "activation": "gelu"},
    "vgg16": {"hidden": 16, "dropout": 0.5, "size": 48},
}


def images(count: int = 16) -> Any:
    return np.random.default_rng(1).random((count, 32, 32, 3), np.float32)


@pytest.mark.usefixtures("random_vgg16")
@pytest.mark.parametrize(("vectors", "tolerance"), [(Vectors.AVX512, 1e-6), (Vectors.AVX2, 5e-5)])
@pytest.mark.parametrize("network", OPTIONS)
def test_weights_move_between_the_training_network_and_the_plain_one(
    network: str, vectors: Vectors, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Winograd's convolutions, on AVX2, round a little more; all else agrees to the last digits.
    monkeypatch.setattr(hardware, "vectors", lambda: vectors)
    fused = architectures.build(network, OPTIONS[network], fused=True)
    plain = architectures.build(network, OPTIONS[network])
    architectures.start(fused, (images(40) * 255).astype(np.uint8))
    fused(images(), training=True)  # statistics that are no longer the initial ones

    has_norm = network != "vgg16"
    assert any(isinstance(layer, FusedBatchNormalization) for layer in fused.layers) == has_norm
    assert not any(isinstance(layer, FusedBatchNormalization) for layer in plain.layers)
    assert [w.path.replace("fused_", "").rsplit("/", 1)[1] for w in fused.weights] == [
        w.path.rsplit("/", 1)[1] for w in plain.weights
    ]
    assert not np.allclose(plain(images()), fused(images()), atol=1e-3)
    plain.set_weights(fused.get_weights())
    np.testing.assert_allclose(plain(images()), fused(images()), atol=tolerance)


@pytest.mark.parametrize("network", OPTIONS)
def test_networks_end_in_logits_after_features(network: str) -> None:
    model = architectures.build(network, OPTIONS[network])
    assert model.name == network
    assert (model.input.shape, model.output.shape) == ((None, 32, 32, 3), (None, 10))
    assert model.layers[-1].name == "logits"
    assert len(model.get_layer("features").output.shape) == 2
    with_softmax = architectures.with_probabilities(model)
    probabilities = with_softmax(images())
    np.testing.assert_allclose(probabilities, tf.nn.softmax(model(images())), rtol=1e-5)
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, rtol=1e-5)
    for layer in model.layers:  # a saved model has to open where this code is not
        assert type(layer).__module__.startswith("keras."), layer


# The report's CNN


def test_the_reports_network_layer_by_layer() -> None:
    model = architectures.build("report_cnn", {})
    expected: list[Any] = [layers.InputLayer]
    for filters, dropout in ((32, 0.25), (64, 0.3), (128, 0.35), (256, 0.4)):
        for _ in range(2):
            expected += [("conv", filters), layers.BatchNormalization]
        expected += [layers.MaxPooling2D, ("dropout", dropout)]
    expected += [layers.Flatten, ("dense", 256, "relu"), layers.BatchNormalization, ("dropout", 0.5)]
    expected += [("dense", 10, "linear")]

    def describe(layer: Any) -> Any:
        if isinstance(layer, layers.Conv2D):
            assert (layer.kernel_size, layer.padding, layer.strides) == ((3, 3), "same", (1, 1))
            assert (layer.activation.__name__, layer.use_bias) == ("relu", True)
            return "conv", layer.filters
        if isinstance(layer, layers.Dense):
            return "dense", layer.units, layer.activation.__name__
        if isinstance(layer, layers.Dropout):
            return "dropout", layer.rate
        if isinstance(layer, layers.MaxPooling2D):
            assert layer.pool_size == (2, 2)
        return type(layer)

    assert [describe(layer) for layer in model.layers] == expected
    widths = [3, 32, 32, 64, 64, 128, 128, 256, 256]
    convolutions = sum(9 * a * b + b + 4 * b for a, b in pairwise(widths))
    assert model.count_params() == convolutions + 1024 * 256 + 256 + 4 * 256 + 256 * 10 + 10
    assert model.get_layer("features").output.shape == (None, 256)


# airbench94


def airbench(**options: Any) -> keras.Model:
    return architectures.build("airbench", {**OPTIONS["airbench"], **options})


def test_the_flagship_layer_by_layer() -> None:
    model = airbench(widths=[64, 256, 256])
    norm = ["BatchNormalization", "Activation"]
    group = ["Conv2D", "MaxPooling2D", *norm, "Conv2D", *norm]
    assert [type(layer).__name__ for layer in model.layers] == [
        *["InputLayer", "Rescaling", "Conv2D", "Activation"],
        *group * 3,
        *["GlobalMaxPooling2D", "Dense", "Rescaling"],
    ]
    # whitening with bias; two convolutions a group; the offset, mean and variance of batch norm; the head
    expected = 12 * 24 + 24
    for a, b in ((24, 64), (64, 256), (256, 256)):
        expected += 9 * a * b + 9 * b * b + 2 * 3 * b
    assert model.count_params() == expected + 2_560 == 1_973_944
    pools = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
    assert [layer.output.shape[1] for layer in pools] == [15, 7, 3]
    assert model.get_layer("features").output.shape == (None, 256)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            assert (layer.scale, layer.center, layer.epsilon, layer.momentum) == (False, True, 1e-5, 0.6)
        if isinstance(layer, layers.Conv2D) and layer.name != "whitening":
            assert (layer.kernel_size, layer.padding, layer.use_bias) == ((3, 3), "same", False)
        if isinstance(layer, layers.Activation):
            assert layer.activation is keras.activations.gelu


def test_gelu_is_the_exact_one() -> None:
    activation = next(layer for layer in airbench().layers if isinstance(layer, layers.Activation))
    x = np.linspace(-3, 3, 25, dtype=np.float32)
    exact = x * 0.5 * (1 + tf.math.erf(x / np.sqrt(2, dtype=np.float32)))
    np.testing.assert_allclose(activation(x), exact, atol=1e-6)
    assert not np.allclose(tf.nn.gelu(x, approximate=True), exact, atol=1e-5)


def test_input_is_standardised_and_logits_are_divided_by_nine() -> None:
    model, x = airbench(), images()
    inside = keras.Model(model.input, [model.get_layer("standardise").output, model.layers[-2].output])
    standardised, before = inside(x)
    expected = (x - np.array([0.4914, 0.4822, 0.4465])) / np.array([0.2470, 0.2435, 0.2616])
    np.testing.assert_allclose(standardised, expected, atol=1e-5)
    np.testing.assert_allclose(model(x), before / 9, rtol=1e-6)


def test_convolutions_start_as_the_identity_and_pytorchs_uniform() -> None:
    model = airbench(widths=[16, 64, 48])
    kernels = [
        np.asarray(layer.kernel)
        for layer in model.layers
        if isinstance(layer, layers.Conv2D) and layer.name != "whitening"
    ]
    shapes = [(3, 3, 24, 16), (3, 3, 16, 16), (3, 3, 16, 64), (3, 3, 64, 64), (3, 3, 64, 48), (3, 3, 48, 48)]
    assert [kernel.shape for kernel in kernels] == shapes
    for kernel in kernels:
        _, _, channels_in, channels_out = kernel.shape
        identity = np.zeros(kernel.shape, np.float32)
        for channel in range(min(channels_in, channels_out)):
            identity[1, 1, channel, channel] = 1
        same = slice(min(channels_in, channels_out))
        np.testing.assert_array_equal(kernel[..., same], identity[..., same])
    check_uniform(kernels[2][..., 16:], 9 * 16)
    check_uniform(np.asarray(model.layers[-2].kernel), 48)
    # no two layers start with the same numbers
    again = airbench(widths=[16, 64, 48]).layers[11].kernel
    assert again.shape == kernels[2].shape
    assert not np.allclose(again, kernels[2])


def check_uniform(values: Any, fan_in: int) -> None:
    bound = 1 / np.sqrt(fan_in)
    assert np.abs(values).max() <= bound
    assert np.abs(values).max() > 0.95 * bound
    assert abs(values.mean()) < 4 * bound / np.sqrt(3 * values.size)
    np.testing.assert_allclose(values.std(), bound / np.sqrt(3), rtol=0.1)


def test_whitening_makes_patches_uncorrelated(train_set: Batch) -> None:
    model, images = airbench(), train_set.images[:1_000]
    architectures.whiten(model, images)
    layer = model.get_layer("whitening")
    kernel = np.asarray(layer.kernel)
    np.testing.assert_array_equal(kernel[..., 12:], -kernel[..., :12])
    np.testing.assert_array_equal(layer.bias, np.zeros(24))
    assert [v.path for v in layer.trainable_variables] == ["whitening/bias"]
    assert kernel.shape == (2, 2, 3, 24)

    x = normalise(images)
    whitened = np.asarray(keras.Model(model.input, layer.output)(x))[..., :12].reshape(-1, 12)
    covariance = whitened.T.astype(np.float64) @ whitened / len(whitened)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-5)

    # an eigenvalue e comes out as e / (e + 5e-4): 1 but for the finest detail, which is mostly noise
    standardised = (x - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616]
    corners = [standardised[:, i : i + 31, j : j + 31] for i in (0, 1) for j in (0, 1)]
    patches = np.concatenate(corners, axis=-1).reshape(-1, 12)
    eigenvalues = np.linalg.eigvalsh(patches.T @ patches / len(patches))[::-1]
    np.testing.assert_allclose(np.diag(covariance), eigenvalues / (eigenvalues + 5e-4), rtol=1e-4)
    assert np.diag(covariance)[0] > 0.9999
    assert np.median(np.diag(covariance)) > 0.97


def test_the_start_whitens_by_the_first_5000_images_and_leaves_other_networks_alone(
    train_set: Batch,
) -> None:
    a, b = airbench(), airbench()
    architectures.start(a, train_set.images[:5_000])
    architectures.start(b, np.concatenate([train_set.images[:5_000], train_set.images[:1_000] // 4]))
    np.testing.assert_array_equal(a.get_layer("whitening").kernel, b.get_layer("whitening").kernel)
    report = architectures.build("report_cnn", {})
    before = report.get_weights()
    architectures.start(report, train_set.images[:100])
    for old, new in zip(before, report.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# VGG16


@pytest.mark.vgg16
@pytest.mark.parametrize("size", [32, 64])
def test_vgg16_starts_as_imagenet_left_it(size: int) -> None:
    model = architectures.build("vgg16", {**OPTIONS["vgg16"], "size": size})
    architectures.start(model, np.empty((0, 32, 32, 3), np.uint8))
    keras_own = keras.applications.VGG16(
        weights=os.environ.get("VGG16_WEIGHTS") or "imagenet", include_top=False
    )
    x = images(8)
    enlarged = tf.image.resize(x, (size, size))
    expected = keras_own(keras.applications.vgg16.preprocess_input(np.asarray(enlarged) * 255.0))
    backbone, head = bases.split_at_embedding(model)
    embedding = backbone(x)
    assert float(np.max(embedding)) > 1  # or the next line would compare zeros
    np.testing.assert_allclose(embedding, np.max(expected, axis=(1, 2)), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(head(embedding), model(x), atol=1e-5)
    assert {v.path for v in head.variables} == {
        "features/kernel", "features/bias", "logits/kernel", "logits/bias",
    } | {v.path for v in head.variables if "seed" in v.path}  # fmt: skip


def test_weights_that_cannot_be_read_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights.h5"
    file.write_bytes(b"no HDF5")
    monkeypatch.setenv("VGG16_WEIGHTS", str(file))
    with pytest.raises(CifarLabError, match=f"could not be read from {file}"):
        architectures.start(architectures.build("vgg16", OPTIONS["vgg16"]), images())


# Half precision


@pytest.mark.parametrize("network", OPTIONS)
def test_half_precision_computes_with_bfloat16_between_float32_ends(network: str) -> None:
    half = architectures.build(network, OPTIONS[network], fused=True, precision="bfloat16")
    plain = architectures.build(network, OPTIONS[network])
    assert keras.config.dtype_policy().name == "float32"
    assert {weight.dtype for weight in half.weights} <= {"float32", "uint32"}  # the latter: seeds of dropout
    assert half.output.dtype == "float32"
    assert {layer.compute_dtype for layer in half.layers if isinstance(layer, layers.Conv2D)} >= {"bfloat16"}
    if network == "airbench":
        assert half.get_layer("whitening").compute_dtype == "float32"
    plain.set_weights(half.get_weights())
    assert np.abs(np.asarray(half(images()) - plain(images()))).max() > 0
    np.testing.assert_allclose(tf.nn.softmax(half(images())), tf.nn.softmax(plain(images())), atol=0.05)
