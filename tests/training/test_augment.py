from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from cifar_core.datasets.dataset import Batch, Facts
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.training import augment
from tests import pictures

Images = npt.NDArray[np.uint8]


@pytest.fixture
def noise() -> Images:
    """40 pictures of noise: no two pixels alike by rule, so that whatever moves them shows."""
    return pictures.noise(40, 32, 32, 3)


def windows_of(image: Images) -> Images:
    """All 25 windows of a picture mirrored 2 pixels beyond its border, in plain NumPy: [5, 5, H, W, C]."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    rows = [[padded[i : i + height, j : j + width] for j in range(5)] for i in range(5)]
    return np.array(rows)


def offsets_of(shifted: Images, images: Images) -> npt.NDArray[np.int64]:
    """Which of its 25 windows each picture became, as [N, 2] rows and columns from 0 to 4."""
    found = []
    for after, before in zip(shifted, images, strict=True):
        matches = np.argwhere((windows_of(before) == after).all(axis=(2, 3, 4)))
        assert len(matches) == 1, "not exactly one of the 25 windows"
        found.append(matches[0])
    return np.array(found)


# The operations


def test_mirror_swaps_left_and_right_of_the_chosen(noise: Images) -> None:
    chosen = np.random.default_rng(1).random(len(noise)) < 0.5
    assert 0 < chosen.sum() < len(noise)
    expected = np.array([x[:, ::-1] if c else x for x, c in zip(noise, chosen, strict=True)])
    mirrored = augment.mirror(tf.constant(noise), tf.constant(chosen)).numpy()
    assert mirrored.dtype == np.uint8
    np.testing.assert_array_equal(mirrored, expected)


@pytest.mark.parametrize("shape", [(32, 32, 3), (7, 11, 2)])
def test_shift_cuts_windows_out_of_the_reflected_picture(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(2).integers(0, 256, (50, *shape), dtype=np.uint8)
    shifted = augment.shift(tf.constant(images), 2, tf.constant([3, 4])).numpy()
    assert (shifted.dtype, shifted.shape) == (np.uint8, images.shape)
    offsets_of(shifted, images)


def test_all_25_shifts_are_equally_likely_and_rows_say_nothing_of_columns() -> None:
    small = np.random.default_rng(3).integers(0, 256, (5, 5, 1), dtype=np.uint8)
    images = tf.constant(np.repeat(small[None], 20_000, axis=0))
    shifted = augment.shift(images, 2, [7, 0]).numpy()
    matches = (windows_of(small) == shifted[:, None, None]).all(axis=(3, 4, 5))
    assert (matches.sum(axis=(1, 2)) == 1).all()
    counts: npt.NDArray[np.int64] = matches.sum(axis=0)
    offsets = np.argwhere(matches)[:, 1:]
    expected = len(offsets) / 25
    # 24 degrees of freedom: chi-square beyond 52 once in a thousand
    assert ((counts - expected) ** 2 / expected).sum() < 52
    assert abs(np.corrcoef(offsets[:, 0], offsets[:, 1])[0, 1]) < 4 / np.sqrt(len(offsets))


def test_pictures_of_one_batch_are_shifted_apart(noise: Images) -> None:
    same = np.repeat(noise[:1], 200, axis=0)
    offsets = offsets_of(augment.shift(tf.constant(same), 2, tf.constant([0, 0])).numpy(), same)
    assert len({tuple(offset) for offset in offsets}) > 20


@pytest.mark.parametrize(("height", "width", "side"), [(32, 32, 12), (7, 11, 5), (6, 6, 6)])
def test_cut_out_greys_one_whole_square_within_each_picture(height: int, width: int, side: int) -> None:
    white = tf.fill([50, height, width, 3], tf.constant(255, tf.uint8))
    cut = augment.cut_out(white, side, tf.constant([3, 4])).numpy()
    assert (cut.dtype, cut.shape) == (np.uint8, white.shape)
    for picture in cut:
        rows, columns = np.nonzero((picture == augment.GREY).all(axis=2))
        square = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert square.shape == (side, side, 3)
        assert (square == augment.GREY).all()
        assert (picture == 255).sum() == (height * width - side**2) * 3


def test_the_square_is_everywhere_alike_and_rows_say_nothing_of_columns() -> None:
    white = tf.fill([20_000, 5, 5, 1], tf.constant(255, tf.uint8))
    cut = augment.cut_out(white, 3, [7, 0]).numpy()[..., 0] == augment.GREY
    tops, lefts = np.argmax(cut.any(axis=2), axis=1), np.argmax(cut.any(axis=1), axis=1)
    counts = np.bincount(3 * tops + lefts, minlength=9)
    expected = len(cut) / 9
    # 8 degrees of freedom: chi-square beyond 26.1 once in a thousand
    assert ((counts - expected) ** 2 / expected).sum() < 26.1


def test_grey_is_the_mean_of_the_training_images(train_set: Batch) -> None:
    assert round(float(train_set.images.mean())) == augment.GREY


# The batches


def recipe(**changes: Any) -> Recipe:
    base = get_recipe("quick").with_(images=150, validation_images=50, batch_size=32, epochs=4, seed=5)
    return base.with_(**changes)


COUNT = 100


def numbered() -> tuple[Images, npt.NDArray[np.int64]]:
    """Pictures that carry their own number in every pixel, and its last digit as label."""
    images = np.zeros((COUNT, 32, 32, 3), np.uint8)
    images[..., 0] = np.arange(COUNT)[:, None, None]
    return images, np.arange(COUNT) % 10


def batches(
    recipe: Recipe, images: Images, labels: npt.NDArray[np.int64], first_epoch: int = 0
) -> list[tuple[Any, Any]]:
    data = augment.training_batches(Batch(images, labels), CIFAR10.facts, recipe, first_epoch)
    return [(x.numpy(), y.numpy()) for x, y in data]


def test_what_no_mirror_may_show_is_never_mirrored(noise: Images) -> None:
    settings = recipe(images=90, batch_size=8, epochs=4)
    windows = {window.tobytes() for image in noise for window in windows_of(image).reshape(-1, 32, 32, 3)}

    def share(facts: Facts) -> float:
        data = augment.training_batches(Batch(noise, np.arange(40) % 10), facts, settings)
        seen = [np.rint(x.numpy() * 255).astype(np.uint8) for x, _ in data]
        assert sum(map(len, seen)) == 4 * 40
        return float(np.mean([image.tobytes() in windows for batch in seen for image in batch]))

    assert not DIGITS.facts.mirrors
    assert share(DIGITS.facts) == 1
    assert share(CIFAR10.facts) == 0.5  # each picture in two of four epochs


def order(recipe: Recipe) -> npt.NDArray[np.int64]:
    """The numbers of the pictures, [epoch, image]."""
    seen = [np.rint(x[:, 0, 0, 0] * 255) for x, _ in batches(recipe, *numbered())]
    return np.array(seen, np.int64).reshape(recipe.epochs, -1)


@pytest.mark.parametrize("augmentation", ["none", "flip_and_shift"])
def test_batches_are_scaled_and_one_hot(augmentation: str) -> None:
    images, labels = numbered()
    images[..., 1] = 255
    found = batches(recipe(augmentation=augmentation), images, labels)
    assert len(found) == 4 * 3
    for x, y in found:
        assert (x.shape, x.dtype, y.shape, y.dtype) == ((32, 32, 32, 3), np.float32, (32, 10), np.float32)
        np.testing.assert_array_equal(x[..., 1], 1.0)
        np.testing.assert_array_equal(x[..., 2], 0.0)
        numbers = np.rint(x[:, 0, 0, 0] * 255).astype(int)
        np.testing.assert_allclose(x[:, 5, 5, 0], numbers / 255, rtol=1e-6)
        np.testing.assert_array_equal(y, np.eye(10)[numbers % 10])


def test_every_epoch_is_another_permutation_without_repeats() -> None:
    seen = order(recipe(batch_size=25, epochs=6))
    for epoch in seen:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(COUNT))
    assert len({tuple(epoch) for epoch in seen}) == 6
    assert not (seen == np.arange(COUNT)).all(axis=1).any()


def test_the_incomplete_batch_is_dropped_but_not_always_the_same_pictures() -> None:
    seen = order(recipe(epochs=6))
    assert seen.shape == (6, 96)
    for epoch in seen:
        assert len(set(epoch)) == 96
    assert set(seen.ravel()) == set(range(COUNT))


def test_seeds_give_other_orders_and_the_largest_is_no_problem() -> None:
    seeds = [0, 1, 5, 2**31 - 1]
    assert len({tuple(order(recipe(seed=seed)).ravel()) for seed in seeds}) == len(seeds)


@pytest.mark.parametrize("augmentation", ["none", "flip_and_shift"])
def test_batches_depend_on_seed_epoch_and_step_alone(augmentation: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(COUNT) % 10
    whole = recipe(augmentation=augmentation)
    tf.random.set_seed(1)
    all_batches = batches(whole, images, labels)
    for first_epoch in range(5):
        tf.random.set_seed(first_epoch)
        rest = batches(whole, images, labels, first_epoch)
        assert len(rest) == (4 - first_epoch) * 3
        for ours, theirs in zip(rest, all_batches[first_epoch * 3 :], strict=True):
            np.testing.assert_array_equal(ours[0], theirs[0])
            np.testing.assert_array_equal(ours[1], theirs[1])
    # more epochs later on do not change the earlier ones
    longer = batches(whole.with_(epochs=6), images, labels)[: len(all_batches)]
    np.testing.assert_array_equal([x for x, _ in longer], [x for x, _ in all_batches])


def test_over_two_epochs_every_picture_is_seen_from_both_sides_and_shifted_anew() -> None:
    images = np.random.default_rng(4).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    images[..., 2] = np.arange(COUNT)[:, None, None]  # no shift or mirror changes the number
    whole = recipe(batch_size=25, epochs=4)
    mirrored = np.zeros((4, COUNT), bool)
    shifts = np.zeros((4, COUNT, 2), int)
    for index, (x, _) in enumerate(batches(whole, images, np.zeros(COUNT, int))):
        for picture in np.rint(x * 255).astype(np.uint8):
            number, epoch = picture[0, 0, 2], index // 4
            original = images[number]
            sides = [
                np.argwhere((windows_of(side) == picture).all(axis=(2, 3, 4)))
                for side in (original, original[:, ::-1])
            ]
            assert [len(found) for found in sides] in ([1, 0], [0, 1])
            mirrored[epoch, number] = len(sides[1]) == 1
            shifts[epoch, number] = sides[int(mirrored[epoch, number])][0]

    for epoch in range(3):
        np.testing.assert_array_equal(mirrored[epoch], ~mirrored[epoch + 1])
    assert 30 <= mirrored[0].sum() <= 70  # which side comes first is a coin for each picture
    moved = (shifts[0] != shifts[1]).any(axis=1).mean()
    assert moved > 0.85  # 24 of 25, were there many pictures
    assert len({tuple(shift) for shift in shifts[0]}) > 15


def test_shifts_do_not_repeat_from_step_to_step_or_epoch_to_epoch() -> None:
    # all pictures alike but for the number, so that only the shifts tell one batch from another
    single = np.random.default_rng(6).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    images = np.repeat(single, COUNT, axis=0)
    whole = recipe(batch_size=25, epochs=6)
    found = [
        tuple(map(tuple, np.minimum(*(signature(x, side) for side in (single[0], single[0][:, ::-1])))))
        for x, _ in batches(whole, images, np.zeros(COUNT, int))
    ]
    assert len(set(found)) == len(found) == 24


def signature(x: Any, image: Images) -> npt.NDArray[np.int64]:
    """The shift of each picture of a batch, 9 where it is none of this side of it."""
    windows = windows_of(image)
    result = np.full((len(x), 2), 9)
    for i, picture in enumerate(np.rint(x * 255).astype(np.uint8)):
        for match in np.argwhere((windows == picture).all(axis=(2, 3, 4))):
            result[i] = match
    return result


def test_each_picture_of_a_recipe_with_cutout_has_a_square_of_its_own() -> None:
    white = np.full((COUNT, 32, 32, 3), 255, np.uint8)
    squares = []
    for x, _ in batches(recipe(cutout=12), white, np.zeros(COUNT, int)):
        grey = np.rint(x[..., 0] * 255).astype(int) == augment.GREY
        assert (grey.sum(axis=(1, 2)) == 144).all()
        squares.append(grey.tobytes())
    assert len(set(squares)) == len(squares) == 4 * 3  # no batch has those of another


def test_without_augmentation_pictures_stay_as_they_are(noise: Images) -> None:
    plain = get_recipe("report").with_(images=100, batch_size=8, epochs=2)
    found = batches(plain, noise, np.arange(len(noise)) % 10)
    assert len(found) == 2 * 5
    originals = {image.tobytes() for image in noise}
    for x, _ in found:
        assert {image.tobytes() for image in np.rint(x * 255).astype(np.uint8)} <= originals


def test_evaluation_keeps_every_picture_in_its_order(noise: Images) -> None:
    labels = np.arange(len(noise)) % 10
    found = list(augment.evaluation_batches(Batch(noise, labels), 10, size=16))
    assert [len(x) for x, _ in found] == [16, 16, 8]
    x, y = (np.concatenate([pair[i].numpy() for pair in found]) for i in (0, 1))
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, noise / 255, rtol=1e-6)
    np.testing.assert_array_equal(y, np.eye(10)[labels])
