"""The map against classifiers whose pixels are known, then a real model's by deleting what it points at."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.inference.deletion import curve
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.saliency import MASKS, RAMP, overlay, saliency
from tests.pictures import photos

Images = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

WHITE = np.full((32, 32, 3), 255, np.uint8)


def looks_at(rows: slice, columns: slice) -> Any:
    """Class 3 is the likelier, the brighter these pixels are; class 4 takes the rest."""

    def classify(images: Images) -> Floats:
        answers = np.zeros((len(images), 10), np.float32)
        answers[:, 3] = 0.1 + 0.8 * images[:, rows, columns].mean(axis=(1, 2, 3)) / 255
        answers[:, 4] = 1 - answers[:, 3]
        return answers

    return classify


@pytest.mark.parametrize("rows", [slice(0, 6), slice(26, 32)])
@pytest.mark.parametrize("columns", [slice(0, 6), slice(26, 32)])
def test_the_map_peaks_at_the_corner_that_is_looked_at(rows: slice, columns: slice) -> None:
    found = saliency(looks_at(rows, columns), WHITE, 3)
    assert found.dtype == np.float32
    assert found.shape == (32, 32)
    assert (found.min(), found.max()) == (0, 1)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert rows.start <= row < rows.stop
    assert columns.start <= column < columns.stop
    assert found[rows, columns].mean() > 0.8
    assert found[8:24, 8:24].mean() < 0.15


def test_what_speaks_against_a_class_is_0() -> None:
    found = saliency(looks_at(slice(10, 16), slice(10, 16)), WHITE, 4)
    assert not found[10:16, 10:16].any()
    assert not np.isnan(found).any()


def test_where_everything_speaks_against_a_class_nothing_is_salient() -> None:
    rng = np.random.default_rng(1)

    def the_more_is_hidden_the_likelier(images: Images) -> Floats:
        hidden = np.abs(images.astype(float) - 255).mean(axis=(1, 2, 3)) / 255
        return np.tile(0.1 + 0.5 * hidden[:, None], 10) + rng.normal(0, 1e-4, (len(images), 1))

    found = saliency(the_more_is_hidden_the_likelier, WHITE, 0)
    assert not found.any()


@pytest.mark.parametrize("probability", [0.0, 1e-9, 0.1, 0.5, 1.0])
def test_a_constant_classifier_has_no_salient_pixels(probability: float) -> None:
    found = saliency(lambda images: np.full((len(images), 10), probability, np.float32), WHITE, 0)
    assert found.dtype == np.float32
    assert not found.any()


def test_rounding_is_not_evidence() -> None:
    rng = np.random.default_rng(0)
    found = saliency(lambda images: 1 - rng.random((len(images), 10)) * 1e-6, WHITE, 0)
    assert not found.any()


def test_the_classifier_is_asked_once_and_the_map_is_the_same_again() -> None:
    [image] = photos(1)
    before, sizes, look = image.copy(), [], looks_at(slice(0, 16), slice(0, 32))

    def classify(images: Images) -> Floats:
        assert images.dtype == np.uint8
        assert images.shape[1:] == (32, 32, 3)
        sizes.append(len(images))
        answers: Floats = look(images)
        return answers

    first = saliency(classify, image, 3)
    np.testing.assert_array_equal(first, saliency(classify, image[:, ::-1][:, ::-1], 3))
    assert not np.array_equal(first, saliency(classify, image, 3, seed=1))
    assert sizes == [MASKS] * 3
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("class_index", [-1, 10])
def test_another_class_is_refused(class_index: int) -> None:
    with pytest.raises(ValueError, match="class is 0 to 9"):
        saliency(looks_at(slice(0, 6), slice(0, 6)), WHITE, class_index)


@pytest.mark.parametrize("wrong", [np.zeros((32, 32, 3)), np.zeros((1, 32, 32, 3), np.uint8)])
def test_another_image_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="Expected uint8"):
        saliency(looks_at(slice(0, 6), slice(0, 6)), wrong, 3)


def test_deleting_what_the_map_points_at_hurts_a_real_model_most(cifar10_folder: Path) -> None:
    classifier = Classifier(paths.models_root() / "quick" / "model.onnx")
    images = cifar10.load_test(cifar10_folder).images[:20]
    guesses = classifier.probabilities(images).argmax(axis=1)
    rng = np.random.default_rng(0)

    areas = []
    for image, guess in zip(images, guesses.tolist(), strict=True):
        found = saliency(classifier.probabilities, image, guess)
        # The same map upside down is as smooth, and points elsewhere.
        rankings = (found, rng.random((32, 32)), found[::-1, ::-1])
        areas.append([curve(classifier.probabilities, image, guess, each).mean() for each in rankings])
    pointed, random, elsewhere = np.mean(areas, axis=0)
    assert pointed < random
    assert pointed < 0.9 * elsewhere


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (7, 500), (512, 341)])
def test_the_overlay_at_no_and_full_opacity(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    values = rng.random((32, 32), dtype=np.float32)
    bare = overlay(image, values, 0)
    np.testing.assert_array_equal(bare, image)
    assert not np.shares_memory(bare, image)
    for value, colour in ((0.0, RAMP[0]), (1.0, RAMP[-1])):
        covered = overlay(image, np.full((32, 32), value, np.float32), 1)
        assert covered.dtype == np.uint8
        assert covered.shape == image.shape
        assert (covered == colour).all()
    half = overlay(image, values, 0.5).astype(float)
    np.testing.assert_allclose(half, (image + overlay(image, values, 1).astype(float)) / 2, atol=1)


def test_the_map_is_stretched_over_the_whole_picture() -> None:
    values = np.zeros((32, 32))
    values[:, 16:] = 1
    shown = overlay(np.zeros((50, 200, 3), np.uint8), values, 1)
    assert (shown[:, :95] == shown[0, 0]).all()
    assert (shown[:, 105:] == shown[0, -1]).all()
    assert (shown[0, 0] < shown[0, -1]).all()


def test_the_ramp_gets_ever_lighter() -> None:
    column = np.linspace(0, 1, 32)[:, None]
    colours = overlay(np.zeros((32, 1, 3), np.uint8), column, 1)[:, 0].astype(float)
    assert (np.diff(colours @ (0.2126, 0.7152, 0.0722)) > 0).all()


@pytest.mark.parametrize(
    ("image", "values", "opacity"),
    [
        (WHITE.astype(float), np.zeros((32, 32)), 0.5),
        (WHITE[..., 0], np.zeros((32, 32)), 0.5),
        (WHITE[:0], np.zeros((32, 32)), 0.5),
        (WHITE, np.zeros(32), 0.5),
        (WHITE, np.full((32, 32), np.nan), 0.5),
        (WHITE, np.full((32, 32), 1.5), 0.5),
        (WHITE, np.zeros((32, 32)), 1.1),
        (WHITE, np.zeros((32, 32)), float("nan")),
    ],
)
def test_what_cannot_be_laid_over_each_other(image: Any, values: Any, opacity: float) -> None:
    with pytest.raises(ValueError, match=r"Expected|opacity"):
        overlay(image, values, opacity)
