"""Labels that were wrong on purpose, found by what a head fitted to the other pictures says."""

from pathlib import Path

import numpy as np
import pytest

from cifar_core.datasets.dataset import Batch
from cifar_core.datasets.own import Own
from cifar_core.datasets.own_adding import add
from cifar_core.datasets.registry import DIGITS
from cifar_core.evaluation import doubts
from cifar_core.images import to_png
from cifar_core.inference.opening import classifier_of
from cifar_core.runs.model_dir import ModelDirectory
from tests.datasets.own_sources import in_folder

PICTURES, MOST = 700, 50


def flipped(batch: Batch, share: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which so many are another class, and which these are."""
    rng = np.random.default_rng(0)
    wrong = np.zeros(len(batch.labels), bool)
    wrong[rng.permutation(len(wrong))[: int(share * len(wrong))]] = True
    other = (batch.labels + rng.integers(1, 10, len(wrong))) % 10
    return np.where(wrong, other, batch.labels), wrong


@pytest.fixture(scope="module")
def pictures() -> Batch:
    return DIGITS.load("train").take(np.arange(PICTURES))


@pytest.fixture
def dataset(datasets: Path, pictures: Batch, tmp_path: Path) -> Own:  # noqa: ARG001
    """Pictures of digits, of which a tenth lies in a wrong folder; their names say which."""
    labels, wrong = flipped(pictures)
    files = {
        f"{label}/{'wrong' if wrong[n] else 'right'}-{n}-{pictures.labels[n]}.png": to_png(pictures.images[n])
        for n, label in enumerate(labels)
    }
    return add("numbers", in_folder(tmp_path / "numbers", files), mirrors=False).dataset


def test_of_the_most_doubted_labels_four_fifths_or_more_are_wrong(
    dataset: Own, learned_digits: ModelDirectory
) -> None:
    index, told = dataset.index(), list[float]()
    features = doubts.features_of(classifier_of(learned_digits), dataset, told.append)
    found = doubts.find(features, index.labels, index.groups)
    names = index.names[found.order]
    assert len(features) == len(index.names)
    assert told == sorted(told)
    assert np.mean(["wrong" in name for name in names[:MOST]]) >= 0.8
    assert np.mean(["wrong" in name for name in names[: found.doubted]]) >= 0.9
    assert found.doubted >= MOST // 2

    # What it proposes instead is mostly what the picture shows.
    proposed = [
        dataset.class_names[found.likelier(place, int(index.labels[place]))] for place in found.order[:MOST]
    ]
    shown = [name.removesuffix(".png").rpartition("-")[2] for name in names[:MOST]]
    assert np.mean([one == other for one, other in zip(proposed, shown, strict=True)]) >= 0.8


def test_no_picture_is_judged_by_who_saw_one_like_it() -> None:
    """Twins of one label would vouch for each other; in one fold they cannot."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 60)), np.arange(60) % 2
    twins = np.concatenate([features, features + 1e-6])
    groups = np.tile(np.arange(60), 2)
    apart = doubts.find(twins, np.tile(labels, 2), np.arange(120))
    together = doubts.find(twins, np.tile(labels, 2), groups)

    def right(found: doubts.Doubts) -> float:
        return float((found.probabilities.argmax(axis=1) == np.tile(labels, 2)).mean())

    assert right(apart) >= 0.7
    assert right(together) <= 0.6  # noise, of which nothing can be learned


def test_a_label_is_doubted_where_another_class_is_over_its_bar_and_it_is_not() -> None:
    said = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95], [0.4, 0.6]])
    found = doubts.ranked(said, np.array([0, 0, 1, 1, 0, 0]))
    # The bar of class 0 is 0.5375, of class 1 0.85: the last is no less sure than pictures of 1 usually are.
    assert found.doubted == 1
    assert found.order.tolist()[:2] == [4, 5]
    assert found.likelier(4, 0) == 1


@pytest.mark.parametrize("labels", [[0, 0, 0, 3, 3, 3], [0, 0, 0, 1, 1, 1], [1, 1, 2, 2]])
def test_few_pictures_and_classes_without_any_are_no_hindrance(labels: list[int]) -> None:
    y = np.array(labels)
    features = np.eye(5)[y] + np.random.default_rng(0).normal(size=(len(y), 5)) / 100
    found = doubts.find(features, y, np.arange(len(y)))
    assert found.probabilities.shape == (len(y), max(labels) + 1)
    assert sorted(found.order) == list(range(len(y)))
