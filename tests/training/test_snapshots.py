"""What a run was after its epochs: few snapshots, small, and true."""

from pathlib import Path

import numpy as np
import pytest

from cifar_core.datasets.registry import DIGITS
from cifar_core.inference.runtime import Classifier
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training import architectures, export, fit, snapshots
from tests.model_directories import made

ON_DIGITS = {"dataset": DIGITS.facts.to_dict()}


def trained(path: Path, recipe: Recipe) -> ModelDirectory:
    directory = made(path, recipe, **ON_DIGITS)
    model = fit.train(directory, lambda **_: None)
    export.save(model, directory)
    export.save_snapshots(model, directory)
    return directory


@pytest.mark.parametrize(
    ("epochs", "parameters", "expected"),
    [
        (1, 1_000, []),
        (2, 1_000, [1]),
        (3, 1_000, [1, 2]),
        (8, 1_000, [1, 2, 3, 4, 6]),
        (32, 4_600_000, [1, 2, 3, 4, 7, 12, 20]),
        (1_000, 1_000, [1, 3, 7, 19, 52, 139, 373]),
        (12, 15_000_000, [1, 2, 5]),
        (12, 40_000_000, [1]),
        (12, 60_000_000, []),
    ],
)
def test_they_are_few_and_closer_at_the_beginning(epochs: int, parameters: int, expected: list[int]) -> None:
    found = snapshots.moments(epochs, parameters)
    assert found == expected
    assert len(found) <= snapshots.MOST
    assert len(found) * 2 * parameters <= snapshots.MOST_BYTES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny: Recipe) -> ModelDirectory:
    return trained(tmp_path_factory.mktemp("snapshots") / "run", tiny)


@pytest.mark.slow
def test_each_answers_as_the_network_did_after_its_epoch(run: ModelDirectory) -> None:
    assert run.snapshots() == [1, 2]
    watched = run.watched()
    pictures = DIGITS.load("test").images[watched.indices]
    said = dict(zip(watched.epochs.tolist(), watched.probabilities.astype(np.float32), strict=True))
    assert np.abs(said[1] - said[2]).max() > 0.01, "this shows nothing"
    for epoch in run.snapshots():
        classifier = Classifier(run.snapshot_path(epoch))
        np.testing.assert_allclose(classifier.probabilities(pictures), said[epoch], atol=2e-3)
        assert classifier.facts == run.facts()


@pytest.mark.slow
def test_nothing_is_left_but_small_models(run: ModelDirectory, tiny: Recipe) -> None:
    folder = run.snapshot_path(1).parent
    assert {path.name for path in folder.iterdir()} == {"1.onnx", "2.onnx"}
    network = architectures.build(tiny.network, tiny.network_options)
    for path in folder.iterdir():
        assert path.stat().st_size < 2 * network.count_params() + 30_000


@pytest.mark.slow
def test_the_model_keeps_its_own_weights(tmp_path: Path, tiny: Recipe) -> None:
    directory = made(tmp_path / "run", tiny, **ON_DIGITS)
    model = fit.train(directory, lambda **_: None)
    before = model.get_weights()
    export.save_snapshots(model, directory)
    assert directory.snapshots()
    for weight, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, now)


@pytest.mark.slow
def test_of_a_frozen_network_there_are_none(tmp_path: Path) -> None:
    recipe = get_recipe("transfer").with_(
        network_options={"base": "quick", "size": 32}, images=120, validation_images=40, epochs=3
    )
    assert trained(tmp_path / "frozen", recipe).snapshots() == []


@pytest.mark.parametrize(("best", "left"), [(1, []), (3, [1, 2]), (9, [1, 2, 3, 5])])
def test_what_came_after_the_best_epoch_is_forgotten(
    directory: ModelDirectory, best: int, left: list[int]
) -> None:
    directory.snapshot_path(1).parent.mkdir()
    for epoch in (1, 2, 3, 5):
        directory.snapshot_path(epoch, ".npz").touch()
    snapshots.forget_from(directory, best)
    assert directory.snapshots(".npz") == left


@pytest.mark.parametrize("content", [b"", b"none", b"PK\x03\x04"])
def test_a_damaged_one_is_left_out(directory: ModelDirectory, content: bytes) -> None:
    path = directory.snapshot_path(1, ".npz")
    path.parent.mkdir()
    path.write_bytes(content)
    network = architectures.build("airbench", {"widths": [8, 16, 16], "activation": "relu"})
    export.save_snapshots(architectures.with_probabilities(network), directory)
    assert directory.snapshots() == directory.snapshots(".npz") == []
