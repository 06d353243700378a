"""A folder of runs with a finished one in it, which must come through whatever befalls its neighbours."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cifar_core import model_dir
from cifar_core.model_dir import ModelDirectory
from cifar_core.statuses import Status

LONG = 240.0  # seconds for what takes ten on an idle machine


def contents(directory: ModelDirectory) -> dict[str, str]:
    """A hash of every file."""
    files = sorted(path for path in directory.path.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def ended(run: ModelDirectory) -> Status:
    """Wait until a run is no longer active."""
    deadline = time.monotonic() + LONG
    while (status := run.status()).active:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def end_workers(runs: Path) -> None:
    """Leave no worker behind, however a test ended."""
    for run in model_dir.runs():
        status = run.status()
        if run.path.parent == runs and status.active and status.pid != os.getpid():  # tests pose as workers
            psutil.Process(status.pid).kill()


@pytest.fixture
def no_worker_left(runs: Path) -> Iterator[None]:
    yield
    end_workers(runs)


@pytest.fixture
def finished(runs: Path) -> ModelDirectory:
    shutil.copytree(model_dir.models_root() / "quick", runs / "finished")
    return ModelDirectory(runs / "finished")
