"""What calibrates a model's answers, and that they come out calibrated."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.errors import ModelDirectoryError
from cifar_core.evaluation import ood_sets
from cifar_core.inference.classify import Answer, calibration_of, classify, known_of, mean_of
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import TTA
from cifar_core.runs.model_dir import ModelDirectory
from tests.pictures import photos

QUICK = ModelDirectory(paths.models_root() / "quick")


@pytest.fixture
def mine(tmp_path: Path) -> ModelDirectory:
    """The shipped model with other temperatures on its card."""
    directory = ModelDirectory(Path(shutil.copytree(QUICK.path, tmp_path / "mine")))
    card, six = QUICK.card(), QUICK.card()["test_time_augmentation"]
    changed = {
        "temperature": 1.5,
        "test_time_augmentation": {**six, "temperature": 1.25},
        "ood_threshold": -2,
    }
    directory.card_path.write_text(json.dumps({**card, **changed}))
    return directory


@pytest.mark.parametrize(("tta", "expected"), [(1, 1.5), (2, 1.25), (6, 1.25)])
def test_averaged_answers_have_a_temperature_of_their_own(
    mine: ModelDirectory, tta: TTA, expected: float
) -> None:
    calibration = calibration_of(mine, tta)
    assert (calibration.temperature, calibration.ood_threshold) == (expected, -2.0)
    lengths = np.linalg.norm(known_of(mine).class_directions, axis=1)
    np.testing.assert_allclose(lengths, np.ones(10), rtol=1e-5)


def test_predictions_without_directions_are_reported(mine: ModelDirectory) -> None:
    without = {name: value for name, value in QUICK.predictions().items() if name != "class_directions"}
    np.savez(mine.predictions_path, **without)  # type: ignore[arg-type]
    with pytest.raises(ModelDirectoryError, match="“mine” are missing or damaged"):
        calibration_of(mine)


def test_the_directions_of_another_model_are_reported(mine: ModelDirectory) -> None:
    arrays = mine.predictions()
    np.savez(mine.predictions_path, **{**arrays, "class_directions": np.eye(10)})  # type: ignore[arg-type]
    with pytest.raises(ModelDirectoryError, match=r"are those of another; .+ recomputes them"):
        classify(Classifier(mine.onnx_path), calibration_of(mine), photos(2)[:, None])


@pytest.mark.parametrize("tta", [1, 6])
def test_the_answers_are_those_after_so_many_views(tta: TTA) -> None:
    classifier = Classifier(QUICK.onnx_path)
    images = photos(5)
    raw = classifier.probabilities(images, tta).astype(float) ** (1 / 0.7)
    answers = classify(classifier, calibration_of(QUICK)._replace(temperature=0.7), images[:, None], tta)
    for answer, row in zip(answers, raw / raw.sum(axis=1, keepdims=True), strict=True):
        np.testing.assert_allclose(answer.probabilities, row, atol=1e-6)
        assert answer.class_name == cifar10.CLASS_NAMES[row.argmax()]
        assert answer.confidence == max(answer.probabilities)


def test_pictures_of_nothing_are_none_of_these(cifar10_folder: Path) -> None:
    known, outside = cifar10.load_test(cifar10_folder).images[:100], ood_sets.waves(100)
    answers = classify(
        Classifier(QUICK.onnx_path), calibration_of(QUICK), np.concatenate([known, outside])[:, None]
    )
    doubted = np.array([answer.none_of_these for answer in answers])
    assert doubted[:100].mean() < 0.15
    assert doubted[100:].mean() > 0.5


def test_no_picture_has_no_answer() -> None:
    nothing = np.empty((0, 32, 32, 3), np.uint8)
    assert classify(Classifier(QUICK.onnx_path), calibration_of(QUICK), nothing) == []


def test_looks_at_one_picture_are_averaged_as_logits_are() -> None:
    classifier, calibration = Classifier(QUICK.onnx_path), calibration_of(QUICK)
    images = photos(3)
    logits = classifier.outputs(images).logits.astype(float)
    one, both = classify(classifier, calibration, [images[:1], images[1:]])
    for answer, mean in ((one, logits[0]), (both, logits[1:].mean(axis=0))):
        np.testing.assert_allclose(answer.probabilities, softmax(mean / calibration.temperature), atol=1e-4)


def test_a_doubt_is_about_the_mean_of_the_looks() -> None:
    classifier, calibration = Classifier(QUICK.onnx_path), calibration_of(QUICK)
    static = ood_sets.static(1)
    assert classify(classifier, calibration, [static])[0].none_of_these
    generous = calibration._replace(ood_threshold=1e9)
    assert not classify(classifier, generous, [np.concatenate([static, photos(1)])])[0].none_of_these


def test_answers_from_elsewhere_are_averaged_too() -> None:
    names = ("cat", "dog")

    def told(cat: float, doubt: bool | None) -> Answer:
        return Answer(names, np.array([cat, 1 - cat]), doubt)

    one, both = mean_of([told(0.7, True), told(0.8, False), told(0.2, False)], [1, 2])
    np.testing.assert_allclose(one.probabilities, [0.7, 0.3])
    np.testing.assert_allclose(both.probabilities, [0.5, 0.5])
    assert (one.none_of_these, both.none_of_these) == (True, False)
    assert mean_of([told(0.7, None)], [1])[0].none_of_these is None
