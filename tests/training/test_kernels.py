"""What training computes faster is what Keras' own layers compute."""

from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.stats import norm

from cifar_core import hardware
from cifar_core.hardware import Vectors
from cifar_core.training import kernels, winograd
from cifar_core.training.kernels import FusedBatchNormalization


def result_and_gradients(layer: Any, x: Any) -> list[np.ndarray]:
    """Return what a layer makes of `x`, and a fixed mixture's gradients for `x` and the weights."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cast(layer(x), tf.float32)
        mixture = tf.reduce_sum(y * tf.random.stateless_normal(y.shape, [1, 2]))
    gradients = tape.gradient(mixture, [x, *getattr(layer, "trainable_variables", [])])
    return [np.asarray(tf.cast(array, tf.float32)) for array in [y, *gradients]]


@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 8), (1, 3), (9, 9), (4, 9)])
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_faster_convolution_is_keras_own(
    height: int, width: int, size: int, strides: int, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "MANY_CHANNELS", 0)  # all are many
    keras.utils.set_random_seed(1)
    options: dict[str, Any] = {"filters": 7, "kernel_size": size, "strides": strides, "padding": "same"}
    plain, small = layers.Conv2D(**options), kernels.FasterConv2D(**options, dtype=precision)
    x = tf.random.normal([6, height, width, 5])
    for layer in (plain, small):
        layer.build(x.shape)
    small.set_weights(plain.get_weights())
    theirs, ours = result_and_gradients(plain, x), result_and_gradients(small, x)
    assert len(ours) == 4  # the result; the gradients of the picture, the kernel and the bias
    tolerance = 1e-4 if precision == "float32" else 5e-2
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance * max(1, np.abs(other).max()))


def test_in_half_precision_a_wide_picture_goes_the_parents_way() -> None:
    layer = kernels.FasterConv2D(3, 3, padding="same", dtype="bfloat16")
    with patch.object(kernels, "_small_convolution", wraps=kernels._small_convolution) as convolve:
        layer(np.zeros([1, 2, kernels.SMALL + 1, 3], "float32"))
        assert not convolve.called
        layer(np.zeros([1, 2, kernels.SMALL, 3], "float32"))
        assert convolve.called


@pytest.mark.parametrize(
    ("precision", "channels", "filters", "size", "goes"),
    [
        ("float32", 64, 64, 3, True),
        ("float32", 32, 128, 3, True),
        ("float32", 128, 31, 3, False),
        ("float32", 256, 256, 1, False),
        ("bfloat16", 256, 256, 3, False),
    ],
)
@pytest.mark.parametrize("width", [4, 15])
def test_many_channels_go_winograds_way_whatever_the_picture(
    precision: str, channels: int, filters: int, size: int, goes: bool, width: int
) -> None:
    with patch.object(winograd, "convolve", wraps=winograd.convolve) as convolve:
        kernels.FasterConv2D(filters, size, padding="same", dtype=precision)(
            np.zeros([1, 2, width, channels], "float32")
        )
    assert convolve.called == goes


@pytest.mark.parametrize(
    ("vectors", "precision", "swapped"),
    [
        (Vectors.AVX2, "float32", True),
        (Vectors.AVX512, "float32", False),
        (Vectors.UNKNOWN, "float32", False),
        (Vectors.AVX512_BFLOAT16, "float32", False),
        (Vectors.AVX512_BFLOAT16, "bfloat16", True),
    ],
)
def test_the_processor_decides_which_convolution_is_faster(
    vectors: Vectors, precision: str, swapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "vectors", lambda: vectors)
    inputs = keras.Input([8, 8, 3])
    model = keras.Model(inputs, layers.Conv2D(4, 3, padding="same", dtype=precision)(inputs))
    assert isinstance(kernels.faster(model).layers[1], kernels.FasterConv2D) == swapped


def test_gelu_and_its_slope_are_the_exact_ones() -> None:
    z = np.linspace(-12, 12, 2401, dtype=np.float32)
    x = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = kernels.gelu(x)
    np.testing.assert_allclose(y, z * norm.cdf(z), atol=2e-6)
    np.testing.assert_allclose(tape.gradient(y, x), norm.cdf(z) + z * norm.pdf(z), atol=2e-6)


def test_gelu_of_half_precision_is_rounded_once() -> None:
    x = tf.cast(tf.linspace(-6.0, 6.0, 1001), tf.bfloat16)
    exact = np.asarray(keras.activations.gelu(tf.cast(x, tf.float32), approximate=False))
    y = kernels.gelu(x)
    assert y.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(y, tf.float32), exact, rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("vectors", [Vectors.AVX2, Vectors.AVX512])
def test_a_faster_model_has_the_same_weights_names_and_answers(
    vectors: Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "vectors", lambda: vectors)
    monkeypatch.setattr(kernels, "MANY_CHANNELS", 0)
    keras.utils.set_random_seed(3)
    inputs = x = keras.Input([8, 8, 3])
    for name in ("first", "second"):
        x = layers.Conv2D(4, 3, padding="same", name=name)(x)
        x = layers.Activation("gelu")(layers.BatchNormalization()(x))
    plain = keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
    fast = kernels.faster(plain)
    assert [weight.path for weight in fast.weights] == [weight.path for weight in plain.weights]
    images = np.random.default_rng(0).random([5, 8, 8, 3], dtype=np.float32)
    np.testing.assert_allclose(fast(images), plain(images), atol=1e-5)
    np.testing.assert_allclose(fast(images, training=True), plain(images, training=True), atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 6, 5, 3), (1, 2, 1, 4), (64, 16, 16, 32)])
@pytest.mark.parametrize(
    "options",
    [{}, {"scale": False, "epsilon": 1e-12, "momentum": 0.6}, {"center": False}],
    ids=["plain", "airbench", "uncentred"],
)
def test_fused_batch_norm_is_keras_own(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    x = tf.constant((random.normal(size=shape) * 3 + 1).astype(np.float32))
    direction = tf.constant(random.normal(size=shape).astype(np.float32))
    plain, fused = layers.BatchNormalization(**options), FusedBatchNormalization(**options)
    for layer in (plain, fused):
        layer.build(shape)
    weights = [random.random(weight.shape).astype(np.float32) + 0.5 for weight in plain.weights]
    plain.set_weights(weights)
    fused.set_weights(weights)
    assert [w.path.split("/")[-1] for w in plain.weights] == [w.path.split("/")[-1] for w in fused.weights]

    results = []
    for layer in (plain, fused):
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = layer(x, training=True)
            total = tf.reduce_sum(output * direction)
        trained = [variable.value for variable in layer.trainable_variables]
        results.append([output, *tape.gradient(total, [x, *trained])])
    for expected, actual in zip(*results, strict=True):
        scale = float(np.abs(expected).max())
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5 * max(scale, 1))

    momentum = options.get("momentum", 0.99)
    before = weights[[w.path.split("/")[-1] for w in plain.weights].index("moving_variance")]
    mean, variance = np.mean(x, axis=(0, 1, 2)), np.var(x, axis=(0, 1, 2))
    count = np.prod(shape[:3])
    np.testing.assert_allclose(fused.moving_mean, plain.moving_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        plain.moving_variance, momentum * before + (1 - momentum) * variance, rtol=1e-5
    )
    np.testing.assert_allclose(
        fused.moving_variance,
        momentum * before + (1 - momentum) * variance * count / (count - 1),
        rtol=1e-5,
    )
    assert not np.allclose(mean, 0)

    fused.set_weights(plain.get_weights())
    np.testing.assert_array_equal(fused(x, training=False), plain(x, training=False))
    np.testing.assert_array_equal(fused(x), plain(x))


def test_a_frozen_fused_batch_norm_uses_its_statistics_as_keras_own_does() -> None:
    x = np.random.default_rng(1).random((4, 32, 32, 3), np.float32)
    plain, fused = layers.BatchNormalization(trainable=False), FusedBatchNormalization(trainable=False)
    np.testing.assert_array_equal(fused(x, training=True), plain(x, training=True))
    np.testing.assert_array_equal(fused.moving_mean, np.zeros(3))


def test_fused_batch_norm_of_vectors_is_keras_own() -> None:
    x = np.random.default_rng(1).random((16, 7), np.float32)
    plain, fused = layers.BatchNormalization(), FusedBatchNormalization()
    np.testing.assert_array_equal(fused(x, training=True), plain(x, training=True))
    for ours, theirs in zip(fused.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
