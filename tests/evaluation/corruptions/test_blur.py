"""Blur against slow code and known answers."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from cifar_core.arrays import Images
from cifar_core.evaluation.corruptions.blur import (
    defocus_blur,
    glass_blur,
    magnified,
    motion_blur,
    smeared,
    zoom_blur,
)
from tests.evaluation.corruptions import flat, point
from tests.pictures import photos


@pytest.mark.parametrize("blur", [defocus_blur, motion_blur, zoom_blur, glass_blur])
def test_a_blurred_colour_stays(blur: object) -> None:
    colours = flat((10, 200, 30), (255, 255, 255))
    np.testing.assert_array_equal(blur(colours, 3), colours)  # type: ignore[operator]


@pytest.mark.parametrize(("strength", "softness"), [(1, 0.4), (2, 0.5), (3, 0.6)])
def test_a_small_disc_is_its_soft_edge_only(strength: int, softness: float) -> None:
    beside = math.exp(-1 / (2 * softness**2))
    line = np.array([beside, 1, beside]) / (1 + 2 * beside)
    found = defocus_blur(point(), strength)
    np.testing.assert_allclose(found[0, 15:18, 15:18, 1], 255 * np.outer(line, line), atol=0.6)
    assert np.count_nonzero(found) <= 9


@pytest.mark.parametrize(("strength", "disc"), [(4, 5), (5, 9)])
def test_a_large_disc_is_flat(strength: int, disc: int) -> None:
    found = defocus_blur(point(), strength)[0, :, :, 1]
    assert np.count_nonzero(found) == disc
    np.testing.assert_allclose(found[found > 0], 255 / disc, atol=1)


@pytest.mark.parametrize(("strength", "times"), [(1, 1), (5, 2)])
def test_glass_takes_every_pixel_from_near_by(strength: int, times: int) -> None:
    rows, columns = np.indices((32, 32)) * 7
    places = np.stack([rows, columns, rows], axis=-1).astype(np.uint8)[None]
    found = glass_blur(places, strength)
    inner = (slice(None), slice(2, 32), slice(2, 32), slice(0, 2))
    moved = (places[inner].astype(float) - found[inner]) / 7
    assert -0.2 < moved.min() < 0.2
    assert times - 0.8 < moved.max() < times + 0.2
    assert moved[:, :, 6:].mean() == pytest.approx(times / 2, abs=0.1)
    if strength == 1:
        np.testing.assert_array_equal(found[:, :2], places[:, :2])  # where nobody shuffles


@pytest.mark.parametrize("degrees", [0.0, 30.0, -45.0, -90.0, 135.0])
def test_smeared_as_its_definition_says(degrees: float) -> None:
    picture = photos(1).astype(np.float32)
    angle, side = math.radians(degrees), 32
    share = [math.exp(-(step**2) / (2 * 1.5**2)) for step in range(9)]
    expected = np.zeros((side, side, 3))
    for row in range(side):
        for column in range(side):
            for step in range(9):
                down = math.ceil(step * math.sin(angle) - 0.5)
                right = math.ceil(step * math.cos(angle) - 0.5)
                at = min(max(row + down, 0), side - 1), min(max(column + right, 0), side - 1)
                expected[row, column] += share[step] / sum(share) * picture[0, *at]
    found = smeared(picture, 4, 1.5, np.array([degrees]))
    np.testing.assert_allclose(found[0], expected, atol=1e-3)


def test_motion_is_sideways_and_each_picture_has_its_own() -> None:
    bars = np.zeros((60, 32, 32, 3), np.uint8)
    bars[:, :, 16] = 255
    levels = 255 - bars.transpose(0, 2, 1, 3)
    upright = motion_blur(bars, 5).astype(float)[:, 16, :, 0]
    assert (upright.max(axis=1) < 130).all()  # a bar that stands is smeared in all pictures
    assert len(np.unique(motion_blur(levels, 5).reshape(60, -1), axis=0)) > 10


@pytest.mark.parametrize(("strength", "end"), [(1, 1.06), (2, 1.11), (3, 1.16), (4, 1.21), (5, 1.26)])
def test_zoom_averages_pictures_that_scipy_magnifies(strength: int, end: float) -> None:
    def closer(picture: Images, factor: float) -> np.ndarray:
        kept = math.ceil(32 / factor)
        first = (32 - kept) // 2
        middle = picture[first : first + kept, first : first + kept].astype(float)
        large = zoom(middle, (factor, factor, 1), order=1)
        first = (len(large) - 32) // 2
        return np.asarray(large[first : first + 32, first : first + 32])

    [picture] = photos(1)
    looks = [closer(picture, factor) for factor in np.arange(1, end, 0.01)]
    expected = (picture + np.sum(looks, axis=0)) / (len(looks) + 1)
    [found] = zoom_blur(picture[None], strength)
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_magnified_by_one_is_the_same() -> None:
    picture = photos(2).astype(np.float32)
    np.testing.assert_allclose(magnified(picture, 1.0), picture, atol=1e-3)
    assert magnified(picture, 2.25).shape == picture.shape
    smooth = gaussian_filter(picture, (0, 4, 4, 0))
    np.testing.assert_allclose(magnified(smooth, 2.0)[:, ::31, ::31], smooth[:, 8:24:15, 8:24:15], atol=1e-2)
