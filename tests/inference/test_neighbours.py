"""The nearest training images: those of a search through all features, kept, found again if damaged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifar_core.datasets.digits import Digits
from cifar_core.datasets.registry import DIGITS
from cifar_core.inference import neighbours
from cifar_core.inference.neighbours import Neighbours
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from tests.linear_models import learned


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return learned(tmp_path_factory.mktemp("neighbours") / "linear")


@pytest.fixture(scope="module")
def found(model: ModelDirectory) -> tuple[Neighbours, list[float]]:
    told: list[float] = []
    return neighbours.find(Classifier(model.onnx_path), DIGITS, told.append), told


def features(model: ModelDirectory, images: np.ndarray) -> np.ndarray:
    return Classifier(model.onnx_path).outputs(images).features


def test_they_are_those_of_a_search_through_all_features(
    model: ModelDirectory, found: tuple[Neighbours, list[float]]
) -> None:
    train, test = DIGITS.load("train"), DIGITS.load("test").images[:50]
    known, asked = (features(model, images) for images in (train.images, test))
    directions = known / np.linalg.norm(known, axis=1, keepdims=True)
    for picture in asked:
        distances = np.square(directions - picture / np.linalg.norm(picture)).sum(axis=1)
        nearest = found[0].nearest(picture, 8)
        # 48 of 64 components and half precision: the order of near ties may change, not who is near.
        assert len(set(nearest) & set(distances.argsort()[:8])) >= 6
        assert distances[nearest[0]] == pytest.approx(distances.min(), rel=0.05)


def test_a_training_image_is_nearest_to_itself(
    model: ModelDirectory, found: tuple[Neighbours, list[float]]
) -> None:
    images = DIGITS.load("train").images
    for place in (0, 700, len(images) - 1):
        [features_of_it] = features(model, images[place : place + 1])
        assert found[0].nearest(features_of_it, 3)[0] == place


def test_of_few_training_images_all_come_back(found: tuple[Neighbours, list[float]]) -> None:
    few = Neighbours(found[0].mean, found[0].components, found[0].points[:5])
    assert sorted(few.nearest(np.ones(len(few.mean)), 8)) == [0, 1, 2, 3, 4]


def test_features_of_zeros_have_neighbours_too(found: tuple[Neighbours, list[float]]) -> None:
    assert len(found[0].nearest(np.zeros(len(found[0].mean)), 8)) == 8


def test_it_says_how_far_it_is(found: tuple[Neighbours, list[float]]) -> None:
    size = DIGITS.sizes["train"]
    assert found[1] == [done / size for done in range(0, size, 250)]


@pytest.mark.usefixtures("cache")
def test_they_are_kept_and_found_again_where_the_file_is_damaged(
    model: ModelDirectory, found: tuple[Neighbours, list[float]]
) -> None:
    place: Path = neighbours.place(model, DIGITS)
    assert neighbours.kept(model, DIGITS) is None
    found[0].save(place)
    kept = neighbours.kept(model, DIGITS)
    assert kept is not None
    for part in ("mean", "components", "points"):
        assert np.array_equal(getattr(kept, part), getattr(found[0], part))
    place.write_bytes(place.read_bytes()[:-100])
    assert neighbours.kept(model, DIGITS) is None


@pytest.mark.usefixtures("cache")
def test_those_among_other_training_images_are_not_believed(
    model: ModelDirectory, found: tuple[Neighbours, list[float]]
) -> None:
    found[0].save(neighbours.place(model, DIGITS))
    changed = Digits()
    changed.facts = replace(DIGITS.facts, digest="0" * 64, test_digest=DIGITS.facts.digest)
    assert changed.facts.tested_on == DIGITS.facts.tested_on
    assert neighbours.kept(model, changed) is None


def test_for_50000_images_they_take_five_megabytes() -> None:
    width = neighbours.COMPONENTS
    points = np.zeros((50_000, width), np.float16)
    assert points.nbytes < 5_000_000
