"""Inference on a shipped model, against slow code that shares nothing with it."""

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from cifar_core import paths
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import runtime
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import TTA, weighted
from tests.pictures import photos

MODEL = paths.models_root() / "quick" / "model.onnx"

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(MODEL)


@pytest.fixture(scope="module")
def images() -> Image:
    return photos(20)


@functools.cache
def session() -> Any:
    return ort.InferenceSession(MODEL, providers=["CPUExecutionProvider"])


def moved(image: Image, rows: int, columns: int) -> Image:
    """The picture whose pixel (0, 0) was at (rows, columns): pixel by pixel, mirrored at the edge pixel."""

    def inside(position: int) -> int:
        return -position if position < 0 else 62 - position if position > 31 else position

    result = np.empty_like(image)
    for i in range(32):
        for j in range(32):
            result[i, j] = image[inside(i + rows), inside(j + columns)]
    return result


def mirrored(image: Image) -> Image:
    return np.stack([image[:, 31 - j] for j in range(32)], axis=1)


def reference(image: Image, tta: int) -> NDArray[np.float64]:
    """The ten probabilities of one image, one view at a time, in float64."""
    upper, lower = moved(image, -1, -1), moved(image, 1, 1)
    plain, shifted = [image, mirrored(image)], [upper, mirrored(upper), lower, mirrored(lower)]
    looks, weights = {
        1: ([image], [1.0]),
        2: (plain, [1 / 2] * 2),
        6: (plain + shifted, [1 / 4] * 2 + [1 / 8] * 4),
    }[tta]
    logits = np.zeros(10)
    for look, weight in zip(looks, weights, strict=True):
        logits += weight * session().run(["logits"], {"image": look[None]})[0][0].astype(float)
    powers: NDArray[np.float64] = np.exp(logits)
    powers /= powers.sum()
    return powers


@pytest.mark.parametrize("tta", [1, 2, 6])
def test_the_answers_are_those_of_slow_code(classifier: Classifier, images: Image, tta: TTA) -> None:
    answers = classifier.probabilities(images, tta)
    assert answers.dtype == np.float32
    expected = np.stack([reference(image, tta) for image in images])
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    for other in {1, 2, 6} - {tta}:  # otherwise to agree would be no feat
        assert np.abs(answers - np.stack([reference(image, other) for image in images])).max() > 1e-3


def test_one_view_is_the_default_and_what_the_model_says_itself(
    classifier: Classifier, images: Image
) -> None:
    (expected,) = session().run(["probabilities"], {"image": images})
    np.testing.assert_allclose(classifier.probabilities(images), expected, atol=1e-6)
    np.testing.assert_array_equal(classifier.probabilities(images), classifier.probabilities(images, 1))


def test_with_two_views_a_mirror_image_gets_the_same_answer(classifier: Classifier, images: Image) -> None:
    # Not with six: both shifts go along one diagonal, and a mirror turns it into the other.
    other = np.stack([mirrored(image) for image in images])
    np.testing.assert_allclose(
        classifier.probabilities(other, 2), classifier.probabilities(images, 2), atol=1e-5
    )
    assert np.abs(classifier.probabilities(other) - classifier.probabilities(images)).max() > 0.01


@pytest.mark.parametrize("tta", [1, 2, 6])
def test_the_weights_of_the_views_sum_to_one(images: Image, tta: TTA) -> None:
    weights = [weight for weight, _ in weighted(images, tta)]
    assert (len(weights), sum(weights)) == (tta, 1)


@pytest.mark.parametrize(("tta", "views"), [(1, 1), (2, 1), (6, 3)])
def test_what_no_mirror_may_show_is_seen_in_no_mirror(images: Image, tta: TTA, views: int) -> None:
    found = list(weighted(images, tta, mirrors=False))
    assert (len(found), sum(weight for weight, _ in found)) == (views, 1)
    shifts = [(images, 1.0)] if views == 1 else [(images, 0.5)]
    if views == 3:
        shifts += [(np.stack([moved(image, step, step) for image in images]), 0.25) for step in (-1, 1)]
    for (weight, seen), (expected, share) in zip(found, shifts, strict=True):
        assert weight == share
        np.testing.assert_array_equal(seen, expected)


def test_a_model_of_what_has_no_mirror_image_says_so_itself(tmp_path: Path, images: Image) -> None:
    graph = onnx.load(paths.models_root() / "quick" / "model.onnx")
    facts = replace(CIFAR10.facts, mirrors=False)
    onnx.helper.set_model_props(graph, {"dataset": json.dumps(facts.to_dict())})
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    classifier = Classifier(tmp_path / "model.onnx")
    np.testing.assert_allclose(
        classifier.probabilities(images, 2), classifier.probabilities(images, 1), atol=1e-6
    )
    six = np.zeros((len(images), 10))
    for step, weight in ((0, 0.5), (-1, 0.25), (1, 0.25)):
        look = np.stack([moved(image, step, step) for image in images])
        six += weight * session().run(["logits"], {"image": look})[0].astype(float)
    expected = np.exp(six) / np.exp(six).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.probabilities(images, 6), expected, atol=1e-5)


@pytest.mark.parametrize("tta", [1, 6])
def test_batches_change_nothing_but_the_memory(
    classifier: Classifier, images: Image, tta: TTA, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, before = classifier.probabilities(images, tta), images.copy()
    monkeypatch.setattr(runtime, "BATCH", 7)  # two whole batches and a part of one
    sizes = []
    run = Classifier._run

    def counted(self: Classifier, names: Sequence[str], pictures: Image) -> Any:
        sizes.append(len(pictures))
        return run(self, names, pictures)

    monkeypatch.setattr(Classifier, "_run", counted)
    np.testing.assert_allclose(classifier.probabilities(images, tta), whole, atol=1e-6)
    assert sizes == [7] * tta + [7] * tta + [6] * tta
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("tta", [1, 2, 6])
def test_what_is_known_of_the_pictures_alone_is_not_asked_again(
    classifier: Classifier, images: Image, tta: TTA, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = np.concatenate([images] * (2 * runtime.BATCH // len(images) + 1))
    plain, expected = classifier.outputs(many), classifier.probabilities(many, tta)
    asked: list[int] = []
    ask = Classifier._run

    def counting(self: Classifier, names: Any, batch: Image) -> list[Any]:
        asked.append(len(batch))
        return ask(self, names, batch)

    monkeypatch.setattr(Classifier, "_run", counting)
    assert np.array_equal(classifier.probabilities(many, tta, plain), expected)
    assert sum(asked) == (tta - 1) * len(many)


def test_all_outputs_are_those_of_the_session(classifier: Classifier, images: Image) -> None:
    outputs = classifier.outputs(images)
    for name, values in outputs._asdict().items():
        (expected,) = session().run([name], {"image": images})
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, expected, atol=1e-5)


@pytest.mark.parametrize("tta", [1, 2, 6])
def test_no_images_no_answers(classifier: Classifier, tta: TTA) -> None:
    answers = classifier.probabilities(np.empty((0, 32, 32, 3), np.uint8), tta)
    assert answers.shape == (0, 10)
    assert answers.dtype == np.float32


@pytest.mark.parametrize("tta", [0, 3, -1, 7, None, "6"])
@pytest.mark.parametrize("count", [0, 1])
def test_another_number_of_views_is_refused(
    classifier: Classifier, images: Image, tta: Any, count: int
) -> None:
    with pytest.raises(ValueError, match="expected 1, 2, 6 views"):
        classifier.probabilities(images[:count], tta)


@pytest.mark.parametrize("wrong", [np.zeros((1, 32, 32, 3)), np.zeros((32, 32, 3), np.uint8)])
def test_other_images_are_refused(classifier: Classifier, wrong: Any) -> None:
    with pytest.raises(ValueError, match="Expected uint8"):
        classifier.probabilities(wrong)


@pytest.mark.parametrize("lacking", ["probabilities", "logits", "features"])
def test_a_model_must_have_all_three_outputs(tmp_path: Path, lacking: str) -> None:
    model = onnx.load(MODEL)
    kept = [output for output in model.graph.output if output.name != lacking]
    assert len(kept) == 2
    del model.graph.output[:]
    model.graph.output.extend(kept)
    path = tmp_path / "mine" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelDirectoryError, match="model file of “mine” is missing or damaged"):
        Classifier(path)
