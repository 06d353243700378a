"""Noise is as strong as CIFAR-10-C's, and of its law."""

import numpy as np
import pytest

from cifar_core.evaluation.corruptions.noise import gaussian_noise, impulse_noise, shot_noise
from tests.evaluation.corruptions import flat

GREY = flat(*[(128, 128, 128)] * 4)


@pytest.mark.parametrize(("strength", "deviation"), [(1, 0.04), (2, 0.06), (3, 0.08), (4, 0.09), (5, 0.1)])
def test_gaussian_noise(strength: int, deviation: float) -> None:
    added = gaussian_noise(GREY, strength).astype(float) - 128
    assert added.std() == pytest.approx(255 * deviation, rel=0.03)
    assert abs(added.mean()) < 1
    assert abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.05  # each picture has its own
    assert abs(np.corrcoef(added[..., 0].ravel(), added[..., 1].ravel())[0, 1]) < 0.08  # and each channel


@pytest.mark.parametrize(("strength", "photons"), [(1, 500), (2, 250), (3, 100), (4, 75), (5, 50)])
@pytest.mark.parametrize("level", [0, 32, 128])
def test_shot_noise_is_poisson(strength: int, photons: int, level: int) -> None:
    found = shot_noise(flat(*[(level, level, level)] * 4), strength).astype(float)
    assert found.mean() == pytest.approx(level, abs=1)
    assert found.std() == pytest.approx(np.sqrt(level / 255 / photons) * 255, rel=0.05)


@pytest.mark.parametrize(("strength", "share"), [(1, 0.01), (2, 0.02), (3, 0.03), (4, 0.05), (5, 0.07)])
def test_impulse_noise_is_salt_and_pepper(strength: int, share: float) -> None:
    found = impulse_noise(GREY, strength)
    assert set(np.unique(found)) == {0, 128, 255}
    assert np.mean(found == 0) == pytest.approx(share / 2, abs=0.004)
    assert np.mean(found == 255) == pytest.approx(share / 2, abs=0.004)


def test_more_impulses_are_the_same_and_some_more() -> None:
    weak, strong = impulse_noise(GREY, 2) != 128, impulse_noise(GREY, 4) != 128
    assert (weak <= strong).all()
    assert weak.sum() < strong.sum()
