"""What was changed of a dataset's labels since its pictures were added: a line each, only ever appended.

A change gives pictures a class, their own again where somebody looked and keeps it, or takes them out.
Undoing is a line, too. So nothing is lost, and without the file the labels are as they were added.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cifar_core.datasets.dataset import Ints
from cifar_core.files import force_to_disk, read_small

CHANGES = "changes.jsonl"
OUT = -1  # the label of a picture that is taken out

_MOST_BYTES = 20_000_000

Row = Annotated[int, Meta(ge=0)]


class Change(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A line: pictures by their rows, the class they get or None to take them out; or the last one undone."""

    pictures: Annotated[list[Row], Meta(max_length=20_000)] = []
    class_name: str | None = None
    undo: bool = False


class Labels(NamedTuple):
    """The labels of all pictures that were added, as they are now.

    Attributes
    ----------
    labels
        int64 [N], `OUT` for what is taken out.
    decided
        Whether somebody decided on it, bool [N].
    changes
        Those that hold, in their order.
    """

    labels: Ints
    decided: NDArray[np.bool_]
    changes: list[Change]


def replay(folder: Path, labels: Ints, class_names: Sequence[str]) -> Labels:
    """Return what the changes of a dataset make of its labels, int64 [N]; ValueError if the log is damaged.

    A last line without an end was never written whole, and counts for nothing.
    """
    held: list[Change] = []
    for number, line in enumerate(_lines(folder / CHANGES), start=1):
        try:
            change = msgspec.json.decode(line, type=Change)
            if change.undo:
                held.pop()  # IndexError where there is nothing left to undo
            else:
                _check(change, len(labels), class_names)
                held.append(change)
        except (ValueError, IndexError, RecursionError) as error:
            raise ValueError(f"line {number}") from error
    now, decided = labels.copy(), np.zeros(len(labels), bool)
    for change in held:
        out = change.class_name is None
        now[change.pictures] = OUT if out else class_names.index(str(change.class_name))
        decided[change.pictures] = True
    return Labels(now, decided, held)


def append(folder: Path, changes: Iterable[Change]) -> None:
    """Write lines behind the others, whole for every reader; OSError where that cannot be."""
    path = folder / CHANGES
    with path.open("ab") as file:
        if file.tell():
            whole = path.read_bytes().rfind(b"\n") + 1
            file.truncate(whole)  # what a power cut left of a line
        file.writelines(msgspec.json.encode(change) + b"\n" for change in changes)
        file.flush()
        os.fsync(file.fileno())
    force_to_disk(folder)


def _lines(path: Path) -> list[bytes]:
    content = read_small(path, _MOST_BYTES)
    return content[: content.rfind(b"\n") + 1].splitlines()


def _check(change: Change, pictures: int, class_names: Sequence[str]) -> None:
    """Raise ValueError unless a change is one of these pictures and classes."""
    if not change.pictures or max(change.pictures) >= pictures:
        raise ValueError("no pictures, or none of these")
    if change.class_name is not None and change.class_name not in class_names:
        raise ValueError("no class of these")
