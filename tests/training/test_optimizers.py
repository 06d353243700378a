from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest

from cifar_core.training import architectures
from cifar_core.training.optimizers import AirbenchMuon, ConvMuon, orthogonalised

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


def test_what_is_no_kernel_is_pytorchs_sgd_with_airbenchs_groups() -> None:
    rate, decay = 0.013, 0.0153 / 11.5
    ours = variables()
    optimizer = AirbenchMuon(rate / 6.9, whitening_bias_steps=1_000)
    optimizer.build(ours)
    # an offset learns 64 times as fast and decays, its rate included, like the others
    groups = [(rate, decay), (rate, decay), (64 * rate, decay / 64)]
    theirs, without_decay, without_groups = (
        [TorchSGD(np.asarray(variable), *group) for variable, group in zip(ours, each, strict=True)]
        for each in (groups, [(rate, 0.0) for rate, _ in groups], [(rate, decay)] * 3)
    )
    for step in gradients(30):
        optimizer.apply(step)
        for rule in (theirs, without_decay, without_groups):
            for torch, gradient in zip(rule, step, strict=True):
                torch.step(gradient)
        for variable, torch in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(variable, torch.value, rtol=1e-4, atol=1e-5)
    # otherwise to agree would be no feat: so many steps tell the groups and the decay apart
    for torch, other in zip(theirs, without_decay, strict=True):
        assert np.abs(torch.value - other.value).max() > 1e-3
    assert np.abs(theirs[2].value - without_groups[2].value).max() > 1e-3


def test_the_whitening_bias_stays_as_it_is_after_its_steps() -> None:
    ours = variables()
    optimizer = AirbenchMuon(0.1 / 6.9, whitening_bias_steps=5)
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


# Muon


def drawn_to_one(matrix: Any) -> Any:
    """What `orthogonalised` computes, by a singular value decomposition: the polynomial on each value."""
    left, values, right = np.linalg.svd(matrix.astype(float), full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(3):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return left * values @ right


@pytest.mark.parametrize("shape", [(27, 64), (64, 27), (8, 8)])
def test_orthogonalised_draws_singular_values_to_one_and_keeps_the_directions(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    ours = np.asarray(orthogonalised(matrix))
    np.testing.assert_allclose(ours, drawn_to_one(matrix), atol=1e-5)
    before, after = (np.linalg.svd(m, compute_uv=False) for m in (matrix, ours))
    assert before.max() > 1.7 * after.max()
    assert after.max() < 1.3
    assert np.median(after) > 0.6
    np.testing.assert_allclose(orthogonalised(matrix * 1e-3), ours, atol=1e-4)  # only the direction counts


def test_muon_steps_kernels_by_its_rule() -> None:
    random = np.random.default_rng(4)
    shape, rate = (3, 3, 4, 6), 0.2
    kernel = keras.Variable(random.normal(size=shape).astype(np.float32))
    optimizer = AirbenchMuon(rate, whitening_bias_steps=2)
    optimizer.build([kernel])
    value, momentum = np.asarray(kernel).astype(float), np.zeros(shape)
    for _ in range(4):
        gradient = random.normal(size=shape).astype(np.float32)
        optimizer.apply([gradient])
        momentum = 0.6 * momentum + gradient
        turn = drawn_to_one((gradient + 0.6 * momentum).reshape(-1, 6)).reshape(shape)
        value = value * np.sqrt(6) / np.linalg.norm(value) - rate * turn
        np.testing.assert_allclose(kernel, value, atol=1e-4)


def test_keras_muon_takes_kernels_as_matrices() -> None:
    """A kernel moves as Keras' own Muon moves the matrix that it is; everything else as before."""
    random = np.random.default_rng(5)
    shapes = {"conv/kernel": (3, 3, 4, 6), "dense/kernel": (7, 5), "logits/kernel": (5, 3), "conv/bias": (6,)}
    matrices = {**shapes, "conv/kernel": (36, 6)}
    options = {"learning_rate": 0.02, "weight_decay": 0.1, "adam_weight_decay": 0.0, "adam_lr_ratio": 0.1}
    start = {path: random.normal(size=shape).astype(np.float32) for path, shape in shapes.items()}
    runs = []
    for kind, as_shapes in ((ConvMuon, shapes), (keras.optimizers.Muon, matrices)):
        found = []
        for path, shape in as_shapes.items():
            scope, name = path.split("/")
            with keras.name_scope(scope):
                found.append(keras.Variable(start[path].reshape(shape), name=name))
        optimizer = kind(exclude_layers=["logits"], **options)
        optimizer.build(found)
        runs.append((optimizer, found))
    for _ in range(5):
        gradients_ = [random.normal(size=shape).astype(np.float32) for shape in shapes.values()]
        for optimizer, found in runs:
            optimizer.apply([g.reshape(v.shape) for g, v in zip(gradients_, found, strict=True)])
    for (path, shape), ours, theirs in zip(shapes.items(), runs[0][1], runs[1][1], strict=True):
        np.testing.assert_allclose(ours, np.reshape(theirs, shape), rtol=1e-4, atol=1e-5)
        assert np.abs(np.asarray(ours) - start[path]).max() > 1e-3


def test_the_networks_own_variables_get_their_groups() -> None:
    model = architectures.build("airbench", {"widths": [8, 16, 16], "activation": "relu"}, fused=True)
    architectures.whiten(model, np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), dtype=np.uint8))
    optimizer = AirbenchMuon(0.01 / 6.9, whitening_bias_steps=0)
    optimizer.build(model.trainable_variables)
    before = [np.asarray(variable).copy() for variable in model.trainable_variables]
    optimizer.apply([np.ones(variable.shape, np.float32) for variable in model.trainable_variables])
    steps: dict[str, list[Any]] = {}
    for variable, old in zip(model.trainable_variables, before, strict=True):
        kind = "bias" if variable.path == "whitening/bias" else variable.path.split("/")[1]
        kind = "convolution" if len(variable.shape) == 4 else kind
        steps.setdefault(kind, []).append(np.abs(np.asarray(variable) - old).mean())
    assert {kind: len(found) for kind, found in steps.items()} == {
        "bias": 1, "convolution": 6, "kernel": 1, "beta": 6
    }  # fmt: skip
    assert steps["bias"] == [0]
    np.testing.assert_allclose(steps["kernel"], 0.01 * 1.85, rtol=0.01)
    np.testing.assert_allclose(steps["beta"], 64 * 0.01 * 1.85, rtol=0.01)
