"""Mend the labels of an own dataset: give pictures another class, take them out, and take that back."""

import contextlib
import time
from collections.abc import Iterator, Sequence

import numpy as np
from filelock import FileLock, Timeout

from cifar_core.datasets import own, own_changes
from cifar_core.datasets.dataset import Ints
from cifar_core.datasets.own_changes import OUT, Change
from cifar_core.errors import DatasetError

_LEAST_TRAINING, _LEAST_TEST = 2, 1  # pictures of a class that differ: one of them to validate on
_SECONDS = 10.0  # until another visitor's change is written


def give(name: str, pictures: Sequence[int], class_name: str | None) -> None:
    """Give pictures a class, or take them out; their own class again says that somebody looked and keeps it.

    Parameters
    ----------
    name
        The dataset.
    pictures
        Their rows among all that were added (`Own.stored`).
    class_name
        One of the dataset's; None takes them out.

    Raises
    ------
    DatasetError
        There is no such dataset, picture or class, too little of a class would be left, or the disk cannot
        be written to. Nothing is changed then.
    """
    with _writing(name) as dataset:
        index, now = dataset.stored(), dataset.labels()
        if not pictures or min(pictures) < 0 or max(pictures) >= len(now.labels):
            raise DatasetError(f"These are no pictures of “{name}”; choose some that are.")
        if class_name is not None and class_name not in dataset.class_names:
            raise DatasetError(f"“{name}” has no class of that name; choose one that it has.")
        rows = sorted(set(pictures))
        after = now.labels.copy()
        after[rows] = OUT if class_name is None else dataset.class_names.index(class_name)
        _refuse_if_too_little(dataset, index, now.labels, after)
        own_changes.append(dataset.path, [Change(rows, class_name)])


def undo(name: str) -> None:
    """Take back the last change that holds; DatasetError where there is none."""
    with _writing(name) as dataset:
        if not dataset.labels().changes:
            raise DatasetError(f"Nothing of “{name}” is changed.")
        own_changes.append(dataset.path, [Change(undo=True)])


def forget(name: str) -> None:
    """Have the labels as they were added, and put the log of changes, damaged maybe, aside.

    DatasetError if that cannot be.
    """
    log = own.folder_of(name) / own_changes.CHANGES
    try:
        if name in own.names() and log.exists():
            log.replace(log.with_name(f"forgotten-{time.time_ns()}.jsonl"))
    except OSError as error:
        raise DatasetError(f"“{name}” cannot be changed ({error.strerror or error}).") from error


def _refuse_if_too_little(dataset: own.Own, index: own.Index, before: Ints, after: Ints) -> None:
    """Raise DatasetError where a class loses what it needs to be learned and tested."""
    for label in np.unique(before[(before != after) & (before != OUT)]):
        left = after == label
        train, test = (len(np.unique(index.groups[left & of])) for of in (~index.test, index.test))
        if train < _LEAST_TRAINING or test < _LEAST_TEST:
            raise DatasetError(
                f"“{dataset.class_names[label]}” would have too little left: a class needs "
                f"{_LEAST_TRAINING} pictures that differ to learn from and {_LEAST_TEST} to test with. Leave "
                "these, or make a dataset with more pictures of it."
            )


@contextlib.contextmanager
def _writing(name: str) -> Iterator[own.Own]:
    """Yield a dataset that nobody else changes meanwhile."""
    try:
        if own.find(name) is None:
            raise DatasetError(f"There is no dataset of your own called “{name}” any more.")
        with FileLock(own.folder_of(name) / ".changes.lock", timeout=_SECONDS):
            dataset = own.find(name)  # as another visitor may have left it
            if dataset is None:
                raise DatasetError(f"There is no dataset of your own called “{name}” any more.")
            yield dataset
    except Timeout:
        raise DatasetError(f"“{name}” is being changed by somebody else; try again.") from None
    except OSError as error:
        raise DatasetError(f"“{name}” cannot be changed ({error.strerror or error}).") from error
