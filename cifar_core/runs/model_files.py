"""The files of a model directory: what each is called, and which are there.

This module is the only place that knows their names. Each is written whole or appended by the line
(`cifar_core.files`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from cifar_core.files import Written, written
from cifar_core.paths import runs_root


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model directory at `path`, none of which need exist yet."""

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

    def has_results(self) -> bool:
        """Whether the files are there that a model is evaluated and used with."""
        results = (self.card_path, self.answers_path, self.predictions_path)
        try:  # a power cut can leave nothing of a file but its name
            return all(path.is_file() and path.stat().st_size for path in results)
        except OSError:  # it is just being deleted
            return False
