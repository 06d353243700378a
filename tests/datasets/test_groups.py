"""Which images are drawn where some must stay together."""

import numpy as np
import pytest

from cifar_core.datasets.dataset import draw_groups, split

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(4), [400, 200, 50, 10])
SINGLES = np.arange(len(LABELS))


def bursts(length: int) -> np.ndarray:
    """Groups of so many images of one class, in no order."""
    found = np.concatenate(
        [1_000 * label + np.arange(LABELS.tolist().count(label)) // length for label in range(4)]
    )
    return np.asarray(RNG.permutation(5_000)[found])


@pytest.mark.parametrize("groups", [SINGLES, bursts(2), bursts(3), bursts(5)], ids=["1", "2", "3", "5"])
@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_together_and_classes_keep_their_share(groups: np.ndarray, seed: int) -> None:
    train, validation = split(LABELS, groups, validation_images=132, seed=seed)
    assert not set(groups[train]) & set(groups[validation])
    assert not set(train) & set(validation)
    assert sorted(validation) == validation.tolist()
    shares = np.bincount(LABELS[validation], minlength=4)
    assert (abs(shares - [80, 40, 10, 2]) <= 4).all()
    assert shares[3] >= 1
    assert len(train) == min(len(LABELS) - 132, len(LABELS) - len(validation))


def test_each_alone_is_drawn_to_the_number() -> None:
    train, validation = split(LABELS, SINGLES, validation_images=66, seed=1)
    assert np.bincount(LABELS[validation]).tolist() == [40, 20, 5, 1]
    assert len(train) == len(LABELS) - 66


def test_the_seed_decides_and_the_number_of_images_does_not() -> None:
    groups = bursts(3)
    expected = split(LABELS, groups, validation_images=60, seed=4)
    fewer = split(LABELS, groups, images=300, validation_images=60, seed=4)
    assert np.array_equal(expected.validation, fewer.validation)
    assert len(fewer.train) == 240
    assert not np.array_equal(expected.validation, split(LABELS, groups, validation_images=60, seed=5)[1])
    assert len(split(LABELS, groups, validation_images=0).validation) == 0


def test_a_class_in_few_groups_is_on_both_sides() -> None:
    labels, groups = np.repeat([0, 1], [60, 60]), np.concatenate([np.arange(60), 100 + np.arange(60) // 20])
    train, validation = split(labels, groups, validation_images=12)
    assert np.bincount(labels[validation]).tolist() == [6, 20]
    assert np.bincount(labels[train]).tolist() == [54, 40]


@pytest.mark.parametrize("left", [1, 2])
def test_so_many_groups_of_each_class_are_left(left: int) -> None:
    labels = np.repeat(np.arange(5), 3)
    drawn = draw_groups(labels, np.arange(15), 14, seed=0, left=left)
    assert np.bincount(labels[drawn]).tolist() == [3 - left] * 5


def test_a_group_of_two_classes_is_one_group() -> None:
    labels, groups = np.repeat([0, 1], 10), np.tile(np.arange(10), 2)  # each picture is there twice
    train, validation = split(labels, groups, validation_images=4)
    assert not set(groups[train]) & set(groups[validation])
    assert np.bincount(labels[validation]).tolist() == [2, 2]
