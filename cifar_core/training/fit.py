"""One training run, from a recipe to trained weights: resumable at every epoch.

Keras' `fit` does the training. Its EarlyStopping and BackupAndRestore are not used because they do not
survive a kill: the one forgets how long it has waited, the other overwrites its only copy in place. Here the
log of epochs decides when to stop, and a checkpoint is renamed into place once it is whole.
"""

import io
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import psutil
import tensorflow as tf

from cifar_core import dataset
from cifar_core.errors import CifarLabError
from cifar_core.files import read_arrays, write_whole
from cifar_core.model_dir import HISTORY_COLUMNS, STEP_COLUMNS, ModelDirectory
from cifar_core.recipes import Recipe
from cifar_core.training import architectures, augment
from cifar_core.training.optimizers import AirbenchMuon, ConvMuon

WHITENING_BIAS_EPOCHS = 3  # then the bias of the first, frozen convolution stays as it is

Report = Callable[..., None]  # takes fields of `model_dir.Status` by name


class StopRequested(Exception):  # noqa: N818 - it is a wish, not an error
    """Raised inside `fit` when somebody asked the run to stop."""


def use_all_cores() -> None:
    """Give TensorFlow every core for one operation at a time; call it before anything else.

    Measured on two cores: running operations side by side as well costs up to a third of the speed.
    """
    cores = psutil.cpu_count(logical=False) or 1
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def train(
    directory: ModelDirectory, report: Report, stop_requested: Callable[[], bool] = lambda: False
) -> keras.Model:
    """Train the run in `directory` from where its checkpoint stands, to the end of its recipe.

    Parameters
    ----------
    directory
        Holds `config.json`; gets `steps.csv`, `history.csv` and `checkpoint/`.
    report
        Called with what changed in the run's status.
    stop_requested
        Asked after every step.

    Returns
    -------
    keras.Model
        Of Keras' own layers, from float32 [N, 32, 32, 3] in [0, 1] to probabilities [N, 10].

    Raises
    ------
    StopRequested
        Everything up to the last finished epoch is on disk.
    CifarLabError
        If the loss is no longer a number, or the checkpoint does not fit.
    """
    recipe = directory.recipe()
    keras.utils.set_random_seed(recipe.seed)
    data = dataset.load_train()
    split = dataset.split(data.labels, **split_options(recipe))
    held_out = dataset.load_test() if recipe.validation == "test" else _take(data, split.validation)
    training = _take(data, split.train)

    network = architectures.build(
        recipe.network, recipe.network_options, fused=True, precision=recipe.precision
    )
    architectures.start(network, training.images)
    learner = network
    if recipe.frozen:
        backbone, learner = architectures.split_at_embedding(network)
        training, held_out = _embedded(backbone, [training, held_out], report, stop_requested)
    _compile(learner, recipe)
    saved = learner.variables + learner.optimizer.variables
    done = load_checkpoint(directory.checkpoint_path, saved)
    log = _RunLog(directory, recipe, report, stop_requested, saved, done)
    if done < recipe.epochs and not patience_spent(directory.history()["val_loss"], recipe.patience):
        learner.fit(
            augment.training_batches(training.images, training.labels, recipe, first_epoch=done),
            epochs=recipe.epochs,
            initial_epoch=done,
            steps_per_epoch=recipe.steps_per_epoch,
            validation_data=augment.evaluation_batches(*held_out),
            callbacks=[log],
            shuffle=False,  # the batches are shuffled already
            verbose=0,
        )
    if recipe.patience:
        load_checkpoint(directory.best_path, learner.variables)
    plain = architectures.build(recipe.network, recipe.network_options)
    plain.set_weights(network.get_weights())
    return architectures.with_probabilities(plain)


def split_options(recipe: Recipe) -> dict[str, int]:
    """Return the arguments of `dataset.split` for a recipe."""
    held_out = recipe.validation_images if recipe.validation == "split" else 0
    return {"images": recipe.images, "validation_images": held_out, "seed": recipe.seed}


def patience_spent(val_losses: Any, patience: int) -> bool:
    """Whether the best validation loss is `patience` epochs old or older; never, with a patience of 0."""
    losses = np.asarray(val_losses)
    return bool(patience and len(losses) and len(losses) - 1 - losses.argmin() >= patience)


def save_checkpoint(path: Path, variables: list[Any], epoch: int) -> None:
    """Write all variables and the number of finished epochs, whole or not at all."""
    arrays: dict[str, Any] = {f"v{i}": np.asarray(variable) for i, variable in enumerate(variables)}
    buffer = io.BytesIO()
    np.savez(buffer, epoch=epoch, **arrays)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, buffer.getvalue())


def load_checkpoint(path: Path, variables: list[Any]) -> int:
    """Set all variables from a checkpoint; return its finished epochs, 0 if there is no checkpoint."""
    if not path.exists():
        return 0
    try:
        arrays = read_arrays(path, {"epoch"})
        epoch, values = int(arrays["epoch"]), [arrays[f"v{i}"] for i in range(len(arrays) - 1)]
        if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
            raise ValueError("other shapes")
    except (OSError, ValueError, KeyError) as error:
        raise CifarLabError(
            f"The checkpoint {path.name} is damaged or of another network, so the run cannot go on; "
            "start a new run."
        ) from error
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return epoch


def _take(batch: dataset.Batch, indices: np.ndarray) -> dataset.Batch:
    return dataset.Batch(batch.images[indices], batch.labels[indices])


def _embedded(
    backbone: keras.Model, batches: list[dataset.Batch], report: Report, stop_requested: Callable[[], bool]
) -> list[dataset.Batch]:
    """Put images through a frozen network, once: its features take their place, float32 [N, F]."""
    embed = tf.function(backbone)
    total, done = sum(len(batch.labels) for batch in batches), 0
    embedded = []
    for batch in batches:
        parts = []
        for images, _ in augment.evaluation_batches(*batch):
            if stop_requested():
                raise StopRequested
            parts.append(np.asarray(embed(images)))
            done += len(images)
            report(phase=f"computing features, {done:,} of {total:,} images")
        embedded.append(dataset.Batch(np.concatenate(parts), batch.labels))
    return embedded


def _compile(network: keras.Model, recipe: Recipe) -> None:
    """Give the network its optimizer and loss."""
    steps = recipe.epochs * recipe.steps_per_epoch
    optimizer: keras.optimizers.Optimizer
    match recipe.optimizer:
        case "adam":
            optimizer = keras.optimizers.Adam(recipe.learning_rate)
        case "sgd":
            optimizer = keras.optimizers.SGD(
                _rise_and_fall(recipe, steps), momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
            )
            optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
        case "muon":
            optimizer = ConvMuon(
                _rise_and_fall(recipe, steps),
                weight_decay=recipe.weight_decay,
                adam_weight_decay=0.0,
                adam_lr_ratio=0.1,
                exclude_layers=["logits"],
            )
        case "airbench":
            schedule = keras.optimizers.schedules.PolynomialDecay(recipe.learning_rate, steps, 0.0)
            optimizer = AirbenchMuon(schedule, WHITENING_BIAS_EPOCHS * recipe.steps_per_epoch)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    # XLA is three times slower on a CPU here, see the measurements in the README.
    network.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    optimizer.build(network.trainable_variables)


def _rise_and_fall(recipe: Recipe, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up to the peak over the first twentieth of all steps, then down to 0 along a cosine."""
    rise = max(steps // 20, 1)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - rise, 1), warmup_target=recipe.learning_rate, warmup_steps=rise
    )


class _RunLog(keras.callbacks.Callback):
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
        self.started = time.monotonic()
        self.report(
            state="running",
            phase="training",
            epochs=self.recipe.epochs,
            steps_per_epoch=self.recipe.steps_per_epoch,
            seconds=self.seconds_before,
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self.epoch = epoch
        # Keras' logs are means since the epoch began; a live curve wants the mean since the last point.
        self.point_time, self.point_step, self.point_sums = time.monotonic(), 0, (0.0, 0.0)
        self.report(epoch=epoch + 1, step=0, phase="training")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
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
        rate = count * self.recipe.batch_size / (now - self.point_time)
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
        logs = logs or {}
        self._check(logs["val_loss"])
        values = [logs[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
        row = [epoch + 1, self._seconds(), float(self.model.optimizer.learning_rate), *values]
        self.rows.append(row)
        _append(self.directory.history_path, row)
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
