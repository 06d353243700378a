"""The results of an average: from what its members said, and on validation images that they did not learn."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import DatasetError, ModelDirectoryError
from cifar_core.evaluation import averaging, comparison, metrics, ood_sets
from cifar_core.evaluation import card as cards
from cifar_core.inference import ood
from cifar_core.inference.calibration import fit_temperature, temperature_scale
from cifar_core.inference.classify import calibration_of
from cifar_core.inference.opening import classifier_of
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory

Pair = list[ModelDirectory]


def of_members(models: Pair, which: str = "test") -> list[np.ndarray]:
    """What each said, calibrated."""
    return [temperature_scale(m.predictions()[which], m.card()["temperature"]) for m in models]


def test_the_test_figures_are_of_the_mean_of_stored_answers(duo: ModelDirectory, two: Pair) -> None:
    predictions, card = duo.predictions(), duo.card()
    np.testing.assert_allclose(predictions["test"], np.mean(of_members(two), axis=0), atol=1e-3)
    np.testing.assert_array_equal(predictions["labels"], DIGITS.load("test").labels)
    expected = metrics.summary(predictions["test"], predictions["labels"], card["temperature"])
    for name, value in expected.items():
        assert card[name] == pytest.approx(value)  # type: ignore[literal-required]
    first, second = (model.card() for model in two)
    assert card["parameters"] == first["parameters"] + second["parameters"]
    assert card["bytes"] == first["bytes"] + second["bytes"]
    assert (card["name"], card["recipe"], card["validation"]) == ("duo", "average", "split")
    assert duo.recipe().title == "Average of linear and other"
    duo.check_results()


def test_they_answer_as_their_stored_answers_do(duo: ModelDirectory) -> None:
    live = classifier_of(duo).probabilities(DIGITS.load("test").images)
    np.testing.assert_allclose(live, duo.predictions()["test"], atol=2e-3)


def test_of_each_validation_image_those_are_asked_that_did_not_learn_from_it(
    duo: ModelDirectory, two: Pair
) -> None:
    places = [model.predictions()["validation_indices"] for model in two]
    shared = np.intersect1d(places[0], places[1])
    assert 0 < len(shared) < len(places[0])  # they have different seeds
    found = duo.predictions()
    np.testing.assert_array_equal(found["validation_indices"], np.union1d(places[0], places[1]))
    said = [
        dict(zip(each.tolist(), answers, strict=True))
        for each, answers in zip(places, of_members(two, "validation"), strict=True)
    ]
    for row, index in zip(found["validation"], found["validation_indices"].tolist(), strict=True):
        theirs = [answers[index] for answers in said if index in answers]
        np.testing.assert_allclose(row, np.mean(theirs, axis=0), atol=1e-3)
    labels = DIGITS.load("train").labels[found["validation_indices"]]
    assert duo.card()["temperature"] == pytest.approx(fit_temperature(found["validation"], labels), rel=1e-3)


def test_members_that_held_out_the_same_images_let_95_percent_of_them_pass(two: Pair) -> None:
    one = two[0]
    twin = ModelDirectory(Path(shutil.copytree(one.path, one.path.parent / "twin")))
    made = averaging.make([one, twin], "alike")
    indices = made.predictions()["validation_indices"]
    np.testing.assert_array_equal(indices, one.predictions()["validation_indices"])
    images, known = DIGITS.load("train").images[indices], calibration_of(made).known
    outputs = classifier_of(made).outputs(images)
    scores = ood.score(outputs.logits, outputs.features, images, known)
    assert np.mean(scores <= made.card()["ood_threshold"] + 1e-9) == pytest.approx(0.95, abs=0.01)
    assert made.card()["accuracy"] == one.card()["accuracy"]  # twice the same is the same
    assert averaging.gain([one, twin]).duel.difference == 0


def test_with_a_member_that_validated_on_the_test_set_it_does_too_and_says_so(two: Pair) -> None:
    config = two[1].config()
    two[1].write_config(replace(config, recipe=config.recipe.with_(validation="test")))
    cards.evaluate(two[1])
    made = averaging.make(two, "looked")
    assert made.card()["validation"] == made.recipe().validation == "test"
    np.testing.assert_array_equal(made.predictions()["validation_indices"], np.arange(DIGITS.sizes["test"]))
    np.testing.assert_array_equal(made.predictions()["validation"], made.predictions()["test"])


def test_a_gain_is_against_the_best_of_them(duo: ModelDirectory, two: Pair) -> None:
    found, card = averaging.gain(two), duo.card()
    best = max(two, key=lambda model: model.card()["accuracy"])
    assert found.best == best
    assert found.accuracy == card["accuracy"]
    assert [*found.interval] == card["accuracy_interval"]
    labels = DIGITS.load("test").labels
    right = [metrics.correct(model.predictions()["test"], labels) for model in (duo, best)]
    expected = comparison.duel(*right)
    assert (
        found.duel.difference
        == expected.difference
        == pytest.approx(card["accuracy"] - best.card()["accuracy"])
    )
    assert found.duel.p_value == expected.p_value


def test_evaluated_it_is_asked_about_views_and_other_pictures_too(duo: ModelDirectory) -> None:
    before, stored = duo.card(), duo.predictions()
    assert "test_time_augmentation" not in before
    assert "out_of_distribution" not in before
    card = averaging.evaluate(duo)
    assert {name: card[name] for name in before} == before  # type: ignore[literal-required]
    np.testing.assert_array_equal(duo.predictions()["test"], stored["test"])
    test = DIGITS.load("test")
    six = classifier_of(duo).probabilities(test.images, 6)
    assert card["test_time_augmentation"]["accuracy"] == metrics.accuracy(six, test.labels)
    assert set(card["out_of_distribution"]) == {*ood_sets.SETS, "jigsaw"} - {"digits"}
    with_worse = averaging.evaluate(duo, robustness=True)
    assert with_worse["robustness"]
    assert averaging.evaluate(duo) == with_worse  # which keeps what was measured


def three(models: Pair) -> Pair:
    return [*models, averaging.make(models, "inner")]


def of_another_side(models: Pair) -> Pair:
    config = models[1].config()
    models[1].write_config(replace(config, dataset=replace(config.dataset, side=64)))
    return models


def of_other_pictures(models: Pair) -> Pair:
    config = models[1].config()
    models[1].write_config(replace(config, dataset=replace(config.dataset, digest="0" * 64)))
    return models


def elsewhere(models: Pair) -> Pair:
    path = models[1].path.rename(models[1].path.parents[1] / "elsewhere")
    shutil.copytree(path, models[1].path.parent / "elsewhere")
    return [models[0], ModelDirectory(path)]


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (lambda models: models[:1], "of two to 5 different models"),
        (lambda models: [models[0], models[0]], "of two to 5 different models"),
        (lambda models: models * 3, "of two to 5 different models"),
        (three, "“inner” is an average"),
        (of_another_side, "learned from different pictures, classes or sizes"),
        (of_other_pictures, "learned from different pictures, classes or sizes"),
        (elsewhere, "is not among the models and runs here"),
    ],
)
def test_what_has_no_mean_is_refused_and_nothing_is_left(
    two: Pair, chosen: Callable[[Pair], Pair], sentence: str
) -> None:
    models = chosen(two)
    before = sorted(two[0].path.parent.iterdir())
    for asked in (averaging.gain, lambda models: averaging.make(models, "none")):
        with pytest.raises(ModelDirectoryError, match=sentence):
            asked(models)
    assert sorted(two[0].path.parent.iterdir()) == before


def test_without_the_pictures_it_says_what_is_missing_and_leaves_nothing(
    two: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(two[0].path.parent.iterdir())

    def gone(*_: Any) -> None:
        raise DatasetError("The pictures are not here.")

    monkeypatch.setattr(type(DIGITS), "load", gone)
    with pytest.raises(DatasetError, match="not here"):
        averaging.make(two, "none")
    assert sorted(two[0].path.parent.iterdir()) == before
    assert averaging.gain(two).accuracy > 0.5  # which needs none


def test_names_are_made_of_theirs_and_never_taken(two: Pair) -> None:
    first, second = averaging.make(two), averaging.make(two)
    assert (first.name, second.name) == ("average-linear-other", "average-linear-other-2")
    assert first.title == "linear + other"
    with pytest.raises(ModelDirectoryError, match="There is already a run"):
        averaging.make(two, first.name)
    assert {first.name, second.name} <= {model.name for model in catalogue.models()}
