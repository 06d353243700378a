"""What `evaluate` writes about the shipped model `quick`, on a part of the test set."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch, Split
from cifar_core.errors import ModelDirectoryError
from cifar_core.evaluation import card as cards
from cifar_core.evaluation import corruptions, metrics, ood_sets
from cifar_core.evaluation.card import OOD_IMAGES, evaluate
from cifar_core.inference import calibration, ood
from cifar_core.inference.classify import calibration_of
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Card

SHIPPED = paths.models_root()
PART = 1_000  # of the test images; all of them would take six times as long and more


class Evaluated(NamedTuple):
    directory: ModelDirectory
    card: Card
    test: Batch


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory, cifar10_folder: Path) -> Evaluated:
    directory = ModelDirectory(tmp_path_factory.mktemp("models") / "quick")
    shutil.copytree(SHIPPED / "quick", directory.path)
    directory.card_path.unlink()
    directory.predictions_path.unlink()
    whole = cifar10.load_test(cifar10_folder)
    part = Batch(whole.images[:PART], whole.labels[:PART])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cifar10, "load_test", lambda: part)
        return Evaluated(directory, evaluate(directory), part)


def test_the_predictions_are_plain_and_as_they_were(evaluated: Evaluated) -> None:
    written = evaluated.directory.predictions()
    shipped = ModelDirectory(SHIPPED / "quick").predictions()
    assert written["test"].dtype == written["validation"].dtype == np.float16
    np.testing.assert_allclose(written["test"], shipped["test"][:PART], atol=2e-3)
    np.testing.assert_allclose(written["validation"], shipped["validation"], atol=2e-3)
    np.testing.assert_array_equal(written["validation_indices"], shipped["validation_indices"])


def test_the_plain_figures_are_those_of_the_predictions(evaluated: Evaluated) -> None:
    predictions, card, labels = evaluated.directory.predictions(), evaluated.card, evaluated.test.labels
    assert card == evaluated.directory.card()
    assert card["accuracy"] == np.mean(predictions["test"].argmax(axis=1) == labels)
    shipped = ModelDirectory(SHIPPED / "quick").card()
    assert card["temperature"] == pytest.approx(
        shipped["temperature"], abs=1e-3
    )  # the same validation images
    assert set(card) == {name for name in shipped if not name.startswith("robustness")}


@pytest.mark.parametrize("damage", ["history", "config"])
def test_what_was_not_trained_to_its_end_gets_no_card(tmp_path: Path, damage: str) -> None:
    directory = ModelDirectory(Path(shutil.copytree(SHIPPED / "quick", tmp_path / "quick")))
    before = directory.card()
    if damage == "history":
        directory.history_path.unlink()
    else:
        directory.write_config(replace(directory.config(), parameters=0))
    with pytest.raises(ModelDirectoryError, match="not trained to its end"):
        evaluate(directory)
    assert directory.card() == before


def test_the_figures_with_six_views_stand_apart(evaluated: Evaluated) -> None:
    test, augmented = evaluated.test, evaluated.card["test_time_augmentation"]
    assert set(augmented) == {"views", "accuracy", "accuracy_interval", "temperature"}
    assert augmented["views"] == 6
    answers = Classifier(evaluated.directory.onnx_path).probabilities(test.images, 6)
    correct = int((answers.argmax(axis=1) == test.labels).sum())
    assert augmented["accuracy"] == correct / PART
    assert augmented["accuracy"] != evaluated.card["accuracy"]
    assert augmented["accuracy_interval"] == list(metrics.wilson_interval(correct, PART))


def test_the_temperature_of_six_views_was_fitted_on_the_validation_images(
    evaluated: Evaluated, cifar10_folder: Path
) -> None:
    train, indices = (
        cifar10.load_train(cifar10_folder),
        evaluated.directory.predictions()["validation_indices"],
    )
    answers = Classifier(evaluated.directory.onnx_path).probabilities(train.images[indices], 6)
    found = evaluated.card["test_time_augmentation"]["temperature"]

    def loss(temperature: float) -> float:
        scaled = answers.astype(float) ** (1 / temperature)
        true = scaled[np.arange(len(indices)), train.labels[indices]]
        return float(-np.log(true / scaled.sum(axis=1)).mean())

    assert loss(found) < min(loss(found * 1.01), loss(found / 1.01), loss(evaluated.card["temperature"]))


@pytest.mark.slow
def test_the_shipped_accuracy_with_six_views(cifar10_folder: Path) -> None:
    test, model = cifar10.load_test(cifar10_folder), ModelDirectory(SHIPPED / "quick")
    card = model.card()
    augmented = card["test_time_augmentation"]
    assert augmented["views"] == 6
    answers = Classifier(model.onnx_path).probabilities(test.images, 6)
    # Another processor may round differently, which can tip an image or two.
    assert np.mean(answers.argmax(axis=1) == test.labels) == pytest.approx(augmented["accuracy"], abs=3e-4)
    # The temperature of its own suits these answers better than that of the plain ones.
    own, plain = (
        metrics.cross_entropy(calibration.temperature_scale(answers, temperature), test.labels)
        for temperature in (augmented["temperature"], card["temperature"])
    )
    assert own < plain


def test_what_is_none_of_these_is_told_from_what_is(evaluated: Evaluated) -> None:
    card, known = evaluated.card, calibration_of(evaluated.directory).known
    assert set(card["out_of_distribution"]) == {*ood_sets.SETS, "jigsaw"}
    outputs = Classifier(evaluated.directory.onnx_path).outputs(evaluated.test.images)
    inside = ood.score(outputs.logits, outputs.features, evaluated.test.images, known)
    assert np.mean(inside > card["ood_threshold"]) == pytest.approx(0.05, abs=0.025)
    images = ood_sets.static(OOD_IMAGES)
    static = Classifier(evaluated.directory.onnx_path).outputs(images)
    outside = ood.score(static.logits, static.features, images, known)
    assert card["out_of_distribution"]["static"] == pytest.approx(ood_sets.told_apart(inside, outside))


def test_robustness_is_measured_when_asked_for_and_kept_when_not(
    evaluated: Evaluated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "robustness" not in evaluated.card
    # Few images of every kind, because the model is evaluated twice.
    directory = ModelDirectory(tmp_path / "quick")
    shutil.copytree(SHIPPED / "quick", directory.path)
    directory.card_path.unlink()
    config = directory.config()
    directory.write_config(replace(config, recipe=config.recipe.with_(validation_images=200)))
    few = Batch(evaluated.test.images[:100], evaluated.test.labels[:100])
    monkeypatch.setattr(cifar10, "load_test", lambda: few)
    monkeypatch.setattr(cards, "OOD_IMAGES", 100)
    monkeypatch.setattr(cards, "ROBUSTNESS_IMAGES", 60)
    measured = evaluate(directory, robustness=True)
    assert measured["robustness_images"] == 60
    unharmed = directory.predictions()["test"][:60]
    assert measured["robustness_plain"] == metrics.accuracy(unharmed, few.labels[:60])
    assert set(measured["robustness"]) == set(corruptions.CORRUPTIONS)
    answers = Classifier(directory.onnx_path).probabilities(
        corruptions.CORRUPTIONS["contrast"](few.images[:60], 5)
    )
    assert measured["robustness"]["contrast"][4] == metrics.accuracy(answers, few.labels[:60])
    kinds = [name for name in corruptions.CORRUPTIONS if name != corruptions.OURS]
    mean = np.mean([measured["robustness"][name] for name in kinds])
    assert measured["robustness_mean"] == pytest.approx(mean)
    worse = [
        corruptions.CORRUPTIONS[name](few.images[:60], strength)
        for name in kinds
        for strength in corruptions.STRENGTHS
    ]
    answers = Classifier(directory.onnx_path).probabilities(np.concatenate(worse))
    answers = calibration.temperature_scale(answers, measured["temperature"])
    expected = metrics.calibration_error(answers, np.tile(few.labels[:60], len(worse)))
    assert measured["robustness_calibration_error"] == pytest.approx(expected, abs=1e-4)
    told = []
    before = directory.card_path.stat().st_mtime_ns

    def tell(accuracy: float) -> None:
        told.append((accuracy, directory.card_path.stat().st_mtime_ns))

    assert evaluate(directory, tell=tell) == measured
    assert told == [(measured["accuracy"], before)]  # before the card was written


def test_a_class_that_is_in_neither_small_part_is_learned_from_training_images(
    evaluated: Evaluated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = ModelDirectory(Path(shutil.copytree(SHIPPED / "quick", tmp_path / "quick")))
    train, whole = cifar10.load_train(), evaluated.test
    few = np.flatnonzero(whole.labels != 3)[:12]
    held_out = np.flatnonzero(np.isin(train.labels, (3, 7), invert=True))[:150]
    some = train.take(np.concatenate([held_out, np.flatnonzero(np.isin(train.labels, (3, 7)))[:60]]))
    monkeypatch.setattr(cifar10, "load_test", lambda: whole.take(few))
    monkeypatch.setattr(cifar10, "load_train", lambda: some)
    monkeypatch.setattr(cards, "split", lambda *_, **__: Split(np.arange(150, 210), np.arange(150)))
    monkeypatch.setattr(cards, "OOD_IMAGES", 50)
    card = evaluate(directory, robustness=True)
    assert (card["test_images"], card["robustness_images"]) == (12, 12)
    assert card["accuracy"] == np.mean(directory.predictions()["test"].argmax(axis=1) == whole.labels[few])
    outputs = Classifier(directory.onnx_path).outputs(some.images)
    expected = ood.class_directions(outputs.features, some.labels, 10)
    np.testing.assert_allclose(directory.predictions()["class_directions"], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["quick", "report"])
def test_shipped_models_are_more_accurate_with_six_views(name: str) -> None:
    card = ModelDirectory(SHIPPED / name).card()
    low, high = card["test_time_augmentation"]["accuracy_interval"]
    assert card["accuracy"] < low < card["test_time_augmentation"]["accuracy"] < high
