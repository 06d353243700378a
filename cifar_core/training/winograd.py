"""Convolutions with 3x3 kernels in about a sixth of the multiplications (Winograd 1980; Lavin and Gray 2016).

Eight neighbouring results in a row are the coefficients of a product of polynomials, of the pixels and of the
kernel's three weights. Ten values of each, multiplied in pairs, determine it (Toom 1963, Cook 1966): ten
multiplications, not 24, and 100 for 576 in both directions. All steps are products of matrices, and so are
their gradients, which need as few.
"""

import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf

KERNEL = 3
TILE = 8  # results at once in each direction: more would cost digits
# Where polynomials are evaluated; and at infinity. In groups c, -1/c, 1/c, -c (Alam and others 2022), which
# round by a third of what 0, ±1, ±2, ±1/2, 4, -1/4 do.
POINTS = (0, 0.8, -1.25, 1.25, -0.8, 0.4, -2.5, 2.5, -0.4)


def convolve(pictures: Any, kernel: Any) -> Any:
    """Convolve with padding `same` and strides of one, as `tf.nn.conv2d` does.

    Parameters
    ----------
    pictures
        float32 [N, H, W, C]; all but N known in advance.
    kernel
        float32 [3, 3, C, K].

    Returns
    -------
    tf.Tensor
        float32 [N, H, W, K], rounded differently: by up to 5e-5 of its standard deviation
        (in bfloat16 it would be 3e-3).
    """
    height, width, channels = pictures.shape[1:]
    filters = kernel.shape[-1]
    to_rows, kernel_rows, from_rows = _transforms(height)
    to_columns, kernel_columns, from_columns = _transforms(width)
    tall, wide = len(kernel_rows), len(kernel_columns)

    values = tf.reshape(tf.transpose(pictures, [1, 2, 0, 3]), [height, width, -1])
    values = _in_both_directions(to_rows, to_columns, values)
    # For every pair of points, one of each direction, a matrix of pixels in tiles by channels.
    values = tf.reshape(values, [tall, len(to_rows) // tall, wide, -1, channels])
    weights = tf.reshape(kernel, [KERNEL, KERNEL, -1])
    weights = _in_both_directions(kernel_rows, kernel_columns, weights)
    products = values @ tf.reshape(weights, [tall, 1, wide, channels, filters])
    products = tf.reshape(products, [len(to_rows), len(to_columns), -1])
    results = _in_both_directions(from_rows, from_columns, products)
    return tf.transpose(tf.reshape(results, [height, width, -1, filters]), [2, 0, 1, 3])


def _in_both_directions(rows: np.ndarray, columns: np.ndarray, x: Any) -> Any:
    """Turn [H, W, N] into [H', W', N] by matrices [H', H] and [W', W]."""
    height, width = x.shape[:2]
    return columns @ tf.reshape(rows @ tf.reshape(x, [height, -1]), [len(rows), width, -1])


@functools.cache
def _transforms(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what takes pixels and weights to values at the points, and their products to results.

    One direction of a picture of `size` pixels, cut into t tiles, with p points: float32 [p·t, size], [p, 3]
    and [size, p·t]; point by point, of each all tiles.
    """
    tiles = math.ceil(size / TILE)
    tile = math.ceil(size / tiles)
    points = tile + KERNEL - 1
    # Products of polynomials, transposed: that makes sums of products with shifted pixels of them.
    of_pixels = np.linalg.inv(_values(points, points)).T
    of_results = _values(points, tile).T
    pixels = np.eye(tiles * tile + 2)[:, 1 : 1 + size]  # with one of zero on either side
    results = np.eye(tiles * tile)[:size]
    starts = range(0, tiles * tile, tile)
    to = np.stack([of_pixels @ pixels[start : start + points] for start in starts], axis=1)
    back = np.stack([results[:, start : start + tile] @ of_results for start in starts], axis=2)
    matrices = to.reshape(-1, size), _values(points, KERNEL), back.reshape(size, -1)
    to_values, kernel_values, to_results = (matrix.astype(np.float32) for matrix in matrices)
    return to_values, kernel_values, to_results


def _values(points: int, coefficients: int) -> np.ndarray:
    """Return the matrix [points, coefficients] that evaluates polynomials, last at infinity."""
    finite = np.vander(POINTS[: points - 1], coefficients, increasing=True)
    return np.vstack([finite, np.eye(coefficients, dtype=int)[-1]])
