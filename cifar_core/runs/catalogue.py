"""The model directories that there are: the user's runs and the shipped models, listed or found by name."""

import collections
import contextlib
import functools
import re
from collections.abc import Iterable
from pathlib import Path

from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import CifarLabError, ModelDirectoryError
from cifar_core.files import Written
from cifar_core.formats import printable
from cifar_core.paths import models_root, runs_root
from cifar_core.recipe import Recipe
from cifar_core.runs import members
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import MOST_TITLE, NAME
from cifar_core.runs.status import RESUMABLE

_NAME = re.compile(NAME)


def runs() -> list[ModelDirectory]:
    """Return the user's runs, newest first."""
    return sorted(unsorted_runs(), key=lambda run: run.created, reverse=True)


def unsorted_runs() -> list[ModelDirectory]:
    """Return the user's runs without a look into each for its time, for what is asked again and again."""
    return _directories(runs_root())


def shipped() -> list[ModelDirectory]:
    """Return the models that come with the project."""
    return [item for item in _directories(models_root()) if item.has_results()]


def models() -> list[ModelDirectory]:
    """Return all with sound results: shipped models first, then own runs. A run hides a model of its name."""
    damaged = damaged_models()
    return [item for item in _with_results() if item.name not in damaged]


def damaged_models() -> dict[str, str]:
    """Return those whose results cannot be used: by name, a sentence that says why."""
    problems = {item.name: _problem_of(item) for item in _with_results()}
    return {name: problem for name, problem in problems.items() if problem} | _unnameable()


def _problem_of(item: ModelDirectory) -> str:
    """Say in a sentence why a model cannot answer, or one of an average; empty where it can."""
    try:
        parts = members.members(item) if item.is_average else []
    except CifarLabError as error:
        return str(error)
    return next(filter(None, (_problem(part, part.stamp()) for part in [*parts, item])), "")


@functools.lru_cache(maxsize=500)
def _problem(directory: ModelDirectory, stamp: Written) -> str:  # noqa: ARG001 - what changes when a file does
    try:
        directory.check_results()
    except ModelDirectoryError as error:
        return str(error)
    return ""


def _unnameable() -> dict[str, str]:
    """Return the folders whose names can be neither shown nor asked for, written as well as they can be."""
    names = [printable(item.name) for root in (runs_root(), models_root()) for item in _listed(root, False)]
    return {name: f"The folder “{name}” has a name that cannot be shown; rename it." for name in names}


def _with_results() -> list[ModelDirectory]:
    own = [run for run in runs() if run.has_results()]
    own_names = {run.name for run in own}
    return [*(item for item in shipped() if item.name not in own_names), *own]


def titles(directories: Iterable[ModelDirectory]) -> dict[str, str]:
    """Return what to call model directories side by side, by name: no two alike.

    Their titles, and where those would not tell them apart, with the name behind.
    """
    found = {directory.name: directory.title for directory in directories}
    longer = {name: title if title == name else f"{title} ({name})" for name, title in found.items()}
    times = collections.Counter(found.values())
    unlike = {
        name: title if times[title] == 1 and found.get(title, title) == title else longer[name]
        for name, title in found.items()
    }
    return unlike if len(set(unlike.values())) == len(unlike) else longer


def new_title(recipe: Recipe, dataset: Dataset) -> str:
    """Return what to call the next run of a recipe: "Quick 2 · 8,000 images"."""
    numbered = re.compile(re.escape(recipe.title) + r" (\d{1,6})(?: ·.*)?")
    numbers = [int(match[1]) for run in unsorted_runs() if (match := numbered.fullmatch(run.title))]
    parts = [
        f"{recipe.title} {max(numbers, default=0) + 1}",
        "" if dataset.name == CIFAR10.name else dataset.title,
        f"{recipe.images:,} images" if recipe.images < dataset.sizes["train"] else "",
    ]
    return printable(" · ".join(filter(None, parts)), MOST_TITLE - 3)  # which may get a mark in its middle


def new_run(name: str) -> ModelDirectory:
    """Return the directory of a run to be; ModelDirectoryError if its name is unfit or taken."""
    if not _NAME.fullmatch(name):
        raise ModelDirectoryError(
            "A run's name may hold up to 64 letters, digits, dots, dashes and underscores, and starts with a "
            "letter or digit."
        )
    directory = ModelDirectory(runs_root() / name)
    if directory.path.exists():
        raise ModelDirectoryError(f"There is already a run “{name}”; choose another name.")
    return directory


def find(name: str, *, allow_path: bool = False) -> ModelDirectory:
    """Find a model directory by name, own runs before shipped models.

    Parameters
    ----------
    name
        A name under `artifacts/runs` or `artifacts/models`.
    allow_path
        Also accept a path, as the command line does. Never set it for a name that came from a URL.

    Raises
    ------
    ModelDirectoryError
        If there is none.
    """
    if _NAME.fullmatch(name):
        for directory in (ModelDirectory(root / name) for root in (runs_root(), models_root())):
            if directory.config_path.is_file():
                return directory
    with contextlib.suppress(OSError):  # a path can be too long to ask for
        if allow_path and name and ModelDirectory(Path(name)).config_path.is_file():
            return ModelDirectory(Path(name).resolve())
    raise ModelDirectoryError(f"There is no model or run “{name}”; `python -m cifar_core runs` lists them.")


def find_model(name: str, *, allow_path: bool = False) -> ModelDirectory:
    """Find a trained model, as `find` does; an own run that is not trained hides no shipped model.

    Raises
    ------
    ModelDirectoryError
        If there is none; it says what to do about one that is not trained.
    """
    found = find(name, allow_path=allow_path)
    if found.answers_path.is_file():
        return found
    namesake = ModelDirectory(models_root() / found.name)
    if found.own and namesake.onnx_path.is_file():
        return namesake
    status = found.status()
    if status.active:
        problem = "is still being trained; wait until it is finished"
    elif status.state in RESUMABLE:
        problem = f"was not trained to its end; `python -m cifar_core resume {found.name}` goes on with it"
    else:
        problem = f"has no {found.onnx_path.name} any more; train it again"
    raise ModelDirectoryError(f"“{found.name}” {problem}.")


def _directories(root: Path) -> list[ModelDirectory]:
    return _listed(root, nameable=True)


def _listed(root: Path, nameable: bool) -> list[ModelDirectory]:
    if not root.is_dir():
        return []
    found = (ModelDirectory(path) for path in sorted(root.iterdir()) if not path.name.startswith("."))
    fit = (item for item in found if (printable(item.name) == item.name) == nameable)
    return [item for item in fit if item.config_path.is_file()]
