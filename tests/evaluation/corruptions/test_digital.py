"""What software does to pictures, against slow code and facts about pictures."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from cifar_core.arrays import Images
from cifar_core.evaluation.corruptions.digital import (
    _pulled,
    _sampled,
    contrast,
    elastic_transform,
    jpeg_compression,
    pixelate,
    shift,
)
from tests.evaluation.corruptions import flat
from tests.pictures import photos


@pytest.fixture(scope="module")
def images() -> Images:
    return photos(40)


@pytest.mark.parametrize(("strength", "share"), [(1, 0.75), (2, 0.5), (3, 0.4), (4, 0.3), (5, 0.15)])
def test_contrast_keeps_the_mean_colour(strength: int, share: float, images: Images) -> None:
    result = contrast(images, strength)
    for before, after in zip(images.astype(float), result.astype(float), strict=True):
        np.testing.assert_allclose(after.mean(axis=(0, 1)), before.mean(axis=(0, 1)), atol=0.3)
        np.testing.assert_allclose(after.std(axis=(0, 1)), share * before.std(axis=(0, 1)), atol=0.5)


@pytest.mark.parametrize(("scipy", "numpy"), [("mirror", "reflect"), ("reflect", "symmetric")])
def test_pixels_between_pixels_are_those_of_scipy(scipy: str, numpy: str, images: Images) -> None:
    rows, columns = np.random.default_rng(0).uniform(-20, 50, (2, 3, 32, 32))
    found = _sampled(images[:3], rows, columns, numpy)
    for picture, row, column, pixels in zip(images[:3], rows, columns, found, strict=True):
        for channel in range(3):
            plane = picture[..., channel].astype(float)
            expected = map_coordinates(plane, [row, column], order=1, mode=scipy)
            np.testing.assert_allclose(pixels[..., channel], expected, atol=0.01)


def test_three_points_are_pulled_and_all_goes_with_them() -> None:
    still = _pulled((2, 32, 32, 3), 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(still, np.indices((32, 32))[:, None].repeat(2, axis=1), atol=1e-9)
    rows, columns = _pulled((200, 32, 32, 3), 2.56, np.random.default_rng(0)) - np.indices((32, 32))[:, None]
    for away in (rows, columns):
        # Three corners of the middle are drawn from ± 2.56 each, which has a deviation of 1.48.
        for corner in ((26, 26), (6, 26), (6, 6)):
            assert away[:, *corner].std() == pytest.approx(1.48, rel=0.25)
        np.testing.assert_allclose(np.diff(away, n=2, axis=1), 0, atol=1e-9)  # straight lines stay straight


def test_rubber_is_wavier_the_stronger_it_is() -> None:
    rows = np.broadcast_to(np.arange(0, 256, 8, dtype=np.uint8)[:, None, None], (60, 32, 32, 3))

    def waves(strength: int) -> float:
        """How far what was a slope bends, within each picture, in pixels."""
        middle = elastic_transform(rows, strength)[:, 8:24, 8:24, 0].astype(float) / 8
        return float(np.abs(np.diff(middle, n=2, axis=2)).mean())

    assert 2 * waves(1) < waves(4) < waves(5) / 1.5


@pytest.mark.parametrize(("strength", "lines"), [(1, 30), (2, 28), (3, 27), (4, 24), (5, 20)])
def test_pixelate_leaves_so_many_lines(strength: int, lines: int, images: Images) -> None:
    found = pixelate(images[:4], strength)
    kept = [len(np.unique(picture, axis=0)) for picture in found]
    assert kept == [lines] * 4
    expected = Image.fromarray(images[0]).resize((lines, lines), Image.Resampling.BOX)
    at = np.minimum((np.arange(32) + 0.5) * lines // 32, lines - 1).astype(int)
    np.testing.assert_array_equal(found[0], np.asarray(expected)[at][:, at])


@pytest.mark.parametrize(("strength", "quality"), [(1, 80), (2, 65), (3, 58), (4, 50), (5, 40)])
def test_jpeg_loses_what_this_quality_loses(strength: int, quality: int, images: Images) -> None:
    for before, after in zip(images[:3], jpeg_compression(images[:3], strength), strict=True):
        file = io.BytesIO()
        Image.fromarray(before).save(file, "JPEG", quality=quality)
        np.testing.assert_array_equal(after, np.asarray(Image.open(file)))
        assert (before != after).mean() > 0.5


def test_jpeg_of_odd_pictures() -> None:
    rows, columns = np.indices((32, 32))
    checks = np.where((rows + columns)[..., None] % 2, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    colours = flat((0, 0, 0), (255, 255, 255), (128, 128, 128))
    pictures = np.concatenate([colours, checks[None]])
    black, white, grey, mixed = jpeg_compression(pictures, 5).astype(int)
    assert black.max() <= 1
    assert white.min() >= 254
    assert np.abs(grey - 128).max() <= 1
    # The two colours alternate from pixel to pixel, and colour is kept at half the resolution.
    assert np.abs(mixed - checks).mean() > 40


@pytest.mark.parametrize(("strength", "pixels"), [(1, 1), (2, 2), (3, 4), (4, 6), (5, 8)])
def test_shift_moves_in_all_four_directions_and_mirrors_at_the_edge(
    strength: int, pixels: int, images: Images
) -> None:
    def inside(position: int) -> int:
        return -position if position < 0 else 62 - position if position > 31 else position

    seen = set()
    for before, after in zip(images, shift(images, strength, 5), strict=True):
        matches = [
            (down, right)
            for down, right in ((pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels))
            if all(
                np.array_equal(after[i, j], before[inside(i + down), inside(j + right)])
                for i in range(0, 32, 3)
                for j in range(32)
            )
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == 4


def test_a_picture_goes_further_in_the_same_direction(images: Images) -> None:
    twice = shift(shift(images, 1, seed=3), 1, seed=3)
    once = shift(images, 2, seed=3)
    np.testing.assert_array_equal(twice[:, 2:-2, 2:-2], once[:, 2:-2, 2:-2])
