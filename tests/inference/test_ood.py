"""The measures against scikit-learn, the scores on arithmetic done by hand and on a real model."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.inference import ood
from cifar_core.inference.ood import SETS, auroc, class_directions, familiarity, fpr95

Array = NDArray[Any]


@pytest.fixture(scope="module")
def photos(cifar10_folder: Path) -> cifar10.Batch:
    whole = cifar10.load_test(cifar10_folder)
    return cifar10.Batch(whole.images[:600], whole.labels[:600])


def scores(count: int, mean: float, decimals: int, seed: int) -> Array:
    return np.random.default_rng(seed).normal(mean, 1, count).round(decimals)


@pytest.mark.parametrize("decimals", [8, 1, 0])  # with ties and without
@pytest.mark.parametrize(("inside", "outside"), [(1000, 500), (37, 3), (20, 20), (1, 1)])
@pytest.mark.parametrize("mean", [-1, 0, 2, 9])
def test_the_measures_are_scikit_learns(inside: int, outside: int, mean: float, decimals: int) -> None:
    known, strange = scores(inside, 0, decimals, 1), scores(outside, mean, decimals, 2)
    everything = np.concatenate([known, strange])
    is_strange = np.repeat([0, 1], [inside, outside])
    assert auroc(known, strange) == pytest.approx(roc_auc_score(is_strange, everything))
    # The known ones are the positives here, and the known ones score low.
    false, true, _ = roc_curve(1 - is_strange, -everything, drop_intermediate=False)
    assert fpr95(known, strange) == pytest.approx(false[np.argmax(true >= 0.95 - 1e-9)])


def test_the_measures_by_hand() -> None:
    known = np.arange(1.0, 101.0)  # 95 of them are at most 95
    assert fpr95(known, np.array([0, 95, 95.5, 200])) == 0.5
    assert auroc(known, np.array([0.0])) == 0
    assert auroc(known, np.array([101.0])) == 1
    assert auroc(known, known) == 0.5
    for measure in (auroc, fpr95):
        with pytest.raises(ValueError, match="no scores"):
            measure(known[:0], known)


def test_the_threshold_lets_95_percent_through() -> None:
    found = scores(2000, 0, 8, 0)
    assert (found <= ood.threshold(found)).mean() == 0.95


def test_class_directions_by_hand() -> None:
    features = np.concatenate([2 * np.eye(10, 12), 4 * np.eye(10, 12)]).astype(np.float32)
    features[0, 11], features[10, 11] = 3, -3  # cancel each other
    labels = np.tile(np.arange(10), 2)
    found = class_directions(features, labels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.eye(10, 12), atol=1e-6)
    for wrong in (labels[::-1] // 2, np.append(labels[:-1], 10), labels[:-1]):
        with pytest.raises(ValueError, match="each of ten classes"):
            class_directions(features, wrong)


def test_familiarity_by_hand() -> None:
    directions = np.eye(10, 12)
    logits = np.zeros((3, 10))
    features = np.array([[0] * 4 + [7] + [0] * 7, [3] + [0] * 10 + [4], [0] * 12])
    # Ten equal logits have the energy log 10; the cosines are 1, 3/5 and, where there are no features, 0.
    np.testing.assert_allclose(
        familiarity(logits, features, directions), [-np.log(10), -0.6 * np.log(10), 0], atol=1e-12
    )
    np.testing.assert_allclose(  # neither the length of the features nor a shift of the logits counts
        familiarity(logits - 1000, features * 5, directions), familiarity(logits, features, directions)
    )
    logits[1, 0] = 10
    assert familiarity(logits, features, directions).argsort().tolist() == [1, 0, 2]


@pytest.mark.parametrize("name", SETS)
def test_sets_are_pictures_fixed_by_the_seed(name: str) -> None:
    found = SETS[name](20, 0)
    assert found.dtype == np.uint8
    assert found.shape == (20, 32, 32, 3)
    np.testing.assert_array_equal(found, SETS[name](20, 0))
    assert not np.array_equal(found, SETS[name](20, 1))
    assert len(np.unique(found.reshape(20, -1), axis=0)) == 20


def test_what_the_sets_look_like() -> None:
    assert np.ptp(ood.flat(9), axis=(1, 2)).max() == 0
    assert np.ptp(ood.digits(9), axis=3).max() == 0  # grey
    for smooth in (ood.clouds(9), ood.waves(9)):
        assert (smooth.min(axis=(1, 2)) == 0).all()
        assert (smooth.max(axis=(1, 2)) == 255).all()
    rough = np.abs(np.diff(ood.static(9).astype(int), axis=1)).mean()
    assert rough > 3 * np.abs(np.diff(ood.clouds(9).astype(int), axis=1)).mean()


def test_a_jigsaw_has_the_same_squares_elsewhere(photos: cifar10.Batch) -> None:
    def squares(image: Array) -> list[bytes]:
        return [image[i : i + 8, j : j + 8].tobytes() for i in range(0, 32, 8) for j in range(0, 32, 8)]

    shuffled = ood.jigsaw(photos.images[:5])
    assert shuffled.dtype == np.uint8
    assert shuffled.shape == (5, 32, 32, 3)
    for before, after in zip(photos.images[:5], shuffled, strict=True):
        assert squares(before) != squares(after)
        assert sorted(squares(before)) == sorted(squares(after))


def test_a_real_model_finds_the_sets_strange(photos: cifar10.Batch) -> None:
    session = ort.InferenceSession(
        paths.models_root() / "quick" / "model.onnx", providers=["CPUExecutionProvider"]
    )

    def ask(images: Array) -> list[Array]:
        answers: list[Array] = session.run(["probabilities", "logits", "features"], {"image": images})
        return answers

    probabilities, logits, features = ask(photos.images)
    # Half of the images stand in for the validation split.
    directions = class_directions(features[:300], photos.labels[:300])
    own = familiarity(logits, features, directions)
    bar = ood.threshold(own[:300])
    assert (own[300:] > bar).mean() < 0.12

    areas, baseline = [], []
    for name in ("photographs", "static", "clouds", "waves", "flat"):
        strange_probabilities, strange_logits, strange_features = ask(SETS[name](60, 0))
        areas.append(auroc(own[300:], familiarity(strange_logits, strange_features, directions)))
        # Hendrycks and Gimpel 2017: the less probable the likeliest class, the stranger.
        baseline.append(auroc(-probabilities[300:].max(axis=1), -strange_probabilities.max(axis=1)))
    assert min(areas) > 0.8
    assert np.mean(areas) > np.mean(baseline) + 0.01


def test_importing_it_does_not_load_scikit_learn() -> None:
    command = "import sys, cifar_core.inference.ood as n; n.waves(1, 0); sys.exit('sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", command], check=True)
