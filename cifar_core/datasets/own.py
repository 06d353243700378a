"""Own datasets: the visitor's pictures of the visitor's classes, kept as networks of 128 pixels need them.

Each is a folder of three files under `artifacts/datasets/`, which `own_adding` writes whole: `dataset.json`
says what it is, `index.npz` has a row a picture, and `pictures.bin` holds the pictures, one small file behind
the other. What is computed of them, and can be again, lies beside these in `computed/`, and what was changed
of their labels since in the log of `own_changes`.
"""

import copy
import functools
import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cifar_core import images, paths
from cifar_core.arrays import Images
from cifar_core.datasets.dataset import Batch, Dataset, Facts, Ints, Part
from cifar_core.datasets.own_changes import CHANGES, OUT, Labels, replay
from cifar_core.errors import DatasetError, ImageError
from cifar_core.files import Written, read_arrays, written

SIDE = 128  # of the largest pictures that are kept
USUAL_SIDE = 32  # of those that a network gets unless it asks for larger ones
ABOUT, INDEX, PICTURES = "dataset.json", "index.npz", "pictures.bin"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ChangesError(DatasetError):
    """The log of what was changed of a dataset's labels is damaged."""


class Index(NamedTuple):
    """A row a picture, sorted by class and then by content, so that file names decide nothing.

    Attributes
    ----------
    spans
        Where its file begins and ends in `pictures.bin`, int64 [N, 2].
    labels
        int64 [N].
    test
        Whether it is of the test set, bool [N].
    groups
        Equal numbers for pictures that look alike, int64 [N].
    hashes
        SHA-256 of its file, uint8 [N, 32]: equal for exact duplicates.
    names
        What its source called it, str [N].
    """

    spans: Ints
    labels: Ints
    test: NDArray[np.bool_]
    groups: Ints
    hashes: NDArray[np.uint8]
    names: NDArray[np.str_]


class Own(Dataset):
    """A dataset of the visitor's own.

    Parameters
    ----------
    path
        Its folder.
    about
        What `dataset.json` says; KeyError, TypeError or ValueError if that makes no sense.
    side
        Pixels a side of the pictures that it gives.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], side: int = USUAL_SIDE) -> None:
        self.path, self.about = path, about
        self.facts = msgspec.convert({**about["dataset"], "name": path.name, "side": side}, Facts)
        self.title = path.name
        self._counts: dict[Part, list[int]] = {
            part: list(about["counts"][part]) for part in ("train", "test")
        }
        self._now: Labels | None = None  # the labels, where the log has changed any
        if (path / CHANGES).exists():
            stamp = written(path / INDEX, path / CHANGES)
            self._now, now_digest, of_test, self._counts = _changed(path, self.class_names, stamp)
            self.facts = replace(self.facts, digest=now_digest, test_digest=of_test)
        self.sizes = {part: sum(counts) for part, counts in self._counts.items()}

    def at(self, side: int) -> "Own":
        """Return it with pictures of this side, or of the largest that are kept."""
        other = copy.copy(self)
        other.facts = replace(self.facts, side=min(side, SIDE))
        return other

    def load(self, part: Part) -> Batch:
        """Return a part at its side; DatasetError if a file of it is missing or damaged."""
        index = self.index()
        rows = np.flatnonzero(index.test == (part == "test"))
        return Batch(self.decoded(index.spans[rows]), index.labels[rows])

    def decoded(self, spans: Ints) -> Images:
        """Return the pictures whose spans are given, int64 [M, 2], at its side, uint8 [M, S, S, 3]."""
        side = self.facts.side
        pictures = np.empty((len(spans), side, side, 3), np.uint8)
        for place, content in enumerate(self.contents(spans)):
            try:
                pictures[place] = images.to_array(images.read(content), side=side)
            except ImageError as error:
                raise self._damaged(PICTURES) from error
        return pictures

    def contents(self, spans: Ints) -> "Sequence[bytes]":
        """Return the files of pictures, JPEG or PNG, whose spans are given, int64 [M, 2]."""
        try:
            with (self.path / PICTURES).open("rb") as file:
                return [_cut(file, int(start), int(end)) for start, end in spans]
        except OSError as error:
            raise self._damaged(PICTURES) from error

    def index(self) -> Index:
        """Return what is known of each picture that counts; DatasetError if that is missing or damaged."""
        index = self.stored()
        return index if self._now is None else _relabelled(index, self._now.labels)

    def labels(self) -> Labels:
        """Return the labels of all pictures that were added, as they are now, and what changed them."""
        added = self.stored().labels
        return self._now or Labels(added, np.zeros(len(added), bool), [])

    def stored(self) -> Index:
        """Return what is known of each picture as it was added; DatasetError as for `index`."""
        return _stored(self.path)

    def groups(self) -> Ints:
        """Return which training pictures look alike, int64 [N], equal numbers a group."""
        index = self.index()
        return index.groups[~index.test]

    def class_counts(self, part: Part) -> list[int]:
        """Return how many pictures of each class a part holds."""
        return list(self._counts[part])

    def folder(self) -> Path:
        """Return where it lies."""
        return self.path

    def kept(self) -> Path:
        """Return the folder for what is computed of its pictures, which need not exist."""
        return self.path / "computed"

    def verify(self) -> None:
        """Compare every picture and label with what was added; DatasetError says what differs."""
        index = self.stored()
        for content, known in zip(self.contents(index.spans), index.hashes, strict=True):
            if hashlib.sha256(content).digest() != known.tobytes():
                raise self._damaged(PICTURES)
        counted = np.bincount(index.labels[index.test], minlength=len(self.class_names)).tolist()
        added = self.about
        found = digest(self.class_names, index.labels, index.hashes)
        if found != added["dataset"]["digest"] or counted != added["counts"]["test"]:
            raise self._damaged(INDEX)

    def problem(self) -> str | None:
        """Say which file is missing; None if none is."""
        missing = [name for name in (INDEX, PICTURES) if not (self.path / name).is_file()]
        return str(self._damaged(missing[0])) if missing else None

    def _damaged(self, name: str) -> DatasetError:
        return damaged(self.path, name)


def _stored(path: Path) -> Index:
    try:
        return Index(**read_arrays(path / INDEX, set(Index._fields)))
    except (OSError, ValueError, TypeError) as error:
        raise damaged(path, INDEX) from error


def _relabelled(index: Index, labels: Ints) -> Index:
    """Return an index with other labels, without what is taken out."""
    return Index(*(column[labels != OUT] for column in index._replace(labels=labels)))


@functools.lru_cache(maxsize=32)
def _changed(
    path: Path,
    class_names: tuple[str, ...],
    stamp: Written,  # noqa: ARG001 - what changes when a file does
) -> tuple[Labels, str, str, dict[Part, list[int]]]:
    """Return what the log makes of the labels of a dataset, of its two digests and of its counts."""
    stored = _stored(path)
    try:
        now = replay(path, stored.labels, class_names)
    except (OSError, ValueError) as error:
        raise ChangesError(
            f"{CHANGES} of the dataset “{path.name}” is damaged ({error}): forget the changes, on the page "
            "Data or by deleting that file, to have the labels as they were added."
        ) from error
    index = _relabelled(stored, now.labels)
    sides: dict[Part, NDArray[np.bool_]] = {"train": ~index.test, "test": index.test}
    counts = {
        part: np.bincount(index.labels[of], minlength=len(class_names)).tolist() for part, of in sides.items()
    }
    return now, *digests(class_names, index.labels, index.hashes, index.test), counts


def digest(class_names: Sequence[str], labels: Ints, hashes: NDArray[np.uint8]) -> str:
    """Return what changes with any class name, label or picture: SHA-256 over all, in the index's order."""
    found = hashlib.sha256(json.dumps(list(class_names)).encode())
    found.update(np.asarray(labels, np.int64).tobytes())
    found.update(np.ascontiguousarray(hashes).tobytes())
    return found.hexdigest()


def digests(
    class_names: Sequence[str], labels: Ints, hashes: NDArray[np.uint8], test: NDArray[np.bool_]
) -> tuple[str, str]:
    """Return the digest of all pictures, and that of those of the test set."""
    return digest(class_names, labels, hashes), digest(class_names, labels[test], hashes[test])


def check_name(name: str) -> None:
    """Raise DatasetError unless a dataset may have this name."""
    if not _NAME.fullmatch(name):
        raise DatasetError(
            "A dataset's name may hold up to 64 letters, digits, dots, dashes and underscores, and starts "
            "with a letter or digit."
        )


def names() -> list[str]:
    """Return the names of the own datasets, those included that are damaged."""
    root = paths.datasets_root()
    found = root.iterdir() if root.is_dir() else ()
    return sorted(path.name for path in found if _NAME.fullmatch(path.name) and (path / ABOUT).is_file())


def folder_of(name: str) -> Path:
    """Return where the own dataset of that name lies, or would."""
    return paths.datasets_root() / name


def size_in_bytes(name: str) -> int:
    """Return what the own dataset of that name takes on the disk, a damaged one too."""
    return sum(file.stat().st_size for file in folder_of(name).rglob("*") if file.is_file())


def find(name: str) -> Own | None:
    """Return the own dataset of that name, None if there is none; DatasetError if it cannot be read."""
    path = folder_of(name)
    if not _NAME.fullmatch(name) or not (path / ABOUT).is_file():
        return None
    try:
        return Own(path, json.loads((path / ABOUT).read_bytes()))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, ABOUT) from error


def remove(name: str) -> None:
    """Remove an own dataset with its pictures, for good; DatasetError if there is none or it cannot be."""
    if name not in names():
        raise DatasetError(
            f"There is no dataset of your own called “{name}”; `python -m cifar_core data` lists them."
        )
    gone = paths.datasets_root() / f".removed-{uuid.uuid4().hex}"
    try:
        folder_of(name).rename(gone)  # at once for whoever looks
        shutil.rmtree(gone)
    except OSError as error:
        raise DatasetError(f"“{name}” cannot be removed ({error.strerror or error}).") from error


def damaged(path: Path, name: str) -> DatasetError:
    """Say that a file of an own dataset is missing or damaged."""
    return DatasetError(
        f"{name} of the dataset “{path.name}” is missing or damaged: remove it with "
        f"`python -m cifar_core data remove {path.name}` and add its pictures again."
    )


def _cut(file: Any, start: int, end: int) -> bytes:
    file.seek(start)
    return bytes(file.read(max(end - start, 0)))
