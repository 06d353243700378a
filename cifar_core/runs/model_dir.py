"""The model directory: the one unit that the app, the worker and the command line share.

A shipped model, a run in progress and a finished run look alike. This module is the only place that knows the
names of the files in it, each of which is written whole or appended by the line (`cifar_core.files`).
"""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from cifar_core.datasets.dataset import Dataset, Facts
from cifar_core.datasets.registry import get_dataset
from cifar_core.errors import DatasetError, ModelDirectoryError, RecipeError
from cifar_core.files import read_arrays, read_log, write_over, write_whole
from cifar_core.paths import runs_root
from cifar_core.recipes import Recipe
from cifar_core.runs.status import Status, believed

if TYPE_CHECKING:
    import pandas as pd

STEP_COLUMNS = ["step", "epoch", "seconds", "learning_rate", "loss", "accuracy"]
HISTORY_COLUMNS = ["epoch", "seconds", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy"]

# What every card has, and every page relies on.
_FIGURES = [
    *("accuracy", "loss", "macro_f1", "calibration_error", "calibration_error_before", "temperature"),
    *("test_images", "ood_threshold", "parameters", "bytes", "training_seconds", "epochs"),
]


_LOST_RESULTS = "Its results are missing or empty; Resume makes them again from the last finished epoch."
_PREDICTIONS = frozenset({"test", "labels", "validation", "validation_indices", "class_directions"})


@dataclass(frozen=True)
class ModelDirectory:
    """A model directory at `path`; it need not exist yet."""

    path: Path

    @property
    def name(self) -> str:
        """The directory's own name, by which pages and commands know it."""
        return self.path.name

    @property
    def own(self) -> bool:
        """Whether it is among the user's own runs."""
        return self.path.parent == runs_root()

    @property
    def config_path(self) -> Path:
        """The recipe, every hyper-parameter and versions, as of the start."""
        return self.path / "config.json"

    @property
    def status_path(self) -> Path:
        """What the worker says of itself."""
        return self.path / "status.json"

    @property
    def steps_path(self) -> Path:
        """The curve of the training loss, a point a second."""
        return self.path / "steps.csv"

    @property
    def history_path(self) -> Path:
        """The results of each epoch."""
        return self.path / "history.csv"

    @property
    def checkpoint_path(self) -> Path:
        """Everything that resuming needs, as of the last finished epoch."""
        return self.path / "checkpoint" / "last.npz"

    @property
    def best_path(self) -> Path:
        """The weights of the epoch with the lowest validation loss."""
        return self.path / "checkpoint" / "best.npz"

    @property
    def keras_path(self) -> Path:
        """The model in Keras' own format."""
        return self.path / "model.keras"

    @property
    def onnx_path(self) -> Path:
        """The same model for the app's runtime."""
        return self.path / "model.onnx"

    @property
    def predictions_path(self) -> Path:
        """The probabilities it gives to the test and validation images."""
        return self.path / "predictions.npz"

    @property
    def card_path(self) -> Path:
        """The results."""
        return self.path / "card.json"

    @property
    def log_path(self) -> Path:
        """What the worker printed, tracebacks included."""
        return self.path / "worker.log"

    @property
    def stop_path(self) -> Path:
        """Exists while somebody wants the worker to stop; portable where signals are not."""
        return self.path / "stop"

    def config(self) -> dict[str, Any]:
        """Return `config.json`: recipe, every hyper-parameter, versions."""
        return _read_json(self.config_path)

    @property
    def created(self) -> str:
        """When the run was started, ISO 8601 in UTC; empty where `config.json` does not say."""
        try:
            return str(self.config().get("created", ""))
        except ModelDirectoryError:
            return ""

    def facts(self) -> Facts:
        """Return what the run knows of its dataset, as of its start."""
        try:
            return Facts.from_dict(self.config()["dataset"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelDirectoryError(
                f"{self.config_path.name} of “{self.name}” does not say what it learned from; train it again."
            ) from error

    def dataset(self) -> Dataset:
        """Return the dataset that it learned from, at its side; DatasetError if this machine has another."""
        facts = self.facts()
        dataset = get_dataset(facts.name).at(facts.side)
        if dataset.facts.digest != facts.digest:
            raise DatasetError(
                f"“{facts.name}” is not what “{self.name}” learned from any more; train it again."
            )
        return dataset

    def recipe(self) -> Recipe:
        """Return the recipe this run was started with, its changed numbers included."""
        return Recipe.from_dict(self.config().get("recipe", {}))

    def card(self) -> dict[str, Any]:
        """Return `card.json`: the results."""
        return _read_json(self.card_path, f"`python -m cifar_core evaluate {self.name}` recomputes it")

    def has_results(self) -> bool:
        """Whether the files are there that a model is evaluated and used with."""
        return all(
            path.is_file() and path.stat().st_size  # a power cut can leave nothing of a file but its name
            for path in (self.card_path, self.onnx_path, self.predictions_path)
        )

    def check_results(self) -> None:
        """Raise ModelDirectoryError unless card, recipe and predictions hold what every page shows."""
        card = self.card()
        try:
            self.recipe()
            self.facts()
            sound = all(math.isfinite(card[name]) for name in _FIGURES)
            for figures in (card, card["test_time_augmentation"]):
                low, high = figures["accuracy_interval"]
                divisor, share = figures["temperature"], figures["accuracy"]
                sound = sound and low <= high and divisor > 0 and math.isfinite(share)
            if not sound:
                raise ValueError
            if not all(isinstance(card[name], str) for name in ("hardware", "command")):
                raise TypeError
            with ZipFile(self.predictions_path) as archive:  # reads its table of contents only
                archive.getinfo("test.npy")
                archive.getinfo("labels.npy")
        except (RecipeError, KeyError, TypeError, ValueError, OverflowError, OSError, BadZipFile) as error:
            raise ModelDirectoryError(
                f"The results of “{self.name}” are damaged; `python -m cifar_core evaluate {self.name}` "
                "recomputes them."
            ) from error

    def status(self) -> Status:
        """Return the run's status, with `interrupted` where a claimed worker no longer lives.

        Where the file is missing or damaged, the results decide.
        """
        try:
            values = _read_json(self.status_path)
        except ModelDirectoryError:
            return Status(state="finished" if self.has_results() else "interrupted")
        status = believed(values)
        if status.state == "finished" and self.checkpoint_path.exists() and not self.has_results():
            return replace(status, state="interrupted", error=_LOST_RESULTS)
        return status

    def write_status(self, status: Status, *, in_place: bool = False) -> None:
        """Replace `status.json`; in place only where a full disk has no room for a second file.

        Forced to the disk is the last word only: a heartbeat is stale before the disk has it.
        """
        content = json.dumps({**status.__dict__, "updated": time.time()})
        if in_place:
            write_over(self.status_path, content)
        else:
            write_whole(self.status_path, content, durable=not status.active)

    def steps(self) -> "pd.DataFrame":
        """Return `steps.csv` as far as it is written; `epoch` is fractional."""
        return read_log(self.steps_path, STEP_COLUMNS)

    def history(self) -> "pd.DataFrame":
        """Return `history.csv`: one row a finished epoch, counted from 1."""
        return read_log(self.history_path, HISTORY_COLUMNS)

    def predictions(self) -> dict[str, np.ndarray]:
        """Return `predictions.npz`.

        Returns
        -------
        dict
            `test` float16 [N, C], probabilities before calibration in the test set's own order, and `labels`
            int64 [N], the true classes; `validation` float16 [V, C] and `validation_indices` int64 [V],
            positions in the training set (or in the test set, where the recipe validated on it);
            `class_directions` float32 [C, D], where the features of each class point (`inference.ood`).
        """
        try:
            return read_arrays(self.predictions_path, _PREDICTIONS)
        except (OSError, ValueError) as error:
            raise ModelDirectoryError(
                f"The predictions of “{self.name}” cannot be read; recompute them with "
                f"`python -m cifar_core evaluate {self.name}`."
            ) from error


def _read_json(path: Path, cure: str = "start a new run") -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        problem = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise ModelDirectoryError(f"{path.name} of “{path.parent.name}” {problem}; {cure}.") from error
    if not isinstance(values, Mapping):
        raise ModelDirectoryError(f"{path.name} of “{path.parent.name}” is damaged; {cure}.")
    return dict(values)
