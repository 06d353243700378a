"""The datasets there are, by name: those that come with the app, then the visitor's own."""

import contextlib

from cifar_core.datasets import own
from cifar_core.datasets.cifar10 import Cifar10
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.digits import Digits
from cifar_core.errors import DatasetError

CIFAR10, DIGITS = Cifar10(), Digits()
DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in (CIFAR10, DIGITS)}


def names() -> list[str]:
    """Return the names of all datasets, own ones last."""
    return [*DATASETS, *(name for name in own.names() if name not in DATASETS)]


def readable() -> dict[str, Dataset]:
    """Return all datasets by name, but for own ones that are damaged."""
    found = {}
    for name in names():
        with contextlib.suppress(DatasetError):
            found[name] = get_dataset(name)
    return found


def get_dataset(name: str) -> Dataset:
    """Return the dataset of that name, which need not be on this machine.

    DatasetError lists the names, or says that an own one is damaged.
    """
    if found := DATASETS.get(name) or own.find(name):
        return found
    raise DatasetError(f"There is no dataset “{name}”; choose one of {', '.join(names())}.")


def first_choice() -> Dataset:
    """Return the dataset to begin with: CIFAR-10, or where it is not on this machine, what always is."""
    return CIFAR10 if CIFAR10.available() else DIGITS
