"""Deleted runs, which can be brought back for a day.

They lie in one folder beside the runs, each in a folder with a name of its own. Only what this module put
there is ever removed for good.
"""

import math
import re
import shutil
import time
import uuid
from pathlib import Path

from cifar_core import paths
from cifar_core.errors import ModelDirectoryError
from cifar_core.runs.model_dir import ModelDirectory

FOLDER = ".cifar-lab-trash"  # no run's name, as those begin with a letter or digit
KEPT_SECONDS = 24 * 3600.0

_ENTRY = re.compile(r"(\d{10,12})-[0-9a-f]{32}")  # when it was deleted, and what makes it unique


def folder() -> Path:
    """Return the folder of deleted runs; it need not exist."""
    return paths.runs_root() / FOLDER


def put(run: ModelDirectory) -> None:
    """Move a run here, in one step that no reader sees half done; OSError if that fails."""
    entry = folder() / f"{int(time.time())}-{uuid.uuid4().hex}"
    entry.mkdir(parents=True)
    try:
        run.path.rename(entry / run.name)
    except OSError:
        entry.rmdir()
        raise


def deleted(within: float = math.inf) -> list[ModelDirectory]:
    """Return the runs that can be brought back, deleted within so many seconds, the last deleted first."""
    recent = [entry for entry in _entries() if time.time() - _deleted_at(entry) < within]
    return [run for entry in sorted(recent, reverse=True) if (run := _run_in(entry))]


def restore(name: str) -> ModelDirectory:
    """Bring back the run of that name that was deleted last.

    Raises
    ------
    ModelDirectoryError
        If none of that name was deleted within a day, there is a run of that name again, or it cannot be
        moved.
    """
    run = next((run for run in deleted() if run.name == name), None)
    if run is None:
        raise ModelDirectoryError(f"No run “{name}” was deleted within the last day.")
    back = ModelDirectory(paths.runs_root() / name)
    if back.path.exists():
        raise ModelDirectoryError(f"There is a run “{name}” again; delete or rename it first.")
    try:
        run.path.rename(back.path)
        run.path.parent.rmdir()
    except OSError as error:
        raise ModelDirectoryError(f"“{name}” cannot be brought back ({error.strerror or error}).") from error
    return back


def remove_old(seconds: float = KEPT_SECONDS) -> None:
    """Remove for good what was deleted so long ago."""
    for entry in _entries():
        if time.time() - _deleted_at(entry) >= seconds:
            shutil.rmtree(entry, ignore_errors=True)


def _entries() -> list[Path]:
    found = folder().iterdir() if folder().is_dir() else ()
    ours = (entry for entry in found if _ENTRY.fullmatch(entry.name))
    return [entry for entry in ours if entry.is_dir() and not entry.is_symlink()]


def _deleted_at(entry: Path) -> float:
    return float(entry.name.partition("-")[0])


def _run_in(entry: Path) -> ModelDirectory | None:
    runs = [ModelDirectory(path) for path in entry.iterdir()]
    return runs[0] if len(runs) == 1 and runs[0].config_path.is_file() else None
