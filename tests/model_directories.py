"""Runs as a test needs them: written by hand, waited for, buried."""

import functools
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import CIFAR10, DATASETS
from cifar_core.evaluation.corruptions import CORRUPTIONS
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import State, Status

LONG = 900.0  # seconds, for what takes ten on an idle machine; a wait that is over soon costs no more


def until(condition: Callable[[], Any], seconds: float = LONG) -> Any:
    """Wait for a condition and return its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    pytest.fail(f"not within {seconds:g} s")


def made(path: Path, recipe: Recipe | None = None, **config: Any) -> ModelDirectory:
    """A run of which only `config.json` is written."""
    directory = ModelDirectory(path)
    directory.path.mkdir(parents=True)
    recipe = recipe or get_recipe("quick")
    directory.config_path.write_text(
        json.dumps({"recipe": recipe.to_dict(), "dataset": CIFAR10.facts.to_dict(), **config})
    )
    return directory


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def nothing_usual(classes: int) -> dict[str, Any]:
    """What `ood.Known` holds of a model of which nothing is known."""
    ones, eye = np.eye(classes, dtype=np.float32), np.eye(6)
    return {
        "class_directions": ones,
        "answer_steps": np.array([-1.0, 1.0]),
        "usual_mean": eye[0],
        "usual_precision": eye,
        "pixel_step": np.ones(1),
    }


@functools.cache
def guesses(images: int, classes: int) -> bytes:
    """The predictions of a model that knows nothing."""
    p = np.full((images, classes), 1 / classes, np.float16)
    return archive(
        test=p,
        labels=np.arange(images) % classes,
        validation=p[:classes],
        validation_indices=np.arange(classes),
        **nothing_usual(classes),
    )


def sound_card(facts: Facts, name: str = "mine") -> dict[str, Any]:
    """A card with all that one can hold."""
    figures = ("accuracy", "loss", "macro_f1", "calibration_error", "calibration_error_before", "temperature")
    six = {"views": 6, "accuracy": 0.5, "accuracy_interval": [0.4, 0.6], "temperature": 0.5}
    return {
        **{"name": name, "recipe": "quick", "validation": "split", "hardware": "none", "command": "none"},
        **dict.fromkeys(figures, 0.5),
        "accuracy_interval": [0.4, 0.6],
        "test_time_augmentation": six,
        "ood_threshold": -2.0,
        "out_of_distribution": {"static": {"auroc": 0.9, "fpr95": 0.3}, "flat": {"auroc": 0.8, "fpr95": 0.4}},
        "robustness": {kind: [0.5, 0.4, 0.3, 0.2, 0.1] for kind in CORRUPTIONS},
        "robustness_mean": 0.3,
        "robustness_calibration_error": 0.25,
        "robustness_images": 100,
        "robustness_plain": 0.6,
        "test_images": DATASETS[facts.name].sizes["test"],
        "dataset": facts.name,
        "class_names": list(facts.class_names),
        **dict.fromkeys(("parameters", "bytes", "epochs", "seed"), 7),
        "training_seconds": 5.0,
    }


def complete(directory: ModelDirectory) -> ModelDirectory:
    """Give a run the files of results, all of them sound but for its network."""
    facts = directory.facts()
    card = sound_card(facts, directory.name)
    directory.onnx_path.write_bytes(b"none")
    directory.predictions_path.write_bytes(guesses(card["test_images"], len(facts.class_names)))
    directory.card_path.write_text(json.dumps(card))
    return directory


def run_that_is(state: State, path: Path, recipe: Recipe | None = None, **config: Any) -> ModelDirectory:
    """A run in this state, as whose worker the test itself passes."""
    directory, me = made(path, recipe, **config), psutil.Process()
    directory.write_status(Status(state, me.pid, me.create_time()))
    return directory


def ended(run: ModelDirectory) -> Status:
    """Wait until a run is no longer active and return its status."""
    status: Status = until(lambda: None if (status := run.status()).active else status)
    return status


def in_mid_epoch(directory: ModelDirectory, epoch: int) -> Status | None:
    """The status once the run trains in this epoch or a later one."""
    status = directory.status()
    if not status.active:
        pytest.fail(f"{status} {directory.log_path.read_text()}")
    return status if status.epoch >= epoch and status.phase == "training" else None


def shorten(run: ModelDirectory, epochs: int) -> None:
    """Let a run end after so many epochs when it is resumed: one that was caught in its middle was longer."""
    config = run.config()
    run.write_config(replace(config, recipe=config.recipe.with_(epochs=epochs)))


def bury(root: Path) -> None:
    """Kill whatever worker still lives under this folder."""
    for path in root.glob("*/status.json"):
        status = ModelDirectory(path.parent).status()
        if status.active:
            psutil.Process(status.pid).kill()
