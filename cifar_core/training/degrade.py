"""Training pictures made worse, so that a network learns to answer what a camera makes in the evening.

Two ways. `degrade` does what light, lens and sensor do: it changes contrast and
brightness, blurs, adds noise (Rusak et al. 2020, "A simple way to make neural networks robust against diverse
image corruptions", is the noise). `mix` adds or multiplies patterns that show nothing (PixMix: Hendrycks et
al. 2022, "PixMix: Dreamlike pictures comprehensively improve safety measures"); the label stays. Networks
that learned so are right more often about bad pictures and surer about which pictures are none of theirs.

Throughout, `images` is float32 [B, S, S, 3] in [0, 1], so is what comes back, and `seed` is int32 [2], of
which everything random is a function.
"""

from typing import Any

import numpy as np
import tensorflow as tf

LEAST_CONTRAST = 0.1  # of what there was
BRIGHTNESS = 0.25  # added or taken away, at most
NOISE = 0.12  # the largest standard deviation
PATTERNS = 2_000
ROUNDS = 3  # of mixing, at most
STRENGTH = 3.0  # the beta of PixMix: the larger, the less of the pattern


def degrade(images: Any, seed: Any) -> Any:
    """Make pictures worse: contrast and brightness, blur, noise, each in about half of them."""
    draw = _Draws(seed, tf.shape(images)[0])
    means = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    factor = tf.exp(draw.uniform(np.log(LEAST_CONTRAST), np.log(1.25)))
    lit = means + factor * (images - means) + draw.uniform(-BRIGHTNESS, BRIGHTNESS)
    images = tf.where(draw.coin(0.5), tf.clip_by_value(lit, 0.0, 1.0), images)
    images = _blurred(images, tf.where(draw.coin(0.5), draw.uniform(0.0, 1 / 3), 0.0))
    noise = tf.random.stateless_normal(tf.shape(images), draw.seed())
    amount = tf.where(draw.coin(0.6), draw.uniform(0.0, NOISE), 0.0)
    return tf.clip_by_value(images + amount * noise, 0.0, 1.0)


def mix(images: Any, patterns: Any, seed: Any) -> Any:
    """Mix pictures with patterns, or with themselves turned and posterised, up to three times.

    Parameters
    ----------
    images, seed
        As above.
    patterns
        float32 [P, S, S, 3] in [0, 1].
    """
    draw = _Draws(seed, tf.shape(images)[0])
    changed = _changed(images, draw)
    mixed = tf.where(draw.coin(0.5), changed, images)
    rounds = draw.uniform(0.0, ROUNDS + 1.0)
    for number in range(ROUNDS):
        index = tf.cast(draw.uniform(0.0, float(patterns.shape[0]))[:, 0, 0, 0], tf.int32)
        other = tf.where(draw.coin(0.5), tf.gather(patterns, index), changed)
        # Beta(1, b) by its inverse distribution function; half of the time the weights are of both signs.
        little = (1.0 - draw.uniform(0.0, 1.0) ** (1 / STRENGTH)) * tf.cast(rounds > number + 1.0, tf.float32)
        sign = tf.where(draw.coin(0.5), 1.0, -1.0)
        own, its = 1.0 - sign * little, sign * little
        added = own * mixed + its * other
        logs = own * tf.math.log(tf.maximum(2 * mixed, 1e-3)) + its * tf.math.log(tf.maximum(2 * other, 1e-3))
        mixed = tf.clip_by_value(tf.where(draw.coin(0.5), added, tf.exp(logs) / 2), 0.0, 1.0)
    return mixed


def patterns(count: int, side: int, seed: int) -> np.ndarray:
    """Return pictures that show nothing: noise of every grain, coloured, half of it in hard-edged levels.

    Noise whose amplitude falls with its frequency as 1/f^a looks like static at a = 0 and like clouds at
    a = 2; cut into levels it has the edges that objects have.

    Returns
    -------
    ndarray
        float32 [count, side, side, 3] in [0, 1].
    """
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1 / side
    made = np.empty((count, side, side, 3), np.float32)
    for index in range(count):
        falling = frequency ** -rng.uniform(0, 2.5)
        spectrum = np.fft.rfft2(rng.standard_normal((3, side, side))) * falling
        channels = np.fft.irfft2(spectrum, (side, side)).reshape(3, -1)
        values = (rng.standard_normal((3, 3)) @ channels).T.reshape(side, side, 3)
        low, high = values.min(), values.max()
        values = (values - low) / (high - low)
        levels = int(rng.integers(2, 6))
        made[index] = np.rint(values * levels) / levels if index % 2 else values
    return made


class _Draws:
    """What is random of each picture: every draw has a seed of its own."""

    def __init__(self, seed: Any, count: Any) -> None:
        self._seed, self._count, self._drawn = seed, count, 0

    def seed(self) -> Any:
        self._drawn += 1
        return tf.random.fold_in(self._seed, self._drawn)

    def uniform(self, low: float, high: float) -> Any:
        return tf.random.stateless_uniform([self._count, 1, 1, 1], self.seed(), low, high)

    def coin(self, share: float) -> Any:
        return self.uniform(0.0, 1.0) < share


def _blurred(images: Any, weight: Any) -> Any:
    """Blur twice with [w, 1 − 2w, w] both ways: like a Gaussian of 2√w pixels, 1.15 at a third."""
    size = tf.shape(images)[1]
    for _ in range(2):
        for axis in (1, 2):
            edges = [[0, 0], [0, 0], [0, 0], [0, 0]]
            edges[axis] = [1, 1]
            padded = tf.pad(images, edges, mode="SYMMETRIC")
            before = padded[:, :size] if axis == 1 else padded[:, :, :size]
            after = padded[:, 2:] if axis == 1 else padded[:, :, 2:]
            images = images + weight * (before + after - 2 * images)
    return images


def _changed(images: Any, draw: _Draws) -> Any:
    """Turn, shear and scale pictures a little, and reduce half of them to a few levels."""
    side = tf.cast(tf.shape(images)[1], tf.float32)
    turn, shear, scale = (draw.uniform(-bound, bound)[:, 0, 0, 0] for bound in (0.35, 0.25, 0.15))
    a, b = (1 + scale) * tf.cos(turn), -tf.sin(turn) + shear
    c, d = tf.sin(turn), (1 + scale) * tf.cos(turn)
    middle = (side - 1) / 2
    zero = tf.zeros_like(a)
    transforms = tf.stack([a, b, middle * (1 - a - b), c, d, middle * (1 - c - d), zero, zero], axis=1)
    turned = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )
    levels = tf.floor(draw.uniform(3.0, 16.0))
    return tf.where(draw.coin(0.5), tf.round(turned * levels) / levels, turned)
