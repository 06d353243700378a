from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest

from cifar_core.training import architectures
from cifar_core.training.airbench import AirbenchSGD, Lookahead, RiseAndFall

SHAPES = {"whitening/bias": (4,), "conv2d/kernel": (3, 2), "batch_normalization/beta": (5,)}


class TorchSGD:
    """`torch.optim.SGD` for one parameter: coupled weight decay, momentum without dampening, Nesterov."""

    def __init__(self, value: Any, rate: float, weight_decay: float, momentum: float = 0.85) -> None:
        self.value, self.rate, self.weight_decay, self.momentum = (
            value.astype(float),
            rate,
            weight_decay,
            momentum,
        )
        self.buffer: Any = None

    def step(self, gradient: Any) -> None:
        gradient = gradient + self.weight_decay * self.value
        self.buffer = gradient.copy() if self.buffer is None else self.momentum * self.buffer + gradient
        self.value = self.value - self.rate * (gradient + self.momentum * self.buffer)


def variables() -> list[Any]:
    random = np.random.default_rng(0)
    found = []
    for path, shape in SHAPES.items():
        scope, name = path.split("/")
        with keras.name_scope(scope):
            found.append(keras.Variable(random.normal(size=shape).astype(np.float32), name=name))
    assert [variable.path for variable in found] == list(SHAPES)
    return found


def gradients(steps: int) -> list[list[Any]]:
    random = np.random.default_rng(1)
    return [[random.normal(size=shape).astype(np.float32) for shape in SHAPES.values()] for _ in range(steps)]


def test_sgd_is_pytorchs_with_airbenchs_groups() -> None:
    rate, decay = 0.013, 0.0153 / 11.5
    ours = variables()
    optimizer = AirbenchSGD(rate, whitening_bias_steps=1_000)
    optimizer.build(ours)
    # an offset learns 64 times as fast and decays, its rate included, like the others
    groups = [(rate, decay), (rate, decay), (64 * rate, decay / 64)]
    theirs = [TorchSGD(np.asarray(variable), *group) for variable, group in zip(ours, groups, strict=True)]
    for step in gradients(30):
        optimizer.apply(step)
        for torch, gradient in zip(theirs, step, strict=True):
            torch.step(gradient)
        for variable, torch in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(variable, torch.value, rtol=1e-4, atol=1e-5)


def test_groups_and_decay_make_a_difference() -> None:
    """The test above could not fail if 30 steps did not tell the groups apart."""
    start = np.ones(3)
    results = []
    for rate, decay in ((0.013, 0.0153 / 11.5), (0.013 * 64, 0.0153 / 11.5), (0.013, 0.0)):
        torch = TorchSGD(start, rate, decay)
        for _ in range(30):
            torch.step(np.full(3, 0.1))
        results.append(torch.value[0])
    assert min(abs(results[0] - results[1]), abs(results[0] - results[2])) > 1e-3


def test_the_whitening_bias_stays_as_it_is_after_its_steps() -> None:
    ours = variables()
    optimizer = AirbenchSGD(0.1, whitening_bias_steps=5)
    optimizer.build(ours)
    history = []
    for step in gradients(9):
        optimizer.apply(step)
        history.append([np.asarray(variable).copy() for variable in ours])
    bias, kernel, beta = zip(*history, strict=True)
    for before, after in pairwise(bias[:5]):
        assert not np.array_equal(before, after)
    for later in bias[5:]:
        np.testing.assert_array_equal(later, bias[4])
    for series in (kernel, beta):
        for before, after in pairwise(series):
            assert not np.array_equal(before, after)


def test_the_networks_own_variables_get_their_groups() -> None:
    model = architectures.build("airbench", {"widths": [8, 16, 16], "activation": "relu"}, fused=True)
    architectures.whiten(model, np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), dtype=np.uint8))
    optimizer = AirbenchSGD(0.01, whitening_bias_steps=0)
    optimizer.build(model.trainable_variables)
    before = [np.asarray(variable).copy() for variable in model.trainable_variables]
    optimizer.apply([np.ones(variable.shape, np.float32) for variable in model.trainable_variables])
    steps: dict[str, list[Any]] = {}
    for variable, old in zip(model.trainable_variables, before, strict=True):
        kind = "bias" if variable.path == "whitening/bias" else variable.path.split("/")[1]
        steps.setdefault(kind, []).append(np.abs(np.asarray(variable) - old).mean())
    assert {kind: len(found) for kind, found in steps.items()} == {"bias": 1, "kernel": 7, "beta": 6}
    assert steps["bias"] == [0]
    np.testing.assert_allclose(steps["kernel"], 0.01 * 1.85, rtol=0.01)
    np.testing.assert_allclose(steps["beta"], 64 * 0.01 * 1.85, rtol=0.01)


def test_the_rate_rises_and_falls() -> None:
    schedule = RiseAndFall(peak=1.5, steps=1_000)
    corners = {0: 0.2 * 1.5, 230: 1.5, 1_000: 0.07 * 1.5, 115: 0.6 * 1.5, 615: (1 + 0.07) / 2 * 1.5}
    for step, expected in corners.items():
        np.testing.assert_allclose(schedule(step), expected, rtol=1e-5)
    line = 1.5 * np.interp(np.arange(1_001), [0, 230, 1_000], [0.2, 1, 0.07])
    np.testing.assert_allclose([schedule(step) for step in range(1_001)], line, rtol=1e-4)
    assert RiseAndFall(**schedule.get_config())(230) == schedule(230)


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_the_rate_of_a_very_short_run_stays_in_its_bounds(steps: int) -> None:
    rates = [float(RiseAndFall(2.0, steps)(step)) for step in range(steps + 1)]
    assert all(0.14 - 1e-6 <= rate <= 2.0 + 1e-6 for rate in rates)
    np.testing.assert_allclose(rates[0], 0.4)
    np.testing.assert_allclose(rates[-1], 0.14, rtol=1e-5)


@pytest.mark.parametrize("steps", [20, 23])
def test_lookahead_is_airbenchs(steps: int) -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.BatchNormalization()(inputs)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    random = np.random.default_rng(0)
    model.set_weights([random.random(weight.shape) for weight in model.weights])
    lookahead = Lookahead(model, steps)
    lookahead.set_model(model)
    slow = fast = [np.asarray(weight).astype(float) for weight in model.weights]

    for step in range(1, steps + 1):
        moved = [weight + random.normal(size=weight.shape) for weight in fast]  # "training"
        model.set_weights(moved)
        model.optimizer.iterations.assign(step)
        lookahead.on_train_batch_end(step - 1)

        fast = moved
        decays = [0.95**5 * (step / steps) ** 3] if step % 5 == 0 else []
        for decay in [*decays, *([1.0] if step == steps else [])]:
            slow = fast = [decay * s + (1 - decay) * f for s, f in zip(slow, fast, strict=True)]
        for weight, expected in zip(model.weights, fast, strict=True):
            np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-5)
        for weight, expected in zip(lookahead.slow, slow, strict=True):
            np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-5)
    for weight, average in zip(model.weights, lookahead.slow, strict=True):
        np.testing.assert_array_equal(weight, average)
    assert len(lookahead.slow) == 6  # batch-norm statistics included


def test_slow_weights_are_copies() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    lookahead = Lookahead(model, 10)
    before = [np.asarray(weight).copy() for weight in lookahead.slow]
    model.set_weights([weight + 1 for weight in model.get_weights()])
    for weight, old in zip(lookahead.slow, before, strict=True):
        np.testing.assert_array_equal(weight, old)
