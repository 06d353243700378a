"""What a training shows its network, and how it ends when it cannot go on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifar_core.datasets.dataset import Batch
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import CifarLabError
from cifar_core.recipe import Recipe
from cifar_core.training import architectures, augment, checkpoint, fit
from tests.model_directories import made

ON_DIGITS = {"dataset": DIGITS.facts.to_dict()}  # which are on every machine


def silent(**_: Any) -> None:
    pass


# What the network is shown


@pytest.mark.slow
@pytest.mark.parametrize("validation", ["split", "test"])
def test_held_out_pictures_are_not_learnt_from(
    tmp_path: Path,
    tiny: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    validation: Any,
) -> None:
    shown: dict[str, Any] = {}

    class Shown(Exception):  # noqa: N818
        pass

    def training(data: Batch, *_: Any, **__: Any) -> None:
        shown.update(training=data.images, labels=data.labels)

    def evaluation(data: Batch, *_: Any) -> None:
        shown.update(validation=data.images, validation_labels=data.labels)
        raise Shown

    monkeypatch.setattr(augment, "training_batches", training)
    monkeypatch.setattr(augment, "evaluation_batches", evaluation)
    with pytest.raises(Shown):
        fit.train(made(tmp_path / "run", tiny.with_(validation=validation), **ON_DIGITS), silent)

    data, test = DIGITS.load("train"), DIGITS.load("test")
    numbers = {image.tobytes(): i for i, image in enumerate(data.images)}
    learnt = [numbers[image.tobytes()] for image in shown["training"]]
    np.testing.assert_array_equal(shown["labels"], data.labels[learnt])
    if validation == "test":
        assert len(learnt) == 1_200
        np.testing.assert_array_equal(shown["validation"], test.images)
        np.testing.assert_array_equal(shown["validation_labels"], test.labels)
    else:
        held_out = [numbers[image.tobytes()] for image in shown["validation"]]
        assert (len(learnt), len(held_out)) == (1_000, 200)
        assert not set(learnt) & set(held_out)
        np.testing.assert_array_equal(shown["validation_labels"], data.labels[held_out])
        np.testing.assert_array_equal(np.bincount(data.labels[held_out]), np.full(10, 20))


# What can go wrong


def test_a_loss_that_is_no_number_ends_the_run_with_a_reason(
    tmp_path: Path,
    tiny: Recipe,
) -> None:
    # batch norm keeps ReLU and GELU finite whatever the learning rate
    options = {**tiny.network_options, "activation": "exponential"}
    directory = made(tmp_path / "run", tiny.with_(learning_rate=100.0, network_options=options), **ON_DIGITS)
    with pytest.raises(
        CifarLabError, match=r"^The loss is no longer a number \(epoch \d+\): .* lower learning rate"
    ):
        fit.train(directory, silent)
    assert np.isfinite(directory.history().to_numpy()).all()
    assert np.isfinite(directory.steps().to_numpy()).all()
    if directory.checkpoint_path.exists():
        with np.load(directory.checkpoint_path) as archive:
            assert archive["epoch"] == len(directory.history())


def test_a_run_with_the_checkpoint_of_another_network_does_not_start(
    tmp_path: Path,
    tiny: Recipe,
) -> None:
    directory = made(tmp_path / "run", tiny, **ON_DIGITS)
    other = architectures.build("airbench", {"widths": [8, 8, 8], "activation": "relu"})
    checkpoint.save_checkpoint(directory.checkpoint_path, other.weights, 1)
    with pytest.raises(CifarLabError, match="of another network"):
        fit.train(directory, silent)
    assert not directory.history_path.exists()
