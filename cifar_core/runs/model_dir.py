"""The model directory: the one unit that the app, the worker and the command line share.

A shipped model, a run in progress and a finished run look alike. What its files are called is said in
`cifar_core.runs.model_files`; what is in them, here.
"""

import contextlib
import json
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
from cifar_core.files import read_arrays, read_log, read_small, write_over, write_whole
from cifar_core.formats import printable
from cifar_core.recipe import RANGES, Recipe
from cifar_core.runs.model_files import ModelFiles
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
class ModelDirectory(ModelFiles):
    """A model directory at `path`; it need not exist yet."""

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
