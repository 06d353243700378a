"""What a run says to a few test pictures, epoch by epoch."""

from pathlib import Path

import keras
import numpy as np
import pytest

from cifar_core.datasets.dataset import Batch
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import ModelDirectoryError
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training.watch import Watch, first_of_each_class
from tests.model_directories import archive, made


@pytest.fixture
def run(tmp_path: Path) -> ModelDirectory:
    return made(tmp_path / "run", dataset=DIGITS.facts.to_dict())


@pytest.fixture
def network() -> keras.Model:
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.layers[-1].set_weights([np.zeros((3072, 10)), np.arange(10.0)])
    return model


def test_the_first_picture_of_each_class_is_watched_and_ten_in_all() -> None:
    labels = np.array([3, 3, 1, 1, 2, 3, 1, 2, 2, 1, 3])
    assert first_of_each_class(labels).tolist() == [2, 4, 0, 1, 3, 5, 6, 7, 8, 9]
    assert first_of_each_class(np.arange(100) % 20).tolist() == list(range(10))
    assert first_of_each_class(np.array([0, 1, 0])).tolist() == [0, 1, 2]


def test_answers_are_written_before_the_first_epoch_and_after_each(
    run: ModelDirectory, network: keras.Model
) -> None:
    test = DIGITS.load("test")
    watch = Watch(run, network, test, done=0)
    watch.on_train_begin()
    assert run.watched().epochs.tolist() == [0]
    network.layers[-1].set_weights([np.zeros((3072, 10)), np.arange(10.0)[::-1]])
    watch.on_epoch_end(0)
    found = run.watched()
    assert found.epochs.tolist() == [0, 1]
    assert np.array_equal(np.sort(test.labels[found.indices]), np.arange(10))
    assert found.probabilities.argmax(axis=2).tolist() == [[9] * 10, [0] * 10]
    assert found.probabilities.astype(float).sum(axis=2) == pytest.approx(np.ones((2, 10)), abs=0.01)


@pytest.mark.parametrize(("done", "epochs"), [(1, [0, 1, 2]), (2, [0, 1, 2, 3]), (5, [0, 1, 2, 5, 6])])
def test_a_resumed_run_goes_on_from_its_last_checkpoint(
    run: ModelDirectory, network: keras.Model, done: int, epochs: list[int]
) -> None:
    test = DIGITS.load("test")
    first = Watch(run, network, test, done=0)
    first.on_train_begin()
    for epoch in range(2):
        first.on_epoch_end(epoch)
    again = Watch(run, network, test, done=done)
    again.on_train_begin()
    again.on_epoch_end(done)
    assert run.watched().epochs.tolist() == epochs


def test_what_was_said_to_other_pictures_is_forgotten(run: ModelDirectory, network: keras.Model) -> None:
    test = DIGITS.load("test")
    other = Watch(run, network, Batch(test.images[::-1], test.labels[::-1]), done=0)
    other.on_train_begin()
    watch = Watch(run, network, test, done=1)
    watch.on_train_begin()
    assert run.watched().epochs.tolist() == [1]


SOUND = {
    "epochs": np.arange(2),
    "indices": np.arange(3),
    "probabilities": np.full((2, 3, 10), 0.1, np.float16),
}


@pytest.mark.parametrize(
    "damage",
    [
        {"epochs": np.arange(3)},
        {"epochs": np.array([-1, 0])},
        {"epochs": np.zeros(0, int), "probabilities": np.zeros((0, 3, 10), np.float16)},
        {"indices": np.array([0.0, 1.0, 2.0])},
        {"indices": np.array([0, 1, -2])},
        {"probabilities": np.full((2, 3, 9), 0.1, np.float16)},
        {"probabilities": np.full((2, 3, 10), np.nan, np.float16)},
        {"probabilities": np.full((2, 3, 10), 7, np.float16)},
        {"probabilities": np.full((2, 3, 10), 1)},
        {"probabilities": np.array([object()])},
    ],
)
def test_what_no_answers_can_be_is_not_believed(run: ModelDirectory, damage: dict[str, np.ndarray]) -> None:
    run.watched_path.write_bytes(archive(**SOUND))
    assert len(run.watched().indices) == 3
    run.watched_path.write_bytes(archive(**SOUND | damage))
    with pytest.raises(ModelDirectoryError):
        run.watched()
