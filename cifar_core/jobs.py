"""Start, stop, resume and watch training runs: the worker is a process of its own, contact is through files.

One run trains at a time: the worker holds a lock for as long as it lives, and the operating system releases
it when the worker dies, however it dies.
"""

import contextlib
import datetime
import json
import shutil
import subprocess
import sys
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import filelock
import psutil

from cifar_core import dataset, hardware, model_dir
from cifar_core.errors import JobError
from cifar_core.model_dir import RESUMABLE, ModelDirectory
from cifar_core.recipes import Recipe

_START_SECONDS = 20.0  # until a new worker must have said that it lives


def lock() -> filelock.FileLock:
    """Return the lock that a worker holds while it trains."""
    root = model_dir.runs_root()
    root.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(root / ".worker.lock", timeout=0)


def active_run() -> ModelDirectory | None:
    """Return the run that trains now, if one does."""
    return next((run for run in model_dir.runs() if run.status().active), None)


def start(recipe: Recipe, name: str | None = None) -> ModelDirectory:
    """Start a run and return its directory as soon as its worker lives.

    Parameters
    ----------
    recipe
        What to train.
    name
        The run's name; by default the recipe and the time.

    Raises
    ------
    JobError
        If another run trains, or the worker does not start.
    DatasetError
        If CIFAR-10 is not on this machine.
    ModelDirectoryError
        If the name is unfit or taken.
    """
    dataset.locate()
    _refuse_if_busy()
    directory = model_dir.new_run(name or f"{recipe.name}-{datetime.datetime.now():%Y%m%d-%H%M%S}")
    try:
        directory.path.mkdir(parents=True)
        model_dir.write_whole(directory.config_path, json.dumps(_config(recipe), indent=2) + "\n")
    except OSError as error:
        raise JobError(f"The folder {directory.path} cannot be written ({error.strerror}).") from error
    try:
        _launch(directory)
    except JobError:
        if not directory.log_path.exists() or not directory.status_path.exists():
            shutil.rmtree(directory.path, ignore_errors=True)
        raise
    return directory


def resume(directory: ModelDirectory) -> None:
    """Let a stopped, failed or interrupted run go on from its last finished epoch.

    Raises
    ------
    JobError
        If the run is finished or running, or another run trains.
    """
    state = directory.status().state
    if state not in RESUMABLE:
        raise JobError(f"The run “{directory.name}” is {state}, there is nothing to resume.")
    dataset.locate()
    _refuse_if_busy()
    _launch(directory)


def stop(directory: ModelDirectory) -> None:
    """Ask a run to stop after its current step; everything up to its last finished epoch is kept.

    Raises
    ------
    JobError
        If the run is not running.
    """
    state = directory.status().state
    if not directory.status().active:
        raise JobError(f"The run “{directory.name}” is {state}, there is nothing to stop.")
    directory.stop_path.touch()


def _refuse_if_busy() -> None:
    busy = active_run()
    if busy:
        raise JobError(f"The run “{busy.name}” is training; stop it or wait until it is done.")


def _launch(directory: ModelDirectory) -> None:
    with contextlib.suppress(FileNotFoundError):
        directory.stop_path.unlink()
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    with directory.log_path.open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "cifar_core.training.worker", str(directory.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=model_dir.code_root(),
            **detached,
        )
    # Somebody must wait for a child, or it stays behind as a zombie when it ends.
    threading.Thread(target=worker.wait, daemon=True).start()
    started = psutil.Process(worker.pid).create_time()
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        status = directory.status()
        if status.pid == worker.pid and abs(status.pid_started - started) < 1.0:
            if status.state == "failed":
                raise JobError(status.error)
            return
        if not model_dir.is_alive(worker.pid, started):
            break
        time.sleep(0.05)
    raise JobError(f"The training process did not start; {directory.log_path} says why.")


def _config(recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": recipe.to_dict(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"python": sys.version.split()[0], **_versions("keras", "tensorflow", "onnxruntime")},
        "hardware": hardware.describe(),
    }


def _versions(*packages: str) -> dict[str, str]:
    found = {}
    for package in packages:
        for distribution in (package, f"{package}-cpu", f"{package}_cpu"):
            with contextlib.suppress(PackageNotFoundError):
                found[package] = version(distribution)
    return found
