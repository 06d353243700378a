"""The six numbers on pictures whose values are known by hand, and what counts as unusual."""

import numpy as np
import pytest

from cifar_core.arrays import Images
from cifar_core.evaluation import ood_sets
from cifar_core.inference import pixel_statistics
from tests.pictures import noise


def picture(values: np.ndarray) -> Images:
    """One grey picture of these values."""
    return np.repeat(values.astype(np.uint8)[None, ..., None], 3, axis=3)


def test_a_bare_wall_has_nothing_but_noughts() -> None:
    assert (pixel_statistics.statistics(picture(np.full((32, 32), 90))) == 0).all()


def test_a_slope_has_its_slope_and_no_curvature() -> None:
    rising = np.tile(np.arange(32) * 4, (32, 1))
    [found] = np.expm1(pixel_statistics.statistics(picture(rising)))
    np.testing.assert_allclose(found, [rising.std(), 0, 4, 4, 0, 0], atol=1e-4)


def test_colour_by_hand() -> None:
    red = np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0] = 90  # on average 30: off by 60, −30 and −30
    [found] = np.expm1(pixel_statistics.statistics(red))
    np.testing.assert_allclose(found, [0, 0, 0, 0, np.sqrt((60**2 + 2 * 30**2) / 3), 0], atol=1e-4)


@pytest.mark.parametrize("side", [5, 8])
def test_the_median_is_numpys(side: int) -> None:
    values = noise(side, side, 3)[..., 0]
    across, down = np.diff(values.astype(float), axis=1)[:-1], np.diff(values.astype(float), axis=0)[:, :-1]
    [found] = np.expm1(pixel_statistics.statistics(picture(values)))
    assert found[3] == pytest.approx(np.median(np.hypot(across, down)), rel=1e-4)


def test_what_is_unlike_what_was_learned_is_far_away() -> None:
    usual = pixel_statistics.fit(ood_sets.clouds(200))
    near = pixel_statistics.distance(ood_sets.clouds(100, seed=1), usual)
    assert near.mean() < 12
    for strange in (ood_sets.static(50), ood_sets.flat(50)):
        assert pixel_statistics.distance(strange, usual).min() > near.max()


def test_pictures_that_are_all_alike_can_be_learned() -> None:
    usual = pixel_statistics.fit(np.zeros((3, 8, 8, 3), np.uint8))
    assert np.isfinite(pixel_statistics.distance(noise(2, 8, 8, 3), usual)).all()
