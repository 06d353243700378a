"""Deletion curves of classifiers whose pixels are known."""

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cifar_core.inference.deletion import STEPS, curve
from tests.pictures import photos

CORNER = np.zeros((32, 32), np.float32)
CORNER[:8, :16] = 1  # an eighth of the picture
[IMAGE] = photos(1)


def kept(images: np.ndarray) -> Any:
    """Class 1 is as likely as pixels in the corner are as they were."""
    share = (images[:, :8, :16] == IMAGE[:8, :16]).mean(axis=(1, 2, 3))
    return np.stack([1 - share, share], axis=1)


def test_a_map_that_knows_the_pixels_has_the_steepest_curve() -> None:
    knows = curve(kept, IMAGE, 1, CORNER)
    assert len(knows) == STEPS + 1
    assert knows[0] == 1
    assert knows[1:].max() < 0.1  # some pixels are as they were, blurred, too
    turned = curve(kept, IMAGE, 1, -CORNER)
    assert turned[:STEPS].min() == 1
    assert turned[STEPS] < 0.1
    assert knows.mean() < curve(kept, IMAGE, 1, np.zeros((32, 32))).mean() < turned.mean()
    np.testing.assert_allclose(curve(kept, IMAGE, 0, CORNER), 1 - knows)


def test_pixels_become_what_is_around_them_and_the_classifier_is_asked_once() -> None:
    asked = []

    def classify(images: np.ndarray) -> Any:
        asked.append(images)
        return np.full((len(images), 2), 0.5)

    curve(classify, IMAGE, 0, CORNER)
    [steps] = asked
    assert steps.dtype == np.uint8
    np.testing.assert_array_equal(steps[0], IMAGE)
    blurred = np.rint(gaussian_filter(IMAGE.astype(np.float32), (4, 4, 0), mode="nearest"))
    np.testing.assert_array_equal(steps[-1], blurred)
    np.testing.assert_array_equal(steps[1], np.where(CORNER[..., None] == 1, blurred, IMAGE))


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="a map"):
        curve(kept, IMAGE, 0, CORNER[:8])
