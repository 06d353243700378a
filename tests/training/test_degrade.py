"""What is done to training pictures so that a network learns to cope with bad ones."""

import numpy as np
import pytest
import tensorflow as tf

from cifar_core.training import degrade

COUNT = 400


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    shapes = np.random.default_rng(0).random((COUNT, 4, 4, 3))
    return shapes.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    return degrade.patterns(40, 32, seed=0)


def both(images: np.ndarray, patterns: np.ndarray, seed: list[int]) -> list[np.ndarray]:
    degraded = degrade.degrade(tf.constant(images), tf.constant(seed))
    mixed = degrade.mix(tf.constant(images), tf.constant(patterns), tf.constant(seed))
    return [degraded.numpy(), mixed.numpy()]


def test_pictures_stay_pictures_and_depend_on_the_seed_alone(
    images: np.ndarray, patterns: np.ndarray
) -> None:
    first, again, other = (both(images, patterns, seed) for seed in ([1, 2], [1, 2], [1, 3]))
    for one, same, another in zip(first, again, other, strict=True):
        assert one.shape == images.shape
        assert one.dtype == np.float32
        assert one.min() >= 0
        assert one.max() <= 1
        np.testing.assert_array_equal(one, same)
        assert (one != another).any(axis=(1, 2, 3)).mean() > 0.9


def test_some_pictures_stay_as_they_are_and_most_stay_recognisable(
    images: np.ndarray, patterns: np.ndarray
) -> None:
    degraded, mixed = both(images, patterns, [1, 2])
    # None of light, blur and noise: a half, a half and four tenths of them.
    assert np.isclose(degraded, images, atol=1e-6).all(axis=(1, 2, 3)).mean() == pytest.approx(0.1, abs=0.05)
    for made in (degraded, mixed):
        alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(made, images, strict=True)]
        assert np.median(alike) > 0.6


def test_noise_is_as_strong_as_said(images: np.ndarray) -> None:
    grey = np.full_like(images, 0.5)
    degraded = degrade.degrade(tf.constant(grey), tf.constant([1, 2])).numpy()
    deviation = degraded.std(axis=(1, 2)).mean(axis=1)
    assert deviation.max() == pytest.approx(degrade.NOISE, rel=0.1)
    assert (deviation < 1e-3).mean() == pytest.approx(0.4, abs=0.08)
    means = degraded.mean(axis=(1, 2, 3))
    assert (means.min(), means.max()) == pytest.approx(
        (0.5 - degrade.BRIGHTNESS, 0.5 + degrade.BRIGHTNESS), abs=0.02
    )


def test_blur_spreads_a_point_as_far_as_said() -> None:
    point = np.zeros((1, 33, 33, 3), np.float32)
    point[:, 16, 16] = 1
    blurred = degrade._blurred(tf.constant(point), tf.fill([1, 1, 1, 1], 1 / 3)).numpy()[0, :, :, 0]
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    across = (blurred.sum(axis=0) * (np.arange(33) - 16) ** 2).sum()
    assert across**0.5 == pytest.approx(2 * (1 / 3) ** 0.5, rel=1e-4)


def test_patterns_are_of_every_grain_and_fill_the_range(patterns: np.ndarray) -> None:
    assert patterns.shape == (40, 32, 32, 3)
    np.testing.assert_allclose(patterns.min(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(patterns.max(axis=(1, 2, 3)), 1, atol=1e-6)
    steps = np.abs(np.diff(patterns[::2], axis=2)).mean(axis=(1, 2, 3))
    assert steps.max() > 5 * steps.min()
    levels = [len(np.unique(picture)) for picture in patterns[1::2]]
    assert max(levels) <= 6
