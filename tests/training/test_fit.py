import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from cifar_core.datasets.dataset import normalise, split
from cifar_core.datasets.registry import DIGITS
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training import fit, run_log
from tests.model_directories import made

# The report's network on few images overfits at once: its best epoch is the first, so that with a patience
# of 2 it stops after the third of five.
REPORT = get_recipe("report").with_(
    images=260, validation="split", validation_images=100, batch_size=32, epochs=5, patience=2
)


ON_DIGITS = {"dataset": DIGITS.facts.to_dict()}  # which are on every machine


def silent(**_: Any) -> None:
    pass


def stop_after(steps: int) -> Callable[[], bool]:
    asked = iter([False] * (steps - 1))
    return lambda: next(asked, True)


@pytest.fixture(scope="module")
def every_step() -> Iterator[None]:
    """A clock that runs so fast that each step is worth a line in steps.csv."""
    with pytest.MonkeyPatch.context() as patch:
        clock = iter(range(10**9))
        patch.setattr(run_log, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
        yield


RESUME = """
import itertools
import sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS, ModelDirectory
from cifar_core.training import fit, run_log

fit.use_all_cores()
clock = itertools.count()
run_log.time = SimpleNamespace(monotonic=lambda: float(next(clock)))
for path in map(Path, sys.argv[1:]):
    model = fit.train(ModelDirectory(path), lambda **_: None)
    np.savez(path / "weights.npz", *model.get_weights())
"""


class Trained:
    """A recipe trained in one go, and again to a stop in mid-epoch and on from there by a second process.

    What a stop leaves is what stands in the folder in that moment, so that with `copied` it is taken from the
    training in one go, in passing.
    """

    def __init__(self, folder: Path, recipe: Recipe, stop_step: int, *, copied: bool = False) -> None:
        self.recipe = recipe
        self.reports: list[dict[str, Any]] = []
        self.straight = made(folder / "straight", recipe, **ON_DIGITS)
        self.stopped = ModelDirectory(folder / "stopped")
        stop = stop_after(stop_step)

        def copy_in_passing() -> bool:
            if copied and not self.stopped.path.exists() and stop():
                shutil.copytree(self.straight.path, self.stopped.path)
            return False

        self.model = fit.train(self.straight, lambda **changes: self.reports.append(changes), copy_in_passing)
        if not copied:
            made(self.stopped.path, recipe, **ON_DIGITS)
            with pytest.raises(run_log.StopRequested):
                fit.train(self.stopped, silent, stop)
        self.steps_when_stopped = self.stopped.steps()
        self.history_when_stopped = self.stopped.history()

    def resumed_weights(self) -> list[Any]:
        with np.load(self.stopped.path / "weights.npz") as archive:
            return [archive[name] for name in archive.files]


# The other ways to train: the optimizers of neither `tiny` nor the report, half precision, a frozen network.
NARROW: dict[str, Any] = {
    "network": "airbench",
    "network_options": {"widths": [8, 16, 16], "activation": "gelu"},
}
OTHERS = {
    name: recipe.with_(images=300, validation_images=100, batch_size=50, epochs=2)
    for name, recipe in {
        "airbench": get_recipe("fast").with_(**NARROW),
        "muon": get_recipe("cnn").with_(**NARROW),
        "sgd": get_recipe("cnn").with_(**NARROW, optimizer="sgd"),
        "frozen": get_recipe("report-vgg16"),
    }.items()
}


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    tiny: Recipe,
    every_step: None,  # noqa: ARG001
    vgg16_weights: Path,
) -> dict[str, Trained]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VGG16_WEIGHTS", str(vgg16_weights))
        return _train(tmp_path_factory.mktemp("fit"), tiny)


def _train(folder: Path, tiny: Recipe) -> dict[str, Trained]:
    runs = {
        # three steps an epoch, stopped in the third
        "quick": Trained(folder / "quick", tiny, stop_step=8),
        # five steps an epoch, stopped in the second, when patience has begun to run out
        "report": Trained(folder / "report", REPORT, stop_step=8),
        # four steps an epoch, stopped in the second; a frozen network asks once more, for its features
        **{
            name: Trained(folder / name, recipe, stop_step=7 if recipe.frozen else 6, copied=True)
            for name, recipe in OTHERS.items()
        },
    }
    # a process of its own, so that nothing but the checkpoint can carry state over
    stopped = [str(run.stopped.path) for run in runs.values()]
    subprocess.run([sys.executable, "-W", "ignore", "-c", RESUME, *stopped], check=True)
    return runs


both = pytest.mark.parametrize("name", ["quick", "report"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quick", "report", *OTHERS])
def test_a_resumed_run_ends_in_the_very_same_weights(trained: dict[str, Trained], name: str) -> None:
    run = trained[name]
    assert 0 < len(run.history_when_stopped) < len(run.stopped.history())
    for straight, resumed in zip(run.model.get_weights(), run.resumed_weights(), strict=True):
        np.testing.assert_array_equal(straight, resumed)
    histories = [directory.history().drop(columns="seconds") for directory in (run.straight, run.stopped)]
    assert histories[0].equals(histories[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_what_comes_back_is_what_was_validated(trained: dict[str, Trained], name: str) -> None:
    run, data = trained[name], DIGITS.load("train")
    held_out = split(data.labels, **run.recipe.split).validation
    right = np.argmax(run.model(normalise(data.images[held_out])), axis=1) == data.labels[held_out]
    # half precision may tip an image or two of the hundred
    tolerance = 0.02 if run.recipe.precision == "bfloat16" else 0.0
    assert abs(right.mean() - run.straight.history()["val_accuracy"].iloc[-1]) <= tolerance + 1e-6


@pytest.mark.slow
@both
def test_logs_hold_every_epoch_and_step_once(trained: dict[str, Trained], name: str) -> None:
    run, spe = trained[name], trained[name].recipe.steps_per_epoch
    epochs = run.recipe.epochs if name == "quick" else 3
    # the stopped run had written steps of the epoch that it had to do again
    assert run.steps_when_stopped["step"].max() == 7
    assert len(run.history_when_stopped) == 7 // spe
    for directory in (run.straight, run.stopped):
        history, steps = directory.history(), directory.steps()
        assert history["epoch"].tolist() == [*range(1, epochs + 1)]
        assert steps["step"].tolist() == [*range(1, epochs * spe + 1)]
        np.testing.assert_allclose(steps["epoch"], steps["step"] / spe, rtol=1e-6)
        for log in (history, steps):
            assert (log["seconds"].diff().dropna() > 0).all()
            assert log.notna().all(axis=None)
        # the mean over an epoch's points is the epoch's
        for column, tolerance in (("loss", 1e-4), ("accuracy", 1e-5)):
            means = steps[column].to_numpy().reshape(epochs, spe).mean(axis=1)
            np.testing.assert_allclose(means, history[column], rtol=tolerance)


@pytest.mark.slow
@both
def test_the_checkpoint_stands_at_the_last_epoch(trained: dict[str, Trained], name: str) -> None:
    for directory in (trained[name].straight, trained[name].stopped):
        with np.load(directory.checkpoint_path) as archive:
            assert archive["epoch"] == len(directory.history())
        assert {path.name for path in directory.checkpoint_path.parent.iterdir()} == (
            {"last.npz", "best.npz"} if trained[name].recipe.patience else {"last.npz"}
        )


@pytest.mark.slow
def test_the_learning_rate_goes_on_where_it_stood(trained: dict[str, Trained]) -> None:
    run = trained["quick"]
    at = run.recipe.learning_rate * (1 - np.arange(10) / 9)
    for directory in (run.straight, run.stopped):
        np.testing.assert_allclose(directory.steps()["learning_rate"], at[1:], rtol=1e-5, atol=1e-8)
    assert set(trained["report"].stopped.steps()["learning_rate"]) == {0.001}


@pytest.mark.slow
def test_reports_tell_where_the_run_stands(trained: dict[str, Trained]) -> None:
    run = trained["quick"]
    now: dict[str, Any] = {}
    seen = []
    for changes in run.reports:
        now |= changes
        seen.append((now["phase"], now.get("epoch"), now.get("step")))
    assert (now["state"], now["epochs"], now["steps_per_epoch"]) == ("running", 3, 3)
    assert seen[0] == ("training", None, None)
    assert seen[1:] == [
        (phase, epoch, step)
        for epoch in (1, 2, 3)
        for phase, step in (("training", 0), ("training", 1), ("training", 2), ("validating", 3))
    ]
    assert now["eta_seconds"] == 0
    etas = [changes["eta_seconds"] for changes in run.reports if "eta_seconds" in changes]
    assert all(eta > 0 for eta in etas[:-1])
    assert now["images_per_second"] > 0


# Early stopping


def validation_loss(model: keras.Model, recipe: Recipe) -> float:
    data = DIGITS.load("train")
    indices = split(data.labels, **recipe.split).validation
    probabilities = np.asarray(model(normalise(data.images[indices])))
    return float(-np.log(probabilities[np.arange(len(indices)), data.labels[indices]]).mean())


@pytest.mark.slow
def test_the_best_weights_come_back(trained: dict[str, Trained]) -> None:
    run = trained["report"]
    history = run.straight.history()
    # otherwise this shows nothing: stopped early, and the best epoch is not the last
    assert len(history) == 3 < run.recipe.epochs
    assert history["val_loss"].argmin() == 0
    assert history["val_loss"].iloc[-1] > history["val_loss"].min() + 0.001
    np.testing.assert_allclose(validation_loss(run.model, run.recipe), history["val_loss"].min(), rtol=1e-5)
    with np.load(run.straight.best_path) as archive:
        assert archive["epoch"] == 1


@pytest.mark.slow
def test_a_resume_of_a_run_whose_patience_is_spent_only_fetches_the_best_weights(
    trained: dict[str, Trained],
) -> None:
    run = trained["report"]
    before = run.straight.history(), run.straight.steps()
    model = fit.train(run.straight, silent, lambda: pytest.fail("it trains"))
    for again, first in zip(model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(again, first)
    assert run.straight.history().equals(before[0])
    assert run.straight.steps().equals(before[1])


@pytest.mark.slow
def test_a_resume_of_a_run_that_is_done_trains_no_more(trained: dict[str, Trained]) -> None:
    run = trained["quick"]
    model = fit.train(run.straight, silent, lambda: pytest.fail("it trains"))
    for again, first in zip(model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(again, first)


@pytest.mark.slow
@both
def test_what_comes_back_is_keras_own_from_picture_to_probabilities(
    trained: dict[str, Trained], name: str
) -> None:
    model = trained[name].model
    assert not any(type(layer).__module__.startswith("cifar_core") for layer in model.layers)
    probabilities = np.asarray(model(np.random.default_rng(0).random((4, 32, 32, 3), np.float32)))
    assert probabilities.shape == (4, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
