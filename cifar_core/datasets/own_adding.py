"""From a folder, an archive or a Parquet file to a dataset of the visitor's own, whole or not at all.

Every picture is hostile until decoded (`cifar_core.images`) and is kept as what was made of its pixels, never
as the file that came. What cannot be used is left out, with its reason; the rest stays.
"""

import contextlib
import datetime
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image

from cifar_core import formats, images, paths
from cifar_core.datasets import own, own_alike
from cifar_core.datasets.dataset import Ints, draw_groups
from cifar_core.datasets.own_bursts import Bursts
from cifar_core.datasets.own_layout import Layout, LeftOut, layout
from cifar_core.datasets.registry import DATASETS
from cifar_core.errors import DatasetError, ImageError
from cifar_core.files import scratch_folder, write_whole
from cifar_core.sources.folder import Folder
from cifar_core.sources.opening import open_source
from cifar_core.sources.parquet import ParquetFiles
from cifar_core.sources.source import Source

MOST_PICTURES, MOST_CLASSES = 20_000, 100
LEAST_GROUPS = 3  # pictures of a class that differ: to learn from, to validate on, to test with
TEST_SHARE = 0.2

# What an archive may unpack to: pictures hardly shrink in one, and no more than this much is read of any.
_UNPACKED_TIMES, _UNPACKED_BYTES = 50, 1_000_000_000
_LOSSLESS_SIDE = 64  # up to here a PNG file is small, and a JPEG file would show
_QUALITY = 92

Progress = Callable[[int, int], None]  # pictures that were looked at, pictures in all


class Added(NamedTuple):
    """A new dataset, what was left out of it and why, and what else there is to say: sentences."""

    dataset: own.Own
    left_out: list[LeftOut]
    notes: list[str]


class _Row(NamedTuple):
    """A picture that was taken: where its file is, and what it is compared by."""

    span: tuple[int, int]
    class_name: str
    hash: bytes
    thumbnail: np.ndarray
    name: str


def add(name: str, source: Path | Bursts, *, mirrors: bool = True, progress: Progress | None = None) -> Added:
    """Take pictures into a new dataset.

    Parameters
    ----------
    name
        What it is called.
    source
        A folder with a folder a class, a ZIP or tar archive of one, or a Parquet file of pictures and labels;
        or what a webcam recorded.
    mirrors
        Whether a mirrored picture shows the same thing.
    progress
        Called with (pictures looked at, pictures in all).

    Raises
    ------
    DatasetError
        The name is unfit or taken, there are too many files or too few pictures, the folders are no classes,
        or the disk cannot be written to. Nothing is left behind.
    SourceError
        There is no such source, or it is damaged.
    """
    own.check_name(name)
    if name in DATASETS:
        raise DatasetError(f"“{name}” comes with the app; choose another name.")
    root = paths.datasets_root()
    with _writing(root):
        target = root / name
        if target.exists():
            raise DatasetError(
                f"There is already a dataset “{name}”; choose another name, or remove it first."
            )
        with scratch_folder(root / ".adding") as scratch:
            opened = source if isinstance(source, Bursts) else open_source(source)
            made = _make(scratch, opened, mirrors, progress)
            scratch.rename(target)
    added = own.find(name)
    if added is None:
        raise DatasetError(f"“{name}” was removed while it was added; add it again.")
    return Added(added, *made)


@contextlib.contextmanager
def _writing(root: Path) -> Iterator[None]:
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".lock", timeout=0):
            yield
    except Timeout:
        raise DatasetError("Another dataset is being added just now; wait until that is done.") from None
    except OSError as error:
        raise DatasetError(f"No dataset can be kept in {root} ({error.strerror or error}).") from error


def _make(
    folder: Path, source: Source, mirrors: bool, progress: Progress | None
) -> tuple[list[LeftOut], list[str]]:
    """Write the files of a dataset into a folder; return what was left out, and notes."""
    found = layout(source, MOST_PICTURES)
    if len(set(found.classes)) > MOST_CLASSES:
        raise DatasetError(
            f"There are {len(set(found.classes)):,} classes; up to {MOST_CLASSES} can be told apart."
        )
    left_out = list(found.left_out)
    with (folder / own.PICTURES).open("wb") as file:
        rows = list(_taken(source, found, file, left_out, progress))
        file.flush()
        os.fsync(file.fileno())
    rows.sort(key=lambda row: (row.class_name, row.hash, row.name))
    together = [source.burst_of(row.name) for row in rows] if isinstance(source, Bursts) else None
    groups = own_alike.groups(_stacked(rows, "thumbnail", 192), _stacked(rows, "hash", 32), together)
    rows, groups = _without_small_classes(rows, groups, left_out)
    class_names = sorted({row.class_name for row in rows})
    if len(class_names) < 2:
        raise DatasetError(_nothing_left(class_names, left_out))
    _write(folder, rows, groups, class_names, mirrors)
    return left_out, _notes(found, rows, groups)


def _write(folder: Path, rows: list[_Row], groups: Ints, class_names: list[str], mirrors: bool) -> None:
    """Draw the test set, and write what is known of the dataset and of each picture."""
    labels = np.array([class_names.index(row.class_name) for row in rows], np.int64)
    hashes = _stacked(rows, "hash", 32)
    digest = own.digest(class_names, labels, hashes)
    test = np.zeros(len(rows), bool)
    size, seed = round(len(rows) * TEST_SHARE), int(digest[:8], 16)
    test[draw_groups(labels, groups, size, seed, left=LEAST_GROUPS - 1)] = True
    spans = np.array([row.span for row in rows], np.int64)
    names = np.array([row.name[-200:].encode(errors="replace").decode() for row in rows])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **own.Index(spans, labels, test, groups, hashes, names)._asdict())
    write_whole(folder / own.INDEX, buffer.getvalue())
    parts, classes = {"train": ~test, "test": test}, len(class_names)
    _, of_test = own.digests(class_names, labels, hashes, test)
    about = {
        "dataset": {
            "digest": digest,
            "test_digest": of_test,
            "mirrors": mirrors,
            "class_names": class_names,
        },
        "counts": {part: np.bincount(labels[of], minlength=classes).tolist() for part, of in parts.items()},
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    write_whole(folder / own.ABOUT, json.dumps(about, indent=2, ensure_ascii=False) + "\n")


def _taken(
    source: Source, found: Layout, file: BinaryIO, left_out: list[LeftOut], progress: Progress | None
) -> Iterator[_Row]:
    """Append what is made of each picture to a file, and say where; add what is refused to `left_out`."""
    total, read = len(found.pictures), 0
    most = None if isinstance(source, Folder | Bursts) else _UNPACKED_BYTES + _UNPACKED_TIMES * _size(source)
    looked_at = zip(found.pictures, found.classes, source.read(found.pictures), strict=True)
    for done, ((name, *_), class_name, content) in enumerate(looked_at, start=1):
        if progress and (done % 50 == 0 or done == total):
            progress(done, total)
        if isinstance(content, ImageError):
            left_out.append(LeftOut(name, str(content)))
            continue
        read += len(content)
        if most and read > most:
            raise DatasetError(
                f"The archive unpacks to more than {formats.size_in_bytes(most)}, which pictures do not: "
                "nothing was taken from it."
            )
        try:
            picture = images.square(images.read(content))
        except ImageError as error:
            left_out.append(LeftOut(name, str(error)))
            continue
        if picture.width > own.SIDE:
            picture = Image.fromarray(images.to_array(picture, side=own.SIDE))
        kept, start = _encoded(picture), file.tell()
        file.write(kept)
        yield _Row(
            (start, start + len(kept)),
            class_name,
            hashlib.sha256(kept).digest(),
            own_alike.thumbnail(picture),
            name,
        )


def _size(source: Source) -> int:
    paths = source.paths if isinstance(source, ParquetFiles) else [source.path]
    return sum(path.stat().st_size for path in paths)


def _encoded(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    if picture.width <= _LOSSLESS_SIDE:
        picture.save(file, "PNG")
    else:
        picture.save(file, "JPEG", quality=_QUALITY, subsampling="4:4:4")
    return file.getvalue()


def _stacked(rows: list[_Row], what: str, width: int) -> np.ndarray:
    """Return what all rows have of a kind as uint8 [N, width]."""
    found = b"".join(bytes(getattr(row, what)) for row in rows)
    return np.frombuffer(found, np.uint8).reshape(-1, width)


def _without_small_classes(
    rows: list[_Row], groups: Ints, left_out: list[LeftOut]
) -> tuple[list[_Row], Ints]:
    """Leave out classes of which too few pictures differ, and number the groups of the others anew."""
    differ = Counter(
        name for name, _ in {(row.class_name, group) for row, group in zip(rows, groups, strict=True)}
    )
    small = np.array([differ[row.class_name] < LEAST_GROUPS for row in rows], bool)
    for row, out in zip(rows, small, strict=True):
        if out:
            reason = f"A class needs {LEAST_GROUPS} pictures that differ, and “{row.class_name}” has "
            left_out.append(LeftOut(row.name, f"{reason}{differ[row.class_name]}."))
    kept = np.flatnonzero(~small)
    return [rows[place] for place in kept], np.unique(groups[kept], return_inverse=True)[1].astype(np.int64)


def _nothing_left(class_names: list[str], left_out: list[LeftOut]) -> str:
    """Say why there is no dataset: what most pictures were left out for."""
    [(reason, count), *_] = Counter(item.reason for item in left_out).most_common(1) or [("", 0)]
    found = f"only “{class_names[0]}” is left" if class_names else "nothing is left"
    why = f"; {count:,} were left out: {reason[:1].lower()}{reason[1:].rstrip('.')}" if reason else ""
    return f"A dataset needs two classes or more, and {found}{why}."


def _notes(found: Layout, rows: list[_Row], groups: Ints) -> list[str]:
    """Say what was put together, and how many pictures look alike."""
    notes = []
    if found.joined:
        notes.append(f"What lay in {', '.join(found.joined)} was put together; it is parted anew.")
    classes: dict[int, set[str]] = {}
    for row, group in zip(rows, groups, strict=True):
        classes.setdefault(int(group), set()).add(row.class_name)
    sizes = np.bincount(groups)
    if alike := int(sizes[sizes > 1].sum()):
        notes.append(
            f"{alike:,} pictures look like another one; such stay together, in training or in the test."
        )
    if across := sum(int(sizes[group]) for group, names in classes.items() if len(names) > 1):
        notes.append(f"{across:,} of them look like one of another class: look whether their class is right.")
    return notes
