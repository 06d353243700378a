"""The model directory: the one unit that the app, the worker and the command line share.

A shipped model, a run in progress and a finished run look alike. This module is the only place that knows the
names of the files in it, each of which is written whole or appended by the line (`cifar_core.files`).
"""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from cifar_core.datasets.dataset import Dataset, Facts
from cifar_core.datasets.registry import DATASETS, get_dataset
from cifar_core.errors import DatasetError, ModelDirectoryError, RecipeError
from cifar_core.files import Written, read_arrays, read_log, read_small, write_over, write_whole, written
from cifar_core.formats import printable
from cifar_core.paths import runs_root
from cifar_core.recipe import RANGES, Recipe
from cifar_core.runs.schemas import (
    MOST_BYTES,
    MOST_NOTE,
    MOST_TITLE,
    MOST_WATCHED,
    OOD,
    PREDICTIONS,
    WATCHED,
    Average,
    Card,
    Config,
    Label,
    Watched,
    check_card,
    check_predictions,
    check_watched,
)
from cifar_core.runs.status import Status, believed

if TYPE_CHECKING:
    import pandas as pd

STEP_COLUMNS = ["step", "epoch", "seconds", "learning_rate", "loss", "accuracy"]
HISTORY_COLUMNS = ["epoch", "seconds", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy"]

_LONGEST_HISTORY = 1_000_000  # bytes, of a thousand epochs at most
_LOST_RESULTS = "Its results are missing or empty; Resume makes them again from the last finished epoch."


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
    def average_path(self) -> Path:
        """The models whose mean it is, in the place of a model of its own."""
        return self.path / "average.json"

    @property
    def is_average(self) -> bool:
        """Whether it is the average of other models, and has no network of its own."""
        return self.average_path.is_file()

    @property
    def answers_path(self) -> Path:
        """The file that it answers with: `average.json` or `model.onnx`."""
        return self.average_path if self.is_average else self.onnx_path

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
    def watched_path(self) -> Path:
        """What it said to a few test pictures after each epoch."""
        return self.path / "watched.npz"

    def snapshot_path(self, epoch: int, suffix: str = ".onnx") -> Path:
        """Return where it is as it was after an epoch: a small model or, until it is trained, its weights."""
        return self.path / "snapshots" / f"{epoch}{suffix}"

    def snapshots(self, suffix: str = ".onnx") -> list[int]:
        """Return the epochs of which there is a snapshot, in order."""
        names = [path.stem for path in self.snapshot_path(0).parent.glob(f"*{suffix}")]
        return sorted(int(name) for name in names if re.fullmatch("[1-9][0-9]{0,3}", name))

    @property
    def label_path(self) -> Path:
        """What people call it, and their note."""
        return self.path / "label.json"

    @property
    def stop_path(self) -> Path:
        """Exists while somebody wants the worker to stop; portable where signals are not."""
        return self.path / "stop"

    def stamp(self) -> Written:
        """Return what changes when the model does. Status and steps, written every second, do not count."""
        results = (self.keras_path, self.answers_path, self.predictions_path, self.card_path)
        return written(self.config_path, self.history_path, self.label_path, *results)

    def label(self) -> Label:
        """Return `label.json`: the title, by default the directory's name, and the note."""
        try:
            label = msgspec.json.decode(read_small(self.label_path), type=Label)
        except (OSError, ValueError, RecursionError):  # nobody has named it, or the file is damaged
            label = Label()
        return label if label.title else replace(label, title=self.name)

    @property
    def title(self) -> str:
        """What people call it, in any alphabet; several may be called alike."""
        return self.label().title

    def write_label(self, title: str, note: str = "") -> None:
        """Replace `label.json`; ModelDirectoryError if the title or the note is unfit or cannot be written.

        Space at the ends and line breaks are nothing that is meant; without a title the name stands again.
        """
        title, note = (" ".join(text.split()) for text in (title, note))
        for what, text, most in (("name", title, MOST_TITLE), ("note", note, MOST_NOTE)):
            if len(text) > most:
                raise ModelDirectoryError(f"The {what} may have {most} characters, not {len(text):,}.")
            if printable(text, most) != text:
                raise ModelDirectoryError(f"The {what} has a character that nobody can see; write it anew.")
        try:
            write_whole(self.label_path, json.dumps(Label(title, note).__dict__, ensure_ascii=False) + "\n")
        except OSError as error:
            raise ModelDirectoryError(
                f"“{self.name}” cannot be given a name ({error.strerror or error})."
            ) from error

    def config(self) -> Config:
        """Return `config.json`: recipe, every hyper-parameter, dataset, versions."""
        with _readable(f"{self.config_path.name} of “{self.name}” is missing or damaged; start a new run."):
            return msgspec.json.decode(read_small(self.config_path), type=Config)

    def write_config(self, config: Config) -> None:
        """Replace `config.json`."""
        write_whole(self.config_path, msgspec.json.format(msgspec.json.encode(config)) + b"\n")

    @property
    def created(self) -> str:
        """When the run was started, ISO 8601 in UTC; empty where `config.json` does not say."""
        try:
            return self.config().created
        except ModelDirectoryError:
            return ""

    def facts(self) -> Facts:
        """Return what the run knows of its dataset, as of its start."""
        return self.config().dataset

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
        return self.config().recipe

    def average(self) -> Average:
        """Return `average.json`: the models whose mean it is; `runs.members` finds them."""
        problem = f"{self.average_path.name} of “{self.name}” is damaged; delete it, and average anew."
        with _readable(problem):
            return msgspec.json.decode(read_small(self.average_path), type=Average)

    def card(self) -> Card:
        """Return `card.json`: the results."""
        with _readable(self._damaged(self.card_path)):
            card = msgspec.json.decode(read_small(self.card_path), type=Card)
            check_card(card)
            if "test_time_augmentation" not in card and not self.is_average:
                raise ValueError("nothing of several views")
            return card

    def has_results(self) -> bool:
        """Whether the files are there that a model is evaluated and used with."""
        results = (self.card_path, self.answers_path, self.predictions_path)
        try:  # a power cut can leave nothing of a file but its name
            return all(path.is_file() and path.stat().st_size for path in results)
        except OSError:  # it is just being deleted
            return False

    def check_results(self) -> None:
        """Raise ModelDirectoryError unless config, card and predictions hold what every page shows."""
        images, facts = len(self.predictions()["labels"]), self.facts()
        known = DATASETS.get(facts.name)
        here = known.sizes["test"] if known and known.facts.digest == facts.digest else images
        with _readable(self._damaged(self.card_path, self.predictions_path)):
            if not images == self.card()["test_images"] == here:
                raise ValueError(f"results of {images} images")

    def _damaged(self, *paths: Path) -> str:
        names = ", ".join(path.name for path in paths)
        return (
            f"The results of “{self.name}” are missing or damaged ({names}); `python -m cifar_core evaluate "
            f"{self.name}` recomputes them."
        )

    def status(self) -> Status:
        """Return the run's status, with `interrupted` where a claimed worker no longer lives.

        Where the file is missing or damaged, the results decide.
        """
        try:
            status = believed(msgspec.json.decode(read_small(self.status_path), type=Status))
        except (OSError, ValueError, RecursionError):
            return Status(state="finished" if self.has_results() else "interrupted")
        if status.state == "finished" and self.checkpoint_path.exists() and not self.has_results():
            return replace(status, state="interrupted", error=_LOST_RESULTS)
        return status

    def write_status(self, status: Status, *, in_place: bool = False) -> None:
        """Replace `status.json`. It is overwritten in place only if a full disk leaves no other way.

        Only the last status is forced to the disk: a heartbeat is stale before the disk has it.
        """
        content = json.dumps({**status.__dict__, "updated": time.time()})
        if in_place:
            write_over(self.status_path, content)
        else:
            write_whole(self.status_path, content, durable=not status.active)

    def steps(self) -> "pd.DataFrame":
        """Return `steps.csv` as far as it is written; `epoch` is fractional and grows from row to row."""
        return _in_order(read_log(self.steps_path, STEP_COLUMNS))

    def history(self) -> "pd.DataFrame":
        """Return `history.csv`: one row a finished epoch, counted from 1."""
        history = _in_order(read_log(self.history_path, HISTORY_COLUMNS, _LONGEST_HISTORY))
        return history[history["epoch"] == history.index + 1]

    def watched(self) -> Watched:
        """Return `watched.npz`: the answers to a few test pictures; ModelDirectoryError if there are none."""
        with _readable(f"What “{self.name}” said to its test pictures is not known."):
            arrays = read_arrays(self.watched_path, WATCHED, MOST_WATCHED)
            return check_watched(arrays, self.facts())

    def predictions(self) -> dict[str, np.ndarray]:
        """Return `predictions.npz`.

        Returns
        -------
        dict
            `test` float16 [N, C], probabilities before calibration in the test set's own order, and `labels`
            int64 [N], the true classes; `validation` float16 [V, C] and `validation_indices` int64 [V],
            positions in the training set (or in the test set, where the recipe validated on it);
            and, but of an average, the arrays of `inference.ood.Known`, from which a picture of none of the
            classes is told.
        """
        facts = self.facts()
        needed = PREDICTIONS - OOD if self.is_average else PREDICTIONS
        with _readable(self._damaged(self.predictions_path)):
            arrays = read_arrays(self.predictions_path, needed, MOST_BYTES)
            check_predictions(arrays, facts)
            return arrays


@contextlib.contextmanager
def _readable(problem: str) -> Iterator[None]:
    """Raise ModelDirectoryError, which says so, where a file cannot be read or makes no sense."""
    try:
        yield
    except (OSError, ValueError, RecipeError, RecursionError) as error:
        raise ModelDirectoryError(problem) from error


def _in_order(log: "pd.DataFrame") -> "pd.DataFrame":
    """Keep the rows of a log that make sense: nothing below zero, no share above one, each epoch later.

    A mean may be the difference of two sums; what rounding does to one is forgiven.
    """
    shares = log.filter(like="accuracy") < 1.01
    log = log[(log > -0.01).all(axis=1) & shares.all(axis=1) & (log["epoch"] <= RANGES["epochs"][1])]
    return log[log["epoch"] > log["epoch"].cummax().shift(fill_value=0.0)].reset_index(drop=True)
