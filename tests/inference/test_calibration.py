"""Temperature scaling against arithmetic done by hand, and what it recovers."""

import math

import numpy as np
import pytest

from cifar_core.evaluation import metrics
from cifar_core.inference import calibration
from tests.predictions import Array, honest, one_hot, softmax


@pytest.fixture(scope="module", name="honest")
def honest_fixture() -> tuple[Array, Array]:
    return honest()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_scale_equals_scaling_the_logits(temperature: float, honest: tuple[Array, Array]) -> None:
    logits = honest[0] + 7  # a shift that the probabilities do not show
    scaled = calibration.temperature_scale(softmax(logits), temperature)
    np.testing.assert_allclose(scaled, softmax(logits / temperature), rtol=0, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_temperature_scale_refuses_what_is_no_temperature(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        calibration.temperature_scale(one_hot([3]), temperature)


@pytest.mark.parametrize("known", [0.4, 1.0, 1.5, 2.5])
def test_fit_temperature_recovers_a_known_one(known: float, honest: tuple[Array, Array]) -> None:
    logits, labels = honest
    stored = softmax(logits * known).astype(np.float16)
    fitted = calibration.fit_temperature(stored, labels)
    assert fitted == pytest.approx(known, rel=0.03)

    def loss(temperature: float) -> float:
        return metrics.cross_entropy(calibration.temperature_scale(stored, temperature), labels)

    assert loss(fitted) < min(loss(fitted * 0.98), loss(fitted * 1.02))


@pytest.mark.parametrize(
    ("p", "labels", "expected"),
    [
        pytest.param(one_hot([3, 5, 0]), [3, 5, 0], 1.0, id="none wrong"),
        pytest.param(one_hot([3], confidence=1.0), [3], 1.0, id="one image, certain and right"),
        pytest.param(np.full((4, 10), 0.1), [0, 1, 2, 3], 1.0, id="an untrained model"),
        pytest.param(one_hot([3, 5]), [5, 3], 20.0, id="all wrong"),
        pytest.param(one_hot([3], confidence=1.0), [5], 20.0, id="one image, certain and wrong"),
        # Half right at confidence 0.91: the best p gives the true class 1/2, so p / rest = 9 = 91^(1/T).
        pytest.param(one_hot([3, 3]), [3, 5], None, id="half right"),
        pytest.param(one_hot([3] * 100, confidence=0.11), [3] * 99 + [5], 0.05, id="far too humble"),
    ],
)
def test_fit_temperature_of_degenerate_input(p: Array, labels: list[int], expected: float | None) -> None:
    expected = math.log(91) / math.log(9) if expected is None else expected
    assert calibration.fit_temperature(p, np.array(labels)) == pytest.approx(expected, rel=1e-3)
