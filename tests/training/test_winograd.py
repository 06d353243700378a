"""Winograd's convolution is a convolution, and so are its gradients."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from cifar_core.training import winograd


def everything_of(convolve: Any, pictures: Any, kernel: Any) -> list[Any]:
    """Return the results of a convolution, and a fixed mixture's gradients for pictures and kernel."""
    with tf.GradientTape() as tape:
        tape.watch((pictures, kernel))
        results = convolve(pictures, kernel)
        mixture = tf.reduce_sum(results * tf.random.stateless_normal(results.shape, [1, 2]))
    return [results, *tape.gradient(mixture, (pictures, kernel))]


def in_double(pictures: Any, kernel: Any) -> Any:
    return tf.nn.conv2d(tf.cast(pictures, tf.float64), tf.cast(kernel, tf.float64), 1, "SAME")


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 2), (3, 3), (4, 4), (7, 7), (8, 8), (1, 6), (5, 2), (13, 9), (24, 15), (16, 31)]
)
def test_results_and_gradients_are_a_convolutions(size: tuple[int, int]) -> None:
    pictures = tf.random.stateless_normal([6, *size, 5], [0, 0])
    kernel = tf.random.stateless_normal([3, 3, 5, 7], [0, 1])
    ours = everything_of(winograd.convolve, pictures, kernel)
    exact = everything_of(lambda *given: tf.cast(in_double(*given), tf.float32), pictures, kernel)
    for mine, other in zip(ours, exact, strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, atol=2e-4 * float(np.std(other)) + 1e-6)


@pytest.mark.parametrize("size", [3, 4, 7, 8, 15, 24])
def test_it_rounds_by_no_more_than_it_says_in_a_wide_layer(size: int) -> None:
    pictures = tf.random.stateless_normal([8, size, size, 256], [0, 0])
    kernel = tf.random.stateless_normal([3, 3, 256, 64], [0, 1])
    exact = in_double(pictures, kernel)
    error = tf.cast(winograd.convolve(pictures, kernel), tf.float64) - exact
    assert np.std(error) < 5e-5 * np.std(exact)


def test_it_takes_any_number_of_pictures() -> None:
    kernel = tf.random.stateless_normal([3, 3, 2, 3], [0, 1])
    compiled = tf.function(
        lambda pictures: winograd.convolve(pictures, kernel),
        input_signature=[tf.TensorSpec([None, 4, 4, 2], tf.float32)],
    )
    for number in (0, 1, 9):
        assert compiled(tf.ones([number, 4, 4, 2])).shape == [number, 4, 4, 3]


def test_eight_by_eight_results_take_100_multiplications() -> None:
    to_values, of_kernel, to_results = winograd._transforms(16)
    assert to_values.shape == (2 * 10, 16)
    assert of_kernel.shape == (10, 3)
    assert to_results.shape == (16, 2 * 10)
