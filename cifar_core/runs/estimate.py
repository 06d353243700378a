"""How long a training will take on this machine, judged by the runs that it has trained before.

A time from another computer says little: two processors of one name can differ by a factor of two.
"""

import functools
import math
from dataclasses import dataclass

from cifar_core import hardware
from cifar_core.datasets.dataset import Dataset
from cifar_core.errors import CifarLabError
from cifar_core.files import Written
from cifar_core.recipe import Recipe
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import Status

# What decides how long one picture takes; the other numbers say what is learned from it.
_ALIKE = (
    "network",
    "network_options",
    "optimizer",
    "augmentation",
    "mixed",
    "degraded",
    "precision",
    "frozen",
    "batch_size",
    "validation",
)


@dataclass(frozen=True)
class _Run:
    """A run of the past: what was trained on how many pictures, and the seconds that its parts took."""

    kind: tuple[object, ...]
    hardware: str
    images: int
    start: float  # what the first epoch took longer than the others
    epoch: float
    around: float  # loading TensorFlow, saving and evaluating


def seconds(recipe: Recipe, dataset: Dataset) -> float | None:
    """Return about how long a run takes from its start to its results; None if nothing here can tell.

    Parameters
    ----------
    recipe
        What would be trained; with patience it may end sooner.
    dataset
        What it would learn from.

    Returns
    -------
    float or None
        Seconds, by the run of this machine that had the same network and batch size, and about as many
        pictures.
    """
    kind, here = _kind(jobs.for_this_machine(recipe), dataset.name), hardware.describe()
    statuses = ((run, run.status()) for run in catalogue.runs())
    ended = [_measured(run, run.stamp(), status) for run, status in statuses if _trained_here(status)]
    alike = [run for run in ended if run and (run.kind, run.hardware) == (kind, here)]
    if not alike:
        return None
    run = min(alike, key=lambda run: abs(math.log(run.images / recipe.images)))  # of several, the newest
    share = recipe.images / run.images
    # What a frozen network sees in the pictures is computed before the first epoch.
    start = run.start * share if recipe.frozen else run.start
    return start + run.epoch * share * recipe.epochs + run.around


def _kind(recipe: Recipe, dataset: str) -> tuple[object, ...]:
    return (dataset, *(repr(getattr(recipe, name)) for name in _ALIKE))


def _trained_here(status: Status) -> bool:
    return status.here and not status.active


@functools.lru_cache(maxsize=500)
def _measured(directory: ModelDirectory, stamp: Written, status: Status) -> _Run | None:  # noqa: ARG001
    """Return how long a run that has ended took; None if it has no epoch. `stamp` is what its files are."""
    history = directory.history()
    try:
        config = directory.config()
    except CifarLabError:
        return None
    if history.empty:
        return None
    ends = history["seconds"]
    first = float(ends.iloc[0])
    epoch = float(ends.diff().median()) if len(ends) > 1 else first
    finished = status.state == "finished"  # of one that was resumed, its process knows the last part only
    around = status.updated - status.pid_started - float(ends.iloc[-1]) if finished else 0.0
    return _Run(
        _kind(config.recipe, config.dataset.name),
        config.hardware,
        config.recipe.images,
        max(first - epoch, 0.0),
        epoch,
        max(around, 0.0),
    )
