"""The digits that come with scikit-learn: what they are, how they are split, and that nothing is fetched."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cifar_core.datasets.dataset import Batch, split
from cifar_core.datasets.digits import enlarged
from cifar_core.datasets.registry import DIGITS
from cifar_core.recipes import get_recipe


@pytest.fixture(scope="module")
def parts() -> tuple[Batch, Batch]:
    return DIGITS.load("train"), DIGITS.load("test")


def test_shapes_types_and_sizes(parts: tuple[Batch, Batch]) -> None:
    assert (len(parts[0].labels), len(parts[1].labels)) == (1_437, 360)
    for batch, size in zip(parts, DIGITS.sizes.values(), strict=True):
        assert batch.images.shape == (size, 32, 32, 3)
        assert batch.images.dtype == np.uint8
        assert batch.labels.dtype == np.int64
        assert batch.labels.shape == (size,)
        assert np.ptp(batch.images, axis=3).max() == 0  # grey
    assert DIGITS.class_names == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert DIGITS.available()
    DIGITS.refuse_if_missing()


def test_both_parts_have_the_classes_in_the_proportion_of_the_whole(parts: tuple[Batch, Batch]) -> None:
    counts = np.bincount(load_digits().target)
    for batch in parts:
        expected = counts * len(batch.labels) / 1_797
        assert np.abs(np.bincount(batch.labels) - expected).max() < 1


def test_the_parts_together_are_all_digits_each_once(parts: tuple[Batch, Batch]) -> None:
    train, test = parts
    # No two of the 1,797 pictures are the same, so that a picture in both parts would show.
    own = [{image.tobytes() for image in batch.images} for batch in parts]
    assert [len(pictures) for pictures in own] == [1_437, 360]
    assert not own[0] & own[1]
    found = load_digits()
    whole = {
        image.tobytes(): label for image, label in zip(enlarged(found.images), found.target, strict=True)
    }
    for batch in (train, test):
        labels = [whole[image.tobytes()] for image in batch.images]
        np.testing.assert_array_equal(labels, batch.labels)


def test_the_split_is_always_the_same(parts: tuple[Batch, Batch]) -> None:
    assert parts[1].labels[:12].tolist() == [1, 4, 8, 6, 5, 9, 9, 1, 3, 2, 2, 2]
    code = (
        "import hashlib; from cifar_core.datasets.registry import DIGITS\n"
        "print(hashlib.sha256(DIGITS.load('test').images.tobytes()).hexdigest())"
    )
    again = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert again.strip() == hashlib.sha256(parts[1].images.tobytes()).hexdigest()


def test_the_digest_is_that_of_the_content(parts: tuple[Batch, Batch]) -> None:
    digest = hashlib.sha256()
    for batch in parts:
        digest.update(batch.images.tobytes())
        digest.update(batch.labels.astype(np.uint8).tobytes())
    assert digest.hexdigest() == DIGITS.facts.digest


def test_an_enlarged_digit_is_still_the_digit() -> None:
    digits = load_digits().images[:50]
    large = enlarged(digits)
    means = large[..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4)) * 16 / 255
    assert np.abs(means - digits).mean() < 1.2
    assert (enlarged(np.full((1, 8, 8), 16.0)) == 255).all()
    assert (enlarged(np.zeros((1, 8, 8)), 20) == 0).all()
    assert enlarged(digits, 8)[:, :, :, 0].tolist() == np.rint(digits * 255 / 16).tolist()


def test_nothing_is_downloaded() -> None:
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise SystemExit('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from cifar_core.datasets.registry import DIGITS\n"
        "DIGITS.load('train')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_validation_images_of_every_recipe_hold_every_digit(parts: tuple[Batch, Batch]) -> None:
    labels = parts[0].labels
    train, validation = split(labels, **get_recipe("quick").on(len(labels)).split)
    assert not np.intersect1d(train, validation).size
    counts = np.bincount(labels[validation], minlength=10)
    assert counts.sum() == 180
    assert np.abs(counts - 18).max() <= 1
