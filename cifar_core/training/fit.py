"""One training run, from a recipe to trained weights: resumable at every epoch.

Keras' `fit` does the training. Its EarlyStopping and BackupAndRestore are not used because they do not
survive a kill: the one forgets how long it has waited, the other overwrites its only copy in place. Here the
log of epochs decides when to stop, and a checkpoint is renamed into place once it is whole.
"""

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from cifar_core import hardware
from cifar_core.datasets.dataset import Batch, Dataset, split
from cifar_core.recipe import Recipe
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training import architectures, augment, bases, features
from cifar_core.training.checkpoint import load_checkpoint
from cifar_core.training.optimizers import AirbenchMuon, ConvMuon
from cifar_core.training.run_log import Report, RunLog, patience_spent
from cifar_core.training.snapshots import Snapshots, forget_from
from cifar_core.training.watch import Watch

WHITENING_BIAS_EPOCHS = 3  # then the bias of the first, frozen convolution stays as it is


def use_all_cores() -> None:
    """Give TensorFlow every core for one operation at a time; call it before anything else.

    Measured on two cores: running operations side by side as well costs up to a third of the speed.
    """
    tf.config.threading.set_intra_op_parallelism_threads(hardware.threads())
    tf.config.threading.set_inter_op_parallelism_threads(1)


def train(
    directory: ModelDirectory, report: Report, stop_requested: Callable[[], bool] = lambda: False
) -> keras.Model:
    """Train the run in `directory` from where its checkpoint stands, to the end of its recipe.

    Parameters
    ----------
    directory
        Holds `config.json`; gets `steps.csv`, `history.csv`, `checkpoint/` and `snapshots/`.
    report
        Called with what changed in the run's status.
    stop_requested
        Asked after every step.

    Returns
    -------
    keras.Model
        Of Keras' own layers, from float32 [N, S, S, 3] in [0, 1] to probabilities [N, C].

    Raises
    ------
    StopRequested
        Everything up to the last finished epoch is on disk.
    CifarLabError
        If the loss is no longer a number, or the checkpoint does not fit.
    """
    began = time.monotonic()
    recipe = directory.recipe()
    keras.utils.set_random_seed(recipe.seed)
    facts = directory.facts()
    classes, side = len(facts.class_names), facts.side
    dataset = directory.dataset()
    training, held_out = _data(recipe, dataset)
    if recipe.validation == "split":  # groups of near-duplicates stay together, however many they are
        counts = len(training.labels), len(held_out.labels)
        recipe = recipe.with_(images=sum(counts), validation_images=counts[1])
    network = _started(recipe, classes, side, training.images)
    learner = network
    if recipe.frozen:
        backbone, learner = bases.split_at_embedding(network)
        known = features.Features(backbone, recipe.features_batch, dataset.kept())
        training, held_out = known.embed([training, held_out], report, stop_requested)
        if recipe.network == "transfer":
            bases.standardise(network, training.images)
    _compile(learner, recipe)
    saved = learner.variables + learner.optimizer.variables
    done = load_checkpoint(directory.checkpoint_path, saved)
    log = RunLog(directory, recipe, report, stop_requested, saved, done)
    log.seconds_before += time.monotonic() - began  # most of a frozen network's time: its features
    callbacks: list[keras.callbacks.Callback] = [log, Watch(directory, network, dataset.load("test"), done)]
    if not recipe.frozen:  # inside, a frozen network stays as it is
        callbacks.insert(0, Snapshots(directory, network, recipe.epochs))  # before the checkpoint
    if done < recipe.epochs and not patience_spent(directory.history()["val_loss"], recipe.patience):
        learner.fit(
            augment.training_batches(training, facts, recipe, first_epoch=done),
            epochs=recipe.epochs,
            initial_epoch=done,
            steps_per_epoch=recipe.steps_per_epoch,
            validation_data=augment.evaluation_batches(held_out, classes),
            callbacks=callbacks,
            shuffle=False,  # the batches are shuffled already
            verbose=0,
        )
    if recipe.patience:
        forget_from(directory, load_checkpoint(directory.best_path, learner.variables))
    plain = architectures.build(recipe.network, recipe.network_options, classes=classes, side=side)
    plain.set_weights(network.get_weights())
    return architectures.with_probabilities(plain)


def _data(recipe: Recipe, dataset: Dataset) -> tuple[Batch, Batch]:
    """Return what the recipe trains on, and what it validates on."""
    data = dataset.load("train")
    parts = split(data.labels, dataset.groups(), **recipe.split)
    held_out = dataset.load("test") if recipe.validation == "test" else data.take(parts.validation)
    return data.take(parts.train), held_out


def _started(recipe: Recipe, classes: int, side: int, images: np.ndarray) -> keras.Model:
    """Return the recipe's network in its faster layers, with the weights that training starts from."""
    network = architectures.build(
        recipe.network,
        recipe.network_options,
        classes=classes,
        side=side,
        fused=True,
        precision=recipe.precision,
    )
    architectures.start(network, images)
    if recipe.starts_from:
        bases.take_weights(network, recipe.starts_from)
    return network


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
    # With XLA this trained at a third of the speed on a CPU (TensorFlow 2.21).
    network.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    optimizer.build(network.trainable_variables)


def _rise_and_fall(recipe: Recipe, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up to the peak over the first twentieth of all steps, then down to 0 along a cosine."""
    rise = max(steps // 20, 1)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - rise, 1), warmup_target=recipe.learning_rate, warmup_steps=rise
    )
