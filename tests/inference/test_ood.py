"""The score and its parts on arithmetic done by hand."""

import numpy as np
import pytest

from cifar_core.evaluation.ood_sets import clouds, static
from cifar_core.inference.ood import answer_score, class_directions, learn, score, threshold


def test_the_threshold_lets_95_percent_through() -> None:
    found = np.random.default_rng(0).normal(size=2000)
    assert (found <= threshold(found)).mean() == 0.95


def test_class_directions_by_hand() -> None:
    features = np.concatenate([2 * np.eye(10, 12), 4 * np.eye(10, 12)]).astype(np.float32)
    features[0, 11], features[10, 11] = 3, -3  # cancel each other
    labels = np.tile(np.arange(10), 2)
    found = class_directions(features, labels, 10)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.eye(10, 12), atol=1e-6)
    for wrong in (labels[::-1] // 2, np.append(labels[:-1], 10), labels[:-1]):
        with pytest.raises(ValueError, match="images of each class"):
            class_directions(features, wrong, 10)


def test_answer_score_by_hand() -> None:
    directions = np.eye(10, 12)
    logits = np.zeros((3, 10))
    features = np.array([[0] * 4 + [7] + [0] * 7, [3] + [0] * 10 + [4], [0] * 12])
    # Ten equal logits have the energy log 10; the cosines are 1, 3/5 and, where there are no features, 0.
    np.testing.assert_allclose(
        answer_score(logits, features, directions), [-np.log(10), -0.6 * np.log(10), 0], atol=1e-12
    )
    np.testing.assert_allclose(  # neither the length of the features nor a shift of the logits counts
        answer_score(logits - 1000, features * 5, directions), answer_score(logits, features, directions)
    )
    logits[1, 0] = 10
    assert answer_score(logits, features, directions).argsort().tolist() == [1, 0, 2]


def test_the_score_is_the_larger_of_answer_and_pixels() -> None:
    directions = np.eye(3, dtype=np.float32)
    logits, features = np.array([[9.0, 0, 0], [0, 0, 0]]), np.array([[1.0, 0, 0], [1.0, 1, 1]])
    training, strength = clouds(60), np.linspace(1, 2, 20)[:, None]
    answers = answer_score(logits[:1] * strength, np.eye(3)[[0] * 20], directions)
    known = learn(directions, answers, training, training)
    usual, strange = training[:1], static(1)
    one = score(1.5 * logits, features, np.concatenate([usual, usual]), known)
    assert one[0] <= 1 < one[1]  # a weak answer about usual pixels
    assert score(1.5 * logits[:1], features[:1], strange, known)[0] > 3  # a strong one about static


def test_a_model_that_always_answers_the_same_can_be_scored() -> None:
    directions, images = np.eye(3, dtype=np.float32), np.zeros((4, 8, 8, 3), np.uint8)
    known = learn(directions, np.ones(4), images, images)
    assert np.isfinite(score(np.ones((4, 3)), np.ones((4, 3)), images, known)).all()
