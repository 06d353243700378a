"""Runs as a test needs them: written by hand, waited for, buried."""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from cifar_core.datasets.registry import CIFAR10
from cifar_core.files import write_whole
from cifar_core.recipes import Recipe, get_recipe
from cifar_core.runs import model_dir
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


def complete(directory: ModelDirectory) -> ModelDirectory:
    """Give a run the files of results, as far as they are looked at without being used."""
    directory.onnx_path.write_bytes(b"none")
    directory.predictions_path.write_bytes(archive(test=np.zeros(1), labels=np.zeros(1)))
    six = {"views": 6, "accuracy": 0.85, "accuracy_interval": [0.8, 0.9], "temperature": 1.0}
    card = {"accuracy_interval": [0.8, 0.9], "hardware": "none", "command": "none"}
    figures = dict.fromkeys(model_dir._FIGURES, 0.5)
    directory.card_path.write_text(json.dumps({**card, **figures, "test_time_augmentation": six}))
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
    config["recipe"]["epochs"] = epochs
    write_whole(run.config_path, json.dumps(config))


def bury(root: Path) -> None:
    """Kill whatever worker still lives under this folder."""
    for path in root.glob("*/status.json"):
        status = ModelDirectory(path.parent).status()
        if status.active:
            psutil.Process(status.pid).kill()
