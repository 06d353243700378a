"""The corruptions against slow code, published severities and facts about pictures; then a real model."""

import colorsys
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch
from cifar_core.evaluation.corruptions import (
    CORRUPTIONS,
    STRENGTHS,
    blur,
    brightness,
    contrast,
    jpeg,
    noise,
    robustness,
    shift,
)
from cifar_core.inference.runtime import Classifier
from tests.pictures import photos

Images = NDArray[np.uint8]

EVERY = pytest.mark.parametrize("name", CORRUPTIONS)


@pytest.fixture(scope="module")
def test_set(cifar10_folder: Path) -> Batch:
    whole = cifar10.load_test(cifar10_folder)
    return Batch(whole.images[:300], whole.labels[:300])


@pytest.fixture(scope="module")
def images() -> Images:
    return photos(40)


def flat(*colours: tuple[int, int, int]) -> Images:
    return np.stack([np.full((32, 32, 3), colour, np.uint8) for colour in colours])


def distance(a: Images, b: Images) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@EVERY
def test_strength_0_is_the_picture_in_an_array_of_its_own(name: str, images: Images) -> None:
    result = CORRUPTIONS[name](images, 0, 0)
    np.testing.assert_array_equal(result, images)
    assert not np.shares_memory(result, images)


@EVERY
def test_more_strength_is_further_from_the_original(name: str, images: Images) -> None:
    before = images.copy()
    distances = [distance(CORRUPTIONS[name](images, strength, 0), images) for strength in (0, *STRENGTHS)]
    assert (np.diff(distances) > 0.2).all()
    np.testing.assert_array_equal(images, before)


@EVERY
@pytest.mark.parametrize("strength", STRENGTHS)
def test_what_comes_back_is_a_picture_and_the_same_again(name: str, strength: int, images: Images) -> None:
    backwards = images[::-1, :, ::-1]  # negative strides
    result = CORRUPTIONS[name](backwards, strength, 7)
    assert result.dtype == np.uint8
    assert result.shape == images.shape
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, CORRUPTIONS[name](backwards.copy(), strength, 7))
    assert CORRUPTIONS[name](images[:0], strength, 7).shape == (0, 32, 32, 3)


@EVERY
def test_the_seed_changes_what_is_random_and_nothing_else(name: str, images: Images) -> None:
    same = np.array_equal(CORRUPTIONS[name](images, 3, 0), CORRUPTIONS[name](images, 3, 1))
    assert same == (name not in ("noise", "shift"))


@EVERY
@pytest.mark.parametrize("strength", STRENGTHS)
def test_black_and_white_do_not_wrap_around(name: str, strength: int) -> None:
    black, white = CORRUPTIONS[name](flat((0, 0, 0), (255, 255, 255)), strength, 0).astype(int)
    assert black.max() < 128 < white.min()


@EVERY
@pytest.mark.parametrize("strength", [-1, 6])
def test_other_strengths_are_refused(name: str, strength: int, images: Images) -> None:
    with pytest.raises(ValueError, match="strength is 1 to 5"):
        CORRUPTIONS[name](images, strength, 0)


@EVERY
@pytest.mark.parametrize("wrong", [np.zeros((1, 32, 32, 3)), np.zeros((32, 32, 3), np.uint8)])
def test_other_images_are_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match="Expected uint8"):
        CORRUPTIONS[name](wrong, 1, 0)


@pytest.mark.parametrize(("strength", "deviation"), [(1, 0.04), (2, 0.06), (3, 0.08), (4, 0.09), (5, 0.1)])
def test_the_noise_is_as_strong_as_cifar_10_c_s(strength: int, deviation: float) -> None:
    grey = flat((128, 128, 128), (128, 128, 128))
    added = noise(grey, strength).astype(float) - 128
    assert added.std() == pytest.approx(255 * deviation, rel=0.03)
    assert abs(added.mean()) < 1
    assert abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.05  # each picture has its own
    assert abs(np.corrcoef(added[..., 0].ravel(), added[..., 1].ravel())[0, 1]) < 0.08  # and each channel


@pytest.mark.parametrize(("strength", "sigma"), [(1, 0.4), (2, 0.6), (3, 0.7), (4, 0.8), (5, 1.0)])
def test_a_blurred_point_is_a_gaussian(strength: int, sigma: float) -> None:
    point = np.zeros((2, 32, 32, 3), np.uint8)
    point[0, 16, 16, 1] = 255
    result = blur(point, strength)
    near = np.exp(-(np.arange(-4, 5) ** 2) / (2 * sigma**2))
    expected = 255 * np.outer(near, near) / near.sum() ** 2
    np.testing.assert_allclose(result[0, 12:21, 12:21, 1], expected, atol=1)
    assert not result[0, :, :, [0, 2]].any()
    assert not result[1].any()


def test_a_blurred_edge_of_one_colour_stays(images: Images) -> None:
    colours = flat((10, 200, 30), (255, 255, 255))
    np.testing.assert_array_equal(blur(colours, 5), colours)
    noisy = noise(images, 5)
    assert (
        np.abs(np.diff(blur(noisy, 5).astype(int), axis=2)).mean()
        < 0.7 * np.abs(np.diff(noisy.astype(int), axis=2)).mean()
    )


@pytest.mark.parametrize(("strength", "amount"), [(1, 0.05), (2, 0.1), (3, 0.15), (4, 0.2), (5, 0.3)])
def test_brightness_raises_the_value_as_the_standard_library_has_it(
    strength: int, amount: float, images: Images
) -> None:
    result = brightness(images[:1], strength)[0, ::5, ::5].reshape(-1, 3)
    for before, after in zip(images[0, ::5, ::5].reshape(-1, 3), result, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255).tolist())
        expected = np.array(colorsys.hsv_to_rgb(hue, saturation, min(value + amount, 1))) * 255
        np.testing.assert_allclose(after, expected, atol=0.51)


def test_brightness_makes_black_grey_and_keeps_full_colours() -> None:
    black, red = brightness(flat((0, 0, 0), (255, 0, 0)), 4)
    assert (black == 51).all()
    assert (red == (255, 0, 0)).all()


@pytest.mark.parametrize(("strength", "share"), [(1, 0.75), (2, 0.5), (3, 0.4), (4, 0.3), (5, 0.15)])
def test_contrast_keeps_the_mean_colour(strength: int, share: float, images: Images) -> None:
    result = contrast(images, strength)
    for before, after in zip(images.astype(float), result.astype(float), strict=True):
        np.testing.assert_allclose(after.mean(axis=(0, 1)), before.mean(axis=(0, 1)), atol=0.3)
        np.testing.assert_allclose(after.std(axis=(0, 1)), share * before.std(axis=(0, 1)), atol=0.5)


@pytest.mark.parametrize(("strength", "quality"), [(1, 80), (2, 65), (3, 58), (4, 50), (5, 40)])
def test_jpeg_loses_what_this_quality_loses(strength: int, quality: int, images: Images) -> None:
    for before, after in zip(images[:3], jpeg(images[:3], strength), strict=True):
        file = io.BytesIO()
        Image.fromarray(before).save(file, "JPEG", quality=quality)
        np.testing.assert_array_equal(after, np.asarray(Image.open(file)))
        assert (before != after).mean() > 0.5


def test_jpeg_of_odd_pictures() -> None:
    rows, columns = np.indices((32, 32))
    checks = np.where((rows + columns)[..., None] % 2, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    colours = flat((0, 0, 0), (255, 255, 255), (128, 128, 128))
    black, white, grey, mixed = jpeg(np.concatenate([colours, checks[None]]), 5).astype(int)
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


def test_robustness_of_a_classifier_that_looks_at_the_brightness() -> None:
    calls = []

    def classify(pictures: Images) -> NDArray[np.float64]:
        """Class 1 if the picture is brighter than 100, else class 0."""
        calls.append(len(pictures))
        bright = pictures.mean(axis=(1, 2, 3)) > 100
        answers = np.zeros((len(pictures), 10))
        answers[np.arange(len(pictures)), bright.astype(int)] = 1
        return answers

    grey = flat((40, 40, 40), (70, 70, 70), (90, 90, 90), (200, 200, 200))
    labels = np.array([0, 0, 0, 1])
    found = robustness(classify, grey, labels)
    # 13, 26, 38, 51 and 77 are added: 90 is lifted over 100 by the first, 70 by the third, 40 by the last.
    assert found["brightness"] == [0.75, 0.75, 0.5, 0.5, 0.25]
    for name in ("noise", "blur", "contrast", "jpeg", "shift"):
        assert found[name] == [1.0] * 5
    assert list(found) == list(CORRUPTIONS)
    assert calls == [4] * 30


def test_a_real_model_suffers_more_from_more(test_set: Batch) -> None:
    classifier = Classifier(paths.models_root() / "quick" / "model.onnx")
    images, labels = test_set
    clean = np.mean(classifier.probabilities(images).argmax(axis=1) == labels)
    found = robustness(classifier.probabilities, images, labels)
    assert all(isinstance(value, float) for values in found.values() for value in values)
    assert (np.diff([clean, *found["noise"]]) < 0.01).all()  # three images in three hundred are chance
    assert found["noise"][4] < clean - 0.1
    for values in found.values():
        assert values[4] < clean
        assert min(values) > 0.1
