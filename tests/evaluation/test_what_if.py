"""The changes against what their names say; and that all are asked about at once, as elsewhere."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.evaluation.what_if import CHANGES, what_if
from cifar_core.inference.classify import Calibration, calibration_of, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from tests.pictures import photos

QUICK = ModelDirectory(paths.models_root() / "quick")
EVERY = pytest.mark.parametrize("name", CHANGES)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(QUICK.onnx_path)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibration_of(QUICK)


@EVERY
def test_a_change_gets_stronger_and_leaves_a_picture(name: str) -> None:
    images = photos(3)
    before = images.copy()
    changed = [CHANGES[name](images, strength) for strength in range(6)]
    np.testing.assert_array_equal(changed[0], images)
    np.testing.assert_array_equal(images, before)
    for result in changed:
        assert result.dtype == np.uint8
        assert result.shape == images.shape
        assert not np.shares_memory(result, images)
    distances = [np.abs(result.astype(float) - images).mean() for result in changed]
    assert 1 < distances[1] <= distances[3] <= distances[5]


@EVERY
@pytest.mark.parametrize("side", [8, 32, 64])
def test_pictures_of_any_side_and_black_and_white_ones(name: str, side: int) -> None:
    black, white = np.zeros((1, side, side, 3), np.uint8), np.full((1, side, side, 3), 255, np.uint8)
    assert CHANGES[name](black, 5).max() < 128
    assert CHANGES[name](white, 5).min() > 60
    assert CHANGES[name](white, 5).shape == white.shape


def test_a_darker_picture_keeps_its_colours() -> None:
    images = photos(1)
    np.testing.assert_allclose(CHANGES["darker"](images, 3), images * 0.5, atol=0.51)


def test_without_colour_the_channels_are_alike_and_green_is_lighter_than_blue() -> None:
    red, green, blue = CHANGES["without colour"](255 * np.eye(3, dtype=np.uint8)[:, None, None], 1)
    assert (red.max(), green.max(), blue.max()) == (76, 150, 29)
    assert all(np.ptp(grey) == 0 for grey in (red, green, blue))


def test_a_turn_is_to_the_left_about_the_middle_and_so_many_degrees() -> None:
    image = np.zeros((1, 33, 33, 3), np.uint8)
    image[0, 15:18, 25:28] = 255  # ten pixels to the right of the middle
    for strength, degrees in ((1, 5), (3, 15), (5, 30)):
        down, right = center_of_mass(CHANGES["turned"](image, strength)[0, ..., 0])
        assert np.degrees(np.arctan2(16 - down, right - 16)) == pytest.approx(degrees, abs=0.5)
        assert np.hypot(down - 16, right - 16) == pytest.approx(10, abs=0.2)


def test_a_mirrored_picture_has_left_and_right_swapped() -> None:
    images = photos(1)
    np.testing.assert_array_equal(CHANGES["mirrored"](images, 1)[:, :, 0], images[:, :, -1])


def test_each_changed_picture_gets_the_answer_that_it_gets_elsewhere(
    classifier: Classifier, calibration: Calibration
) -> None:
    looks = photos(2)
    found = what_if(classifier, calibration, looks, 3)
    assert [each.change for each in found] == ["as it is", *CHANGES]
    for name, picture, answer in found:
        changed = (
            looks if name == "as it is" else np.stack([CHANGES[name](look[None], 3)[0] for look in looks])
        )
        np.testing.assert_array_equal(picture, changed[0])
        [alone] = classify(classifier, calibration, [changed])
        np.testing.assert_allclose(answer.probabilities, alone.probabilities, atol=1e-4)
        assert answer.none_of_these == alone.none_of_these


def test_the_model_is_called_once(
    classifier: Classifier, calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, run = [], classifier._run

    def counted(names: object, images: np.ndarray) -> list[np.ndarray]:
        sizes.append(len(images))
        return run(names, images)  # type: ignore[arg-type]

    monkeypatch.setattr(classifier, "_run", counted)
    what_if(classifier, calibration, photos(1), 3)
    assert sizes == [1 + len(CHANGES)]


@pytest.mark.parametrize("strength", [-1, 6])
def test_other_strengths_are_refused(classifier: Classifier, calibration: Calibration, strength: int) -> None:
    with pytest.raises(ValueError, match="strength is 1 to 5"):
        what_if(classifier, calibration, photos(1), strength)


def test_a_network_that_never_saw_noise_relies_on_its_absence(
    classifier: Classifier, calibration: Calibration, cifar10_folder: Path
) -> None:
    images = cifar10.load_test(cifar10_folder).images[:20]
    kept = dict.fromkeys(CHANGES, 0)
    for image in images:
        first, *changed = what_if(classifier, calibration, image[None], 3)
        for name, _, answer in changed:
            kept[name] += answer.class_name == first.answer.class_name
    assert kept["noisy"] == min(kept.values())
    assert kept["mirrored"] >= 16
