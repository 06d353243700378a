"""Which run learns from a dataset at present: its pictures and labels stay as they are meanwhile."""

from cifar_core.errors import DatasetError, ModelDirectoryError
from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory


def refuse_if_learning(dataset: str) -> None:
    """Raise DatasetError if a run on this machine learns from the dataset of that name now."""
    if (run := jobs.active_run()) and _learns_from(run, dataset):
        raise DatasetError(f"The run “{run.name}” learns from “{dataset}”; stop it first, or let it finish.")


def _learns_from(run: ModelDirectory, name: str) -> bool:
    try:
        return run.facts().name == name
    except ModelDirectoryError:
        return False
