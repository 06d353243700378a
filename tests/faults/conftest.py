"""A folder of runs with a finished one in it, which must come through whatever befalls its neighbours."""

import hashlib
import shutil
from pathlib import Path

import pytest

from cifar_core import model_dir
from cifar_core.model_dir import ModelDirectory


def contents(directory: ModelDirectory) -> dict[str, str]:
    """A hash of every file."""
    files = sorted(path for path in directory.path.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def finished(runs: Path) -> ModelDirectory:
    shutil.copytree(model_dir.models_root() / "quick", runs / "finished")
    return ModelDirectory(runs / "finished")
