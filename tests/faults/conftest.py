"""A folder of runs with a finished one in it, which must come through whatever befalls its neighbours."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cifar_core import paths
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory

WORKER = "cifar_core.training.worker"
_POPEN = subprocess.Popen


def contents(directory: ModelDirectory) -> dict[str, str]:
    """A hash of every file."""
    files = sorted(path for path in directory.path.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def trap(monkeypatch: pytest.MonkeyPatch, moment: str | None) -> None:
    """Let the workers from now on die or halt at this moment; None: at none."""

    def popen(command: list[str], **options: Any) -> Any:
        if WORKER in command and moment is not None:
            command = [sys.executable, "-P", "-m", "tests.faults.dying_worker", moment, command[-1]]
        return _POPEN(command, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)


def end_workers(runs: Path) -> None:
    """Leave no worker behind, however a test ended."""
    for run in catalogue.runs():
        status = run.status()
        if run.path.parent == runs and status.active and status.pid != os.getpid():  # tests pose as workers
            psutil.Process(status.pid).kill()


@pytest.fixture
def no_worker_left(runs: Path) -> Iterator[None]:
    yield
    end_workers(runs)


@pytest.fixture
def finished(runs: Path) -> ModelDirectory:
    shutil.copytree(paths.models_root() / "quick", runs / "finished")
    return ModelDirectory(runs / "finished")
