"""What a run writes while it trains: its status, its curves, its checkpoints."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cifar_core.errors import CifarLabError
from cifar_core.files import force_to_disk, write_whole
from cifar_core.recipe import Recipe
from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS, ModelDirectory
from cifar_core.training.checkpoint import save_checkpoint

Report = Callable[..., None]  # takes fields of `runs.status.Status` by name


class StopRequested(Exception):  # noqa: N818 - it is a wish, not an error
    """Raised inside `fit` when somebody asked the run to stop."""


def patience_spent(val_losses: Any, patience: int) -> bool:
    """Whether the best validation loss is `patience` epochs old or older; never, with a patience of 0."""
    losses = np.asarray(val_losses)
    return bool(patience and len(losses) and len(losses) - 1 - losses.argmin() >= patience)


class RunLog(keras.callbacks.Callback):
    """Writes what readers follow (status, steps, history) and what a resume needs (checkpoints)."""

    def __init__(
        self,
        directory: ModelDirectory,
        recipe: Recipe,
        report: Report,
        stop_requested: Callable[[], bool],
        saved: list[Any],
        done: int,
    ) -> None:
        super().__init__()
        self.directory, self.recipe, self.report = directory, recipe, report
        self.stop_requested, self.saved, self.done = stop_requested, saved, done
        history = directory.history()
        self.rows = history[history["epoch"] <= done].to_numpy().tolist()
        self.seconds_before = self.rows[-1][1] if self.rows else 0.0
        steps = directory.steps()
        _rewrite(directory.history_path, HISTORY_COLUMNS, self.rows)
        _rewrite(directory.steps_path, STEP_COLUMNS, steps[steps["epoch"] <= done].to_numpy().tolist())

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Say that training has begun."""
        self.started = time.monotonic()
        self.report(
            state="running",
            phase="training",
            epochs=self.recipe.epochs,
            steps_per_epoch=self.recipe.steps_per_epoch,
            seconds=self.seconds_before,
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Begin a new sum of losses."""
        self.epoch = epoch
        # Keras' logs are means since the epoch began; a live curve wants the mean since the last point.
        self.point_time, self.point_step, self.point_sums = time.monotonic(), 0, (0.0, 0.0)
        self.report(epoch=epoch + 1, step=0, phase="training")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop if asked to; once a second, write a point of the curve."""
        if self.stop_requested():
            raise StopRequested
        logs = logs or {}
        self._check(logs["loss"])
        step, now = batch + 1, time.monotonic()
        last = step == self.recipe.steps_per_epoch
        if now - self.point_time < 1.0 and not last:
            return
        count = step - self.point_step
        sums = (logs["loss"] * step, logs["accuracy"] * step)
        loss, accuracy = ((new - old) / count for new, old in zip(sums, self.point_sums, strict=True))
        rate = count * self.recipe.batch_size / max(now - self.point_time, 1e-3)  # a clock may tick slowly
        learning_rate = float(self.model.optimizer.learning_rate)
        steps_done = self.epoch * self.recipe.steps_per_epoch + step
        row = (steps_done, self.epoch + step / self.recipe.steps_per_epoch, self._seconds(), learning_rate)
        _append(self.directory.steps_path, [*row, loss, accuracy])
        self.point_time, self.point_step, self.point_sums = now, step, sums
        steps_here = steps_done - self.done * self.recipe.steps_per_epoch
        pace = (now - self.started) / steps_here  # validation and checkpoints included
        self.report(
            step=step,
            images_per_second=rate,
            learning_rate=learning_rate,
            seconds=self._seconds(),
            eta_seconds=pace * (self.recipe.epochs * self.recipe.steps_per_epoch - steps_done),
            phase="validating" if last else "training",
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the epoch's row and its checkpoint; stop if patience is spent."""
        logs = logs or {}
        self._check(logs["val_loss"])
        values = [logs[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
        row = [epoch + 1, self._seconds(), float(self.model.optimizer.learning_rate), *values]
        self.rows.append(row)
        _append(self.directory.history_path, row)
        for path in (self.directory.history_path, self.directory.steps_path):
            force_to_disk(path)  # or a power cut could leave the checkpoint of an epoch without its row
        losses = [row[HISTORY_COLUMNS.index("val_loss")] for row in self.rows]
        if self.recipe.patience and np.argmin(losses) == len(losses) - 1:
            save_checkpoint(self.directory.best_path, self.model.variables, epoch + 1)
        # The checkpoint comes last: killed before it, the epoch is done again and its row written anew.
        save_checkpoint(self.directory.checkpoint_path, self.saved, epoch + 1)
        if patience_spent(losses, self.recipe.patience):
            self.model.stop_training = True

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise CifarLabError(
                f"The loss is no longer a number (epoch {self.epoch + 1}): start again with a lower "
                "learning rate."
            )

    def _seconds(self) -> float:
        return self.seconds_before + time.monotonic() - self.started


def _rewrite(path: Path, columns: list[str], rows: list[list[float]]) -> None:
    write_whole(path, "".join(f"{line}\n" for line in [",".join(columns), *map(_line, rows)]))


def _append(path: Path, row: list[float]) -> None:
    with path.open("a") as file:
        file.write(_line(row) + "\n")


def _line(row: list[float]) -> str:
    return ",".join(f"{value:.8g}" for value in row)
