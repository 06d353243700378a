"""What holds of every kind of corruption; then a model that looks at brightness, and a real one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cifar_core import paths
from cifar_core.arrays import Images
from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch
from cifar_core.evaluation import metrics
from cifar_core.evaluation.corruptions import CORRUPTIONS, FAMILIES, OURS, STRENGTHS, robustness
from cifar_core.inference.calibration import temperature_scale
from cifar_core.inference.runtime import Classifier
from tests.evaluation.corruptions import distance, flat
from tests.pictures import photo, photos

EVERY = pytest.mark.parametrize("name", CORRUPTIONS)
DRAWN = {"gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "snow", "frost", "fog"}
# Here CIFAR-10-C's constants do not grow from strength to strength, or grow in one respect only.
UNEVEN = {"motion_blur", "glass_blur", "frost", "elastic_transform"}


@pytest.fixture(scope="module")
def images() -> Images:
    return photos(40)


def test_the_kinds_are_cifar_10_c_s_fifteen_and_ours() -> None:
    assert [len(kinds) for kinds in FAMILIES.values()] == [3, 4, 4, 4]
    assert [name for kinds in FAMILIES.values() for name in kinds] == list(CORRUPTIONS)[:-1]
    assert list(CORRUPTIONS)[-1] == OURS


@EVERY
def test_strength_0_is_the_picture_in_an_array_of_its_own(name: str, images: Images) -> None:
    result = CORRUPTIONS[name](images, 0)
    np.testing.assert_array_equal(result, images)
    assert not np.shares_memory(result, images)


@EVERY
def test_more_strength_is_further_from_the_original(name: str, images: Images) -> None:
    before = images.copy()
    distances = [distance(CORRUPTIONS[name](images, strength), images) for strength in (0, *STRENGTHS)]
    assert (np.array(distances[1:]) > 0.5).all()
    if name not in UNEVEN:
        assert (np.diff(distances) > 0.05).all()
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
@pytest.mark.parametrize("side", [8, 33, 96])
def test_pictures_of_any_side(name: str, side: int) -> None:
    pictures = np.stack([np.asarray(photo(side, side, seed)) for seed in range(2)])
    for strength in STRENGTHS:
        result = CORRUPTIONS[name](pictures, strength)
        assert result.shape == pictures.shape
        assert distance(result, pictures) < 100
        assert side == 8 or not np.array_equal(result, pictures)  # where 1 % is less than a pixel


@EVERY
def test_the_seed_changes_what_is_random_and_nothing_else(name: str, images: Images) -> None:
    same = np.array_equal(CORRUPTIONS[name](images, 3, 0), CORRUPTIONS[name](images, 3, 1))
    assert same == (name not in DRAWN | {"elastic_transform", OURS})


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_each_picture_has_draws_of_its_own(name: str, images: Images) -> None:
    one, other = CORRUPTIONS[name](np.stack([images[0], images[0]]), 3)
    assert not np.array_equal(one, other)


@EVERY
@pytest.mark.parametrize("strength", STRENGTHS)
def test_black_and_white_do_not_wrap_around(name: str, strength: int) -> None:
    black, white = CORRUPTIONS[name](flat((0, 0, 0), (255, 255, 255)), strength).astype(int)
    assert black.mean() < 110 < 128 < white.mean()
    assert np.quantile(black, 0.4) < 128 < np.quantile(white, 0.6)


@EVERY
@pytest.mark.parametrize("strength", [-1, 6])
def test_other_strengths_are_refused(name: str, strength: int, images: Images) -> None:
    with pytest.raises(ValueError, match="strength is 1 to 5"):
        CORRUPTIONS[name](images, strength)


@EVERY
@pytest.mark.parametrize("wrong", [np.zeros((1, 32, 32, 3)), np.zeros((32, 32, 3), np.uint8)])
def test_other_images_are_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match="Expected uint8"):
        CORRUPTIONS[name](wrong, 1)


def test_robustness_of_a_classifier_that_looks_at_the_brightness() -> None:
    calls: list[Images] = []

    def classify(pictures: Images) -> NDArray[np.float64]:
        """Class 1 if the picture is brighter than 100, else class 0; the surer, the further from that."""
        calls.append(pictures)
        bright = np.clip(pictures.mean(axis=(1, 2, 3)) / 200, 0.1, 0.9)
        return np.stack([1 - bright, bright], axis=1)

    grey = flat((40, 40, 40), (70, 70, 70), (90, 90, 90), (200, 200, 200))
    labels, told = np.array([0, 0, 0, 1]), list[float]()
    found = robustness(classify, grey, labels, 2.0, tell=told.append)
    # 13, 26, 38, 51 and 77 are added: 90 is lifted over 100 by the first, 70 by the third, 40 by the last.
    assert found.accuracies["brightness"] == [0.75, 0.75, 0.5, 0.5, 0.25]
    for name in ("gaussian_noise", "defocus_blur", "contrast", "jpeg_compression", "shift"):
        assert found.accuracies[name] == [1.0] * 5
    assert list(found.accuracies) == list(CORRUPTIONS)
    assert [len(pictures) for pictures in calls] == [4] * 80
    assert told == [n / 80 for n in range(80)]
    assert found.mean == pytest.approx(np.mean([found.accuracies[n] for n in CORRUPTIONS if n != OURS]))
    answers = np.concatenate([temperature_scale(classify(pictures), 2.0) for pictures in calls[:75]])
    expected = metrics.calibration_error(answers, np.tile(labels, 75))
    assert found.calibration_error == pytest.approx(expected)


def test_a_real_model_suffers_more_from_more(cifar10_folder: Path) -> None:
    classifier = Classifier(paths.models_root() / "quick" / "model.onnx")
    whole = cifar10.load_test(cifar10_folder)
    images, labels = Batch(whole.images[:300], whole.labels[:300])
    clean = np.mean(classifier.probabilities(images).argmax(axis=1) == labels)
    found = robustness(classifier.probabilities, images, labels, 0.5)
    assert all(isinstance(value, float) for values in found.accuracies.values() for value in values)
    for name in ("gaussian_noise", "impulse_noise", "zoom_blur", "contrast", "shift"):
        # six images in three hundred are chance
        assert (np.diff([clean, *found.accuracies[name]]) < 0.021).all()
    for name, values in found.accuracies.items():
        assert values[4] < clean - (0.1 if name in FAMILIES["noise"] else 0)
        assert min(values) > 0.1
    assert 0.3 < found.mean < clean - 0.1
    assert 0 < found.calibration_error < 1
