"""What an average says: the mean of what its members do, each calibrated."""

import numpy as np
import pytest

from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import ood
from cifar_core.inference.average import Average, mean
from cifar_core.inference.calibration import temperature_scale
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.inference.opening import classifier_of
from cifar_core.inference.tta import TTA
from cifar_core.runs.model_dir import ModelDirectory

IMAGES = DIGITS.load("test").images[:70]  # more than a batch


def test_the_mean_by_hand() -> None:
    sure, torn = np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])
    np.testing.assert_allclose(mean([sure, torn], [1, 1]), [[0.7, 0.3]])
    np.testing.assert_allclose(mean([sure, torn], [0.5, 3]), [[(81 / 82 + 0.5) / 2, (1 / 82 + 0.5) / 2]])


@pytest.mark.parametrize("tta", [1, 2, 6])
def test_it_is_the_mean_of_calibrated_members(
    duo: ModelDirectory, two: list[ModelDirectory], tta: TTA
) -> None:
    expected = np.mean(
        [
            temperature_scale(
                classifier_of(model).probabilities(IMAGES, tta), calibration_of(model, tta).temperature
            )
            for model in two
        ],
        axis=0,
    )
    average = classifier_of(duo)
    assert isinstance(average, Average)
    assert average.facts == DIGITS.facts
    found = average.probabilities(IMAGES, tta)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    plain = average.outputs(IMAGES)  # which need not be asked again
    np.testing.assert_allclose(average.probabilities(IMAGES, tta, plain), expected, atol=1e-6)
    nothing = plain._replace(logits=np.zeros_like(plain.logits))
    if tta > 1:
        assert not np.allclose(average.probabilities(IMAGES, tta, nothing), expected, atol=1e-3)


def test_features_and_logits_stand_side_by_side(duo: ModelDirectory, two: list[ModelDirectory]) -> None:
    parts, joint = [classifier_of(model).outputs(IMAGES) for model in two], classifier_of(duo).outputs(IMAGES)
    np.testing.assert_allclose(joint.logits, np.concatenate([each.logits for each in parts], 1), rtol=1e-5)
    assert joint.features.shape == (70, sum(each.features.shape[1] for each in parts))
    np.testing.assert_allclose(np.linalg.norm(joint.features, axis=1), np.full(70, 2**0.5), rtol=1e-5)


def test_its_score_is_the_mean_of_how_far_theirs_lie_above_their_thresholds(
    duo: ModelDirectory, two: list[ModelDirectory]
) -> None:
    above = []
    for model in two:
        outputs, (_, known, threshold) = classifier_of(model).outputs(IMAGES), calibration_of(model)
        above.append(ood.score(outputs.logits, outputs.features, IMAGES, known) - threshold)
    joint, known = classifier_of(duo).outputs(IMAGES), calibration_of(duo).known
    assert known.features == joint.features.shape[1]
    np.testing.assert_allclose(
        ood.score(joint.logits, joint.features, IMAGES, known), np.mean(above, axis=0), atol=1e-4
    )


def test_it_classifies_as_any_model(duo: ModelDirectory) -> None:
    calibration = calibration_of(duo)
    answers = classify(classifier_of(duo), calibration, [image[None] for image in IMAGES])
    raw = classifier_of(duo).probabilities(IMAGES)
    expected = temperature_scale(raw, calibration.temperature)
    np.testing.assert_allclose([answer.probabilities for answer in answers], expected, atol=1e-6)
    assert all(answer.none_of_these in (True, False) for answer in answers)
    noise = np.random.default_rng(0).integers(0, 256, (1, *IMAGES.shape[1:]), np.uint8)
    assert classify(classifier_of(duo), calibration, [noise])[0].none_of_these


def test_there_is_nothing_inside(duo: ModelDirectory) -> None:
    with pytest.raises(ModelDirectoryError, match="no network to look into"):
        classifier_of(duo).named(["conv"], IMAGES[:1])


def test_without_a_member_it_does_not_answer(duo: ModelDirectory, two: list[ModelDirectory]) -> None:
    two[0].onnx_path.write_bytes(b"another")
    with pytest.raises(ModelDirectoryError, match="“linear”, which was trained anew since"):
        classifier_of(duo)
    with pytest.raises(ModelDirectoryError, match="“linear”, which was trained anew since"):
        calibration_of(duo)
