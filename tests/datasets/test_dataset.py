"""What every dataset offers: facts that are believed only if they make sense, names, and the split."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Facts, split
from cifar_core.datasets.registry import CIFAR10, DATASETS, DIGITS, first_choice, get_dataset
from cifar_core.errors import DatasetError, RecipeError

SOUND: dict[str, Any] = DIGITS.facts.to_dict()


# Facts


def read(values: Any) -> Facts:
    return msgspec.convert(values, Facts)


@pytest.mark.parametrize("name", DATASETS)
def test_facts_come_back_from_json(name: str) -> None:
    facts = get_dataset(name).facts
    assert msgspec.json.decode(json.dumps(facts.to_dict()), type=Facts) == facts


@pytest.mark.parametrize(
    "change",
    [
        {"class_names": ["one"]},
        {"class_names": []},
        {"class_names": ["cat", "dog", "cat"]},
        {"class_names": ["cat", ""]},
        {"class_names": ["cat", "  "]},
        {"class_names": ["cat", None]},
        {"class_names": ["cat", 5]},
        {"class_names": ["cat", ["dog"]]},
        {"class_names": ["cat", "dog\ud800"]},
        {"class_names": [f"class {number}" for number in range(1_001)]},
        {"class_names": "catdog"},
        {"class_names": {"cat": 0, "dog": 1}},
        {"class_names": None},
        {"class_names": 10},
        {"name": ""},
        {"name": None},
        {"name": ["digits"]},
        {"name": "\udfff"},
        {"digest": ""},
        {"digest": 7},
        {"side": 0},
        {"side": -32},
        {"side": 7},
        {"side": 513},
        {"side": 10**30},
        {"side": 32.0},
        {"side": "32"},
        {"side": True},
        {"side": None},
        {"mirrors": 1},
        {"mirrors": "yes"},
        {"mirrors": None},
        {5: 1},
    ],
    ids=repr,
)
def test_facts_that_make_no_sense_are_refused(change: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read({**SOUND, **change})


@pytest.mark.parametrize("name", SOUND)
def test_facts_that_lack_a_part_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"missing|Expected"):
        read({key: value for key, value in SOUND.items() if key != name})


@pytest.mark.parametrize("values", [None, [], "facts", 5, [["name", "digits"]]])
def test_what_is_no_mapping_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match=r"missing|Expected"):
        read(values)


def test_names_may_be_of_any_language() -> None:
    names = ["Brötchen", "猫", "ゾウ 🐘", "two words", 'a "quoted" one']
    facts = read({**SOUND, "class_names": names, "side": 8})
    assert facts.class_names == tuple(names)
    assert read({**SOUND, "side": 512}).side == 512
    assert len(read({**SOUND, "class_names": ["a", "b"]}).class_names) == 2


# By name


def test_datasets_are_found_by_their_name() -> None:
    assert {name: dataset.name for name, dataset in DATASETS.items()} == {
        "cifar10": "cifar10",
        "digits": "digits",
    }
    assert get_dataset("cifar10") is CIFAR10
    assert get_dataset("digits") is DIGITS
    assert len({dataset.facts.digest for dataset in DATASETS.values()}) == len(DATASETS)


@pytest.mark.parametrize("name", ["", "CIFAR10", "../digits", "digits ", "\ud800"])
def test_another_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(DatasetError, match=r"choose one of cifar10, digits\.$"):
        get_dataset(name)


def test_the_first_choice_is_always_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "find", lambda: None)
    assert first_choice() is DIGITS
    assert not CIFAR10.available()
    assert "`python -m cifar_core data download`" in (CIFAR10.problem() or "")
    with pytest.raises(DatasetError, match="CIFAR-10 is not on this machine"):
        CIFAR10.refuse_if_missing()
    monkeypatch.setattr(cifar10, "find", lambda: "somewhere")
    assert first_choice() is CIFAR10


# Splitting what is smaller and less even than CIFAR-10


def test_a_class_with_a_single_image_can_be_split() -> None:
    labels = np.array([0] * 30 + [1] * 30 + [2])
    train, validation = split(labels, validation_images=6)
    assert np.array_equal(np.union1d(train, validation), np.arange(61))
    assert (len(train), len(validation)) == (55, 6)


@pytest.mark.parametrize("classes", [2, 3, 17])
def test_validation_needs_an_image_a_class(classes: int) -> None:
    labels = np.arange(200) % classes
    _, validation = split(labels, validation_images=classes)
    assert sorted(labels[validation]) == [*range(classes)]
    with pytest.raises(RecipeError, match=f"takes 0 images, or {classes} and more"):
        split(labels, validation_images=classes - 1)
