"""The folders that everything else stands in."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from cifar_core import settings

_CODE = Path(__file__).resolve().parents[1]
_ARTIFACTS = _CODE / "artifacts"


def code_root() -> Path:
    """Return the folder that holds `cifar_core/`."""
    return _CODE


def models_root() -> Path:
    """Return the folder of the shipped models."""
    return _ARTIFACTS / "models"


def runs_root() -> Path:
    """Return the folder of the user's own runs: the setting `CIFAR_LAB_RUNS`, or `artifacts/runs`."""
    return (settings.RUNS.path() or _ARTIFACTS / "runs").resolve()


def datasets_root() -> Path:
    """Return the folder of own datasets: the setting `CIFAR_LAB_DATASETS`, or `artifacts/datasets`."""
    return (settings.DATASETS.path() or _ARTIFACTS / "datasets").resolve()


def cache() -> Path:
    """Return the folder that downloads go to; it need not exist yet."""
    return user_cache_path("cifar-lab")


def keras_home() -> Path:
    """Return the folder that Keras keeps its downloads in; it need not exist."""
    named = Path(os.environ.get("KERAS_HOME") or "~/.keras")
    try:
        return named.expanduser()
    except RuntimeError:  # the home folder of nobody
        return named
