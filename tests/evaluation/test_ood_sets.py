"""The sets of pictures, and the measure against slow code and on a real model."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch
from cifar_core.evaluation import ood_sets
from cifar_core.evaluation.ood_sets import DESCRIPTIONS, SETS, told_apart
from cifar_core.inference import ood
from tests.pictures import noise

Array = NDArray[Any]


@pytest.fixture(scope="module")
def photos(cifar10_folder: Path) -> Batch:
    whole = cifar10.load_test(cifar10_folder)
    return Batch(whole.images[:600], whole.labels[:600])


def scores(count: int, mean: float, decimals: int, seed: int) -> Array:
    return np.random.default_rng(seed).normal(mean, 1, count).round(decimals)


def auroc(inside: Array, outside: Array) -> float:
    return told_apart(inside, outside)["auroc"]


@pytest.mark.parametrize("decimals", [8, 1, 0])  # with ties and without
@pytest.mark.parametrize(("inside", "outside"), [(1000, 500), (37, 3), (20, 20), (1, 1), (19, 400)])
@pytest.mark.parametrize("mean", [-1, 0, 2, 9])
def test_the_measures_are_those_of_slow_code(inside: int, outside: int, mean: float, decimals: int) -> None:
    known, other = scores(inside, 0, decimals, 1), scores(outside, mean, decimals, 2)
    above, even = other[:, None] > known, other[:, None] == known
    # The least bar that lets 95 of 100 of the known ones pass.
    bar = min(bar for bar in known if 20 * (known <= bar).sum() >= 19 * len(known))
    found = told_apart(known, other)
    assert set(found) == {"auroc", "fpr95"}
    assert found["auroc"] == pytest.approx((above + even / 2).mean(), rel=1e-12)
    assert found["fpr95"] == (other <= bar).mean()


def test_the_measures_by_hand() -> None:
    known = np.arange(1.0, 101.0)  # 95 of them are at most 95
    assert told_apart(known, np.array([0, 95, 95.5, 200]))["fpr95"] == 0.5
    assert auroc(known, np.array([0.0])) == 0
    assert auroc(known, np.array([101.0])) == 1
    assert auroc(known, known) == 0.5
    for inside, outside in ((known[:0], known), (known, known[:0])):
        with pytest.raises(ValueError, match="no scores"):
            told_apart(inside, outside)


def test_every_set_on_a_card_is_described() -> None:
    assert set(DESCRIPTIONS) == {*SETS, "jigsaw"}


@pytest.mark.parametrize("name", SETS)
def test_sets_are_pictures_fixed_by_the_seed(name: str) -> None:
    found = SETS[name](20, 0, 32)
    assert found.dtype == np.uint8
    assert found.shape == (20, 32, 32, 3)
    np.testing.assert_array_equal(found, SETS[name](20, 0, 32))
    assert not np.array_equal(found, SETS[name](20, 1, 32))
    assert SETS[name](3, 0, 13).shape == (3, 13, 13, 3)
    assert len(np.unique(found.reshape(20, -1), axis=0)) == 20


def test_what_the_sets_look_like() -> None:
    assert np.ptp(ood_sets.flat(9), axis=(1, 2)).max() == 0
    assert np.ptp(ood_sets.digits(9), axis=3).max() == 0  # grey
    for smooth in (ood_sets.clouds(9), ood_sets.waves(9)):
        assert (smooth.min(axis=(1, 2)) == 0).all()
        assert (smooth.max(axis=(1, 2)) == 255).all()
    rough = np.abs(np.diff(ood_sets.static(9).astype(int), axis=1)).mean()
    assert rough > 3 * np.abs(np.diff(ood_sets.clouds(9).astype(int), axis=1)).mean()


def test_a_jigsaw_has_the_same_squares_elsewhere(photos: Batch) -> None:
    def squares(image: Array) -> list[bytes]:
        return [image[i : i + 8, j : j + 8].tobytes() for i in range(0, 32, 8) for j in range(0, 32, 8)]

    shuffled = ood_sets.jigsaw(photos.images[:5])
    assert shuffled.dtype == np.uint8
    assert shuffled.shape == (5, 32, 32, 3)
    for before, after in zip(photos.images[:5], shuffled, strict=True):
        assert squares(before) != squares(after)
        assert sorted(squares(before)) == sorted(squares(after))


@pytest.mark.parametrize("side", [8, 13, 35, 64])
def test_a_jigsaw_of_another_side_keeps_every_pixel(side: int) -> None:
    images = noise(5, side, side, 3)
    before, shuffled = images.copy(), ood_sets.jigsaw(images)
    np.testing.assert_array_equal(images, before)
    whole = side - side % 4
    np.testing.assert_array_equal(shuffled[:, whole:], images[:, whole:])
    np.testing.assert_array_equal(shuffled[:, :, whole:], images[:, :, whole:])
    for one, other in zip(images, shuffled, strict=True):
        assert not np.array_equal(one, other)
        np.testing.assert_array_equal(np.sort(one.ravel()), np.sort(other.ravel()))


def test_a_real_model_tells_the_sets_from_its_own(photos: Batch) -> None:
    session = ort.InferenceSession(
        paths.models_root() / "quick" / "model.onnx", providers=["CPUExecutionProvider"]
    )

    def ask(images: Array) -> list[Array]:
        answers: list[Array] = session.run(["probabilities", "logits", "features"], {"image": images})
        return answers

    probabilities, logits, features = ask(photos.images)
    # Half of the images stand in for the validation split.
    directions = ood.class_directions(features[:300], photos.labels[:300], 10)
    own = ood.answer_score(logits, features, directions)
    bar = ood.threshold(own[:300])
    assert (own[300:] > bar).mean() < 0.12

    areas, baseline = [], []
    for name in ("photographs", "static", "clouds", "waves", "flat"):
        their_probabilities, their_logits, their_features = ask(SETS[name](60, 0, 32))
        areas.append(auroc(own[300:], ood.answer_score(their_logits, their_features, directions)))
        # Hendrycks and Gimpel 2017: the less probable the likeliest class, the likelier it is none of them.
        baseline.append(auroc(-probabilities[300:].max(axis=1), -their_probabilities.max(axis=1)))
    assert min(areas) > 0.8
    assert np.mean(areas) > np.mean(baseline) + 0.01


def test_importing_it_does_not_load_scikit_learn() -> None:
    command = (
        "import sys, cifar_core.evaluation.card, cifar_core.evaluation.ood_sets as n; n.waves(1, 0); "
        "sys.exit('sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", command], check=True)
