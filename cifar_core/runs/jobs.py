"""Start, stop, end, resume and delete runs.

A run's worker is a process of its own, and files are all that is exchanged with it. A machine trains one run
of a folder at a time. The worker holds a lock for that; the operating system releases it when the worker
dies, however it dies.
"""

import contextlib
import datetime
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import filelock
import psutil

from cifar_core import access, files, formats, hardware, paths
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import JobError, RecipeError
from cifar_core.recipe import IMAGENET, IMAGENET_SIDE, Recipe
from cifar_core.runs import catalogue, members, processes, resources, trash
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import RESUMABLE, Status

_START_SECONDS = 60.0  # until a new worker must have said that it lives; a fraction of one, usually


def lock() -> filelock.FileLock:
    """Return the lock that a worker holds while it trains."""
    root = paths.runs_root()
    root.mkdir(parents=True, exist_ok=True)
    # One a machine, because a cluster may share the folder.
    return filelock.FileLock(root / f".worker-{platform.node()}.lock", timeout=0)


def active_run() -> ModelDirectory | None:
    """Return the run that trains on this machine now, if one does."""
    statuses = ((run, run.status()) for run in catalogue.unsorted_runs())
    return next((run for run, status in statuses if status.active and status.here), None)


def start(
    recipe: Recipe, name: str | None = None, dataset: Dataset = CIFAR10, title: str = ""
) -> ModelDirectory:
    """Start a run and return its directory as soon as its worker lives.

    Parameters
    ----------
    recipe
        What to train.
    name
        The name of its directory; by default the recipe and the time.
    dataset
        What to train it on; `recipe` is one that `Recipe.on` made for its size.
    title
        What people call it; by default the name, or where none is given, recipe and number.

    Raises
    ------
    JobError
        If another run trains, memory or disk is short, or the worker does not start.
    DatasetError
        If the dataset is not on this machine.
    ModelDirectoryError
        If the name is unfit or taken, or the title unfit.
    RecipeError
        If the dataset has too few images, or too many classes, for the recipe.
    """
    dataset = dataset.at(recipe.side)
    dataset.refuse_if_missing()
    _refuse_if_unfit(recipe, dataset)
    recipe = for_this_machine(recipe)
    with _only_starter():
        _refuse_if_busy()
        resources.refuse_if_short_of_memory(recipe, dataset.facts.side)
        resources.refuse_if_short_of_disk(paths.runs_root())
        directory = catalogue.new_run(name or f"{recipe.name}-{datetime.datetime.now():%Y%m%d-%H%M%S}")
        directory.path.mkdir()
        try:
            files.write_whole(directory.config_path, json.dumps(_config(recipe, dataset), indent=2) + "\n")
            if title or name is None:
                directory.write_label(title or catalogue.new_title(recipe, dataset))
            _launch(directory)
        except BaseException:
            shutil.rmtree(directory.path, ignore_errors=True)
            raise
    return directory


def for_this_machine(recipe: Recipe) -> Recipe:
    """Return the recipe as this machine runs it: in float32 if its processor has no bfloat16."""
    return recipe if hardware.has_bfloat16() else recipe.with_(precision="float32")


def on_base(recipe: Recipe, base: str) -> Recipe:
    """Return `transfer` on another base: `IMAGENET`, or a model that is here, at the side it looks at.

    Raises
    ------
    RecipeError
        If the recipe is another one.
    ModelDirectoryError
        If there is no such model, or it is an average.
    """
    if recipe.network != "transfer":
        raise RecipeError(f"The recipe {recipe.name} builds on no other model; leave the base out.")
    side = IMAGENET_SIDE
    if base != IMAGENET:
        model = catalogue.find_model(base)
        members.refuse_average(model)
        side = model.facts().side
    return recipe.with_(network_options={"base": base, "size": side})


def resume(directory: ModelDirectory) -> None:
    """Let a stopped, failed or interrupted run go on from its last finished epoch.

    Raises
    ------
    JobError
        If the run is finished or running, another run trains, memory or disk is short, or the worker does not
        start.
    DatasetError
        If the dataset is not on this machine.
    ModelDirectoryError, RecipeError
        If the run's `config.json` is damaged.
    """
    with _only_starter():
        status = directory.status()
        _refuse_if_frozen(directory, status)
        if status.state not in RESUMABLE:
            raise JobError(f"The run “{directory.name}” is {status.state}, there is nothing to resume.")
        directory.dataset().refuse_if_missing()
        _refuse_if_busy()
        resources.refuse_if_short_of_memory(directory.recipe(), directory.facts().side)
        resources.refuse_if_short_of_disk(paths.runs_root())
        _launch(directory)


def stop(directory: ModelDirectory) -> None:
    """Ask a run to stop after its current step; everything up to its last finished epoch is kept.

    Raises
    ------
    JobError
        If the run is not running, or is frozen: nobody would hear it, and a stuck disk would hold us up, too.
    """
    status = directory.status()
    _refuse_if_over(directory, status)
    _refuse_if_frozen(directory, status)
    try:
        directory.stop_path.touch()
    except OSError as error:
        raise JobError(f"“{directory.name}” cannot be told to stop ({error.strerror or error}).") from error


def end(directory: ModelDirectory) -> None:
    """End the process of a run by force; everything up to its last finished epoch is kept.

    Raises
    ------
    JobError
        If the run is not running, or its process is out of reach.
    """
    status = directory.status()
    _refuse_if_over(directory, status)
    if not status.here:
        raise JobError(f"“{directory.name}” trains on {status.host}; end it there.")
    worker = processes.find(status.pid, status.pid_started)
    try:
        gone = worker is None or processes.end(worker)
    except psutil.AccessDenied:
        raise JobError(f"The process of “{directory.name}” is somebody else's; let them end it.") from None
    if not gone:
        raise JobError(
            f"The process of “{directory.name}” waits for a disk that does not answer; it ends once that "
            "does, or when the machine is restarted."
        )


def silence(directory: ModelDirectory, status: Status) -> str:
    """Say since when a frozen run is silent, and why that may be. The caller ends the sentence."""
    return (
        f"“{directory.name}” has said nothing for {formats.duration(status.silence)}: its process is halted, "
        "or its disk does not answer"
    )


def _refuse_if_frozen(directory: ModelDirectory, status: Status) -> None:
    if status.frozen:
        raise JobError(
            f"{silence(directory, status)}; `python -m cifar_core stop {directory.name} --kill` ends it, and "
            "what it learned up to its last finished epoch stays."
        )


def _refuse_if_over(directory: ModelDirectory, status: Status) -> None:
    if not status.active:
        raise JobError(f"The run “{directory.name}” is {status.state}, there is nothing to stop.")


def _refuse_if_at_work(directory: ModelDirectory, cure: str) -> None:
    status = directory.status()
    _refuse_if_frozen(directory, status)
    if status.active:
        raise JobError(f"The run “{directory.name}” is training; {cure}.")


def delete(directory: ModelDirectory) -> None:
    """Delete a run of the user's own with all its files; `trash.restore` brings it back for a day.

    Raises
    ------
    JobError
        If the run trains, is none of the user's own, or cannot be deleted.
    """
    if not directory.own:
        raise JobError(f"“{directory.name}” is no run of your own; only those are deleted.")
    with _only_starter():  # or it could be resumed meanwhile
        _refuse_if_at_work(directory, "stop it first")
        try:
            trash.put(directory)
        except FileNotFoundError:
            return  # somebody else was faster
        except OSError as error:
            raise JobError(f"“{directory.name}” cannot be deleted ({error}).") from error
        trash.remove_old()


@contextlib.contextmanager
def _only_starter() -> Iterator[None]:
    """Let one process at a time look whether a run trains, and if none does, start one."""
    root = paths.runs_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(root / ".start.lock", timeout=_START_SECONDS):
            yield
    except filelock.Timeout:
        raise JobError("Another training is just being started; try again in a minute.") from None
    except OSError as error:
        raise JobError(f"No run can be started or deleted in {root} ({error.strerror or error}).") from error


def _refuse_if_unfit(recipe: Recipe, dataset: Dataset) -> None:
    if recipe.images > (most := dataset.sizes["train"]):
        raise RecipeError(f"{dataset.title} has {most:,} training images, not {recipe.images:,}: use fewer.")
    classes = len(dataset.class_names)
    if recipe.validation == "split" and recipe.validation_images < classes:
        raise RecipeError(
            f"{dataset.title} has {classes} classes: validate on {classes} images or more, one a class, not "
            f"{recipe.validation_images:,}."
        )


def _refuse_if_busy() -> None:
    if busy := active_run():
        _refuse_if_at_work(busy, "stop it or wait until it is done")


def _launch(directory: ModelDirectory) -> None:
    access.time_limit()  # refused here, since a worker would fail after it has said that it lives
    directory.stop_path.unlink(missing_ok=True)
    before = directory.status().updated
    with directory.log_path.open("ab") as log:
        log_start = log.tell()
        worker = processes.launch(log, "cifar_core.training.worker", str(directory.path))
    try:
        _await_first_status(directory, before, worker, log_start)
    except BaseException:
        worker.kill()
        raise


def _await_first_status(
    directory: ModelDirectory, before: float, worker: subprocess.Popen[bytes], log_start: int
) -> None:
    """Return when a status other than that of `before` says that the worker trains.

    Not one with the pid of the process we started: in a virtual environment on Windows that is a launcher.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        ended = worker.poll() is not None  # asked first, so that a worker's last status is not missed
        status = directory.status()
        if status.updated != before and status.state == "failed":
            raise JobError(status.error)
        if status.updated != before and status.active:
            return
        if ended:
            words = processes.last_words(directory.log_path.read_bytes()[log_start:])
            raise JobError(f"The training process did not start: {words}")
        time.sleep(0.05)
    raise JobError(f"The training process did not start within {_START_SECONDS:.0f} seconds; try again.")


def _config(recipe: Recipe, dataset: Dataset) -> dict[str, Any]:
    return {
        "recipe": recipe.to_dict(),
        "dataset": dataset.facts.to_dict(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"python": sys.version.split()[0], **_versions("keras", "tensorflow", "onnxruntime")},
        "hardware": hardware.describe(),
    }


def _versions(*packages: str) -> dict[str, str]:
    found = {}
    for package in packages:
        for distribution in (package, f"{package}-cpu"):
            with contextlib.suppress(PackageNotFoundError):
                found[package] = version(distribution)
    return found
