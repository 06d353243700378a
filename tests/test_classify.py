"""Which temperature goes with how many views, and that the two are used together."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifar_core import dataset, model_dir
from cifar_core.classify import classify, temperature_of
from cifar_core.errors import ModelDirectoryError
from cifar_core.model_dir import ModelDirectory
from cifar_core.runtime import Classifier
from cifar_core.views import Views


def with_card(folder: Path, content: Any) -> ModelDirectory:
    (folder / "mine").mkdir()
    directory = ModelDirectory(folder / "mine")
    directory.card_path.write_text(json.dumps(content))
    return directory


@pytest.mark.parametrize(("views", "expected"), [(1, 1.5), (2, 1.25), (6, 1.25)])
def test_averaged_answers_have_a_temperature_of_their_own(
    tmp_path: Path, views: Views, expected: float
) -> None:
    card = {"temperature": 1.5, "test_time_augmentation": {"temperature": 1.25}}
    assert temperature_of(with_card(tmp_path, card), views) == expected


@pytest.mark.parametrize("views", [1, 2, 6])
def test_an_older_card_has_one_for_all(tmp_path: Path, views: Views) -> None:
    assert temperature_of(with_card(tmp_path, {"temperature": 1.5}), views) == 1.5


DAMAGED = [0, -1, None, "warm", float("inf"), float("nan"), [1.5]]


@pytest.mark.parametrize("wrong", DAMAGED)
@pytest.mark.parametrize("views", [1, 6])
def test_a_damaged_temperature_is_reported(tmp_path: Path, views: Views, wrong: Any) -> None:
    # Only the one that is asked for is damaged.
    card = {"temperature": 1.5, "test_time_augmentation": {"temperature": 1.25}}
    (card if views == 1 else card["test_time_augmentation"])["temperature"] = wrong  # type: ignore[index]
    directory = with_card(tmp_path, card)
    with pytest.raises(ModelDirectoryError, match="`python -m cifar_core evaluate mine` recomputes them"):
        temperature_of(directory, views)
    assert temperature_of(directory, 6 if views == 1 else 1) > 0


@pytest.mark.parametrize("card", [{}, {"temperature": 1.5, "test_time_augmentation": None}, []])
def test_a_damaged_card_is_reported(tmp_path: Path, card: Any) -> None:
    with pytest.raises(ModelDirectoryError, match="“mine” are missing or damaged"):
        temperature_of(with_card(tmp_path, card), 6)


@pytest.mark.parametrize("views", [1, 6])
def test_the_answers_are_those_after_so_many_views(cifar10: Path, views: Views) -> None:
    classifier = Classifier(model_dir.models_root() / "quick" / "model.onnx")
    images = dataset.load_test(cifar10).images[:5]
    raw = classifier.probabilities(images, views).astype(float) ** (1 / 0.7)
    answers = classify(classifier, 0.7, images, views)
    for answer, row in zip(answers, raw / raw.sum(axis=1, keepdims=True), strict=True):
        np.testing.assert_allclose(answer.probabilities, row, atol=1e-6)
        assert (answer.class_name, answer.confidence) == (dataset.CLASS_NAMES[row.argmax()], max(answer[2]))
