"""Which class each picture of a source belongs to: by the folder it lies in, or by the label in its row.

A folder or an archive has one level of folders whose names are the classes. What is around that level, one
folder or a `train` and a `test`, is looked through; what lies elsewhere is left out, with the reason.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from cifar_core import formats
from cifar_core.errors import DatasetError, SourceError
from cifar_core.sources.parquet import ParquetFiles
from cifar_core.sources.source import Picture, Source, readable

LONGEST_CLASS = 64  # letters
LONGEST_NAME = 255  # bytes, as of most file systems
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}
_OF_SYSTEMS = {"thumbs.db", "desktop.ini"}  # what file managers leave behind, and as little to speak of
_LABELS = ("label", "labels", "class", "category", "target")  # columns, unless the schema names one

Way = tuple[str, ...]  # the folders that a picture lies in, from the outermost


class LeftOut(NamedTuple):
    """A picture that is not taken, by its name in the source, and why: a sentence."""

    name: str
    reason: str


class Layout(NamedTuple):
    """Pictures and the class of each; what has none; the parts of a dataset that were put together."""

    pictures: list[Picture]
    classes: list[str]
    left_out: list[LeftOut]
    joined: tuple[str, ...] = ()


def layout(source: Source, most: int) -> Layout:
    """Find out the class of each picture of a source.

    Raises
    ------
    DatasetError
        There are more than `most` files, or the folders, or columns, are no classes.
    SourceError
        The source is damaged.
    """
    listing = source.listing()
    files = len(listing.pictures) + len(listing.others)
    if files > most:
        raise DatasetError(
            f"{files:,} files are too many: a dataset of your own holds up to {most:,} pictures."
        )
    if isinstance(source, ParquetFiles):
        return _by_label(source, listing.pictures)
    if not listing.pictures:
        raise DatasetError("There are no pictures; they lie in folders whose names are the classes.")
    found = by_folder(listing.pictures)
    others = [name for name in listing.others if PurePosixPath(name).name.lower() not in _OF_SYSTEMS]
    return found._replace(
        left_out=[*(LeftOut(name, "This is no picture.") for name in others), *found.left_out]
    )


def by_folder(pictures: Sequence[Picture]) -> Layout:
    """Find the classes of pictures in their paths; DatasetError if the folders are no classes."""
    found = Layout([], [], [])
    ways: list[tuple[Picture, Way]] = []
    for picture in pictures:
        parts = PurePosixPath(picture.name).parts
        if fault := _fault_of_path(parts):
            found.left_out.append(LeftOut(picture.name, fault))
        else:
            ways.append((picture, parts[:-1]))
    if not ways:
        return found
    around, depth = _level([way for _, way in ways])
    for picture, way in ways:
        if len(way) != depth or way[:-1] not in around:
            found.left_out.append(LeftOut(picture.name, "It lies in no folder of a class."))
        else:
            _put(found, picture, tidy(way[-1]))
    return found._replace(joined=tuple(sorted("/".join(way) for way in around)) if len(around) > 1 else ())


def _put(found: Layout, picture: Picture, class_name: str) -> None:
    """Put a picture into a class, or leave it out if that cannot have its name."""
    if fault := fault_of_class(class_name):
        found.left_out.append(LeftOut(picture.name, fault))
    else:
        found.pictures.append(picture)
        found.classes.append(class_name)


def _fault_of_path(parts: Way) -> str | None:
    if ".." in parts or parts[0].startswith("/") or parts[0].endswith(":"):
        return "Its name leads out of the archive."
    if any(len(part.encode(errors="replace")) > LONGEST_NAME for part in parts):
        return f"Its name, or that of a folder around it, is longer than {LONGEST_NAME} bytes."
    return None


def tidy(class_name: str) -> str:
    """Return a class name as it is kept: letters with accents in one piece, as macOS has them in two."""
    return unicodedata.normalize("NFC", class_name).strip()


def fault_of_class(name: str) -> str | None:
    """Say what is wrong with the name of a class, in any script; None if nothing is."""
    if not name or formats.printable(name, most=len(name)) != name:
        return "The name of its class holds characters that nobody can see."
    if len(name) > LONGEST_CLASS:
        return f"The name of its class is longer than {LONGEST_CLASS} letters."
    return None


def _level(ways: Sequence[Way]) -> tuple[set[Way], int]:
    """Return what is around the folders of classes, and how deep they lie, from 1."""
    # Where most pictures lie; of two depths the shallower.
    depth, _ = min(Counter(map(len, ways)).items(), key=lambda found: (-found[1], found[0]))
    if not depth:
        raise DatasetError(
            "The pictures lie in no folders: put those of each class into a folder with its name."
        )
    level = {way for way in ways if len(way) == depth}
    for outer in range(depth - 1):
        found = {way[outer] for way in level}
        if len(found) > 1 and not _are_parts(found):
            one, *_, other = sorted("/".join(way) for way in level)
            raise DatasetError(
                f"Folders lie in folders here, “{_short(one)}” and “{_short(other)}”, so it is not clear "
                "which are the classes: put the pictures of each class into one folder beside the others."
            )
    if _are_parts({way[-1] for way in level}):
        raise DatasetError(
            f"“{min(way[-1] for way in level)}” is no class but a part of a dataset: put the pictures of "
            "each class into a folder with its name."
        )
    return {way[:-1] for way in level}, depth


def _are_parts(names: Iterable[str]) -> bool:
    return all(name.lower() in _PARTS for name in names)


def _short(name: str) -> str:
    return formats.printable(name, most=60)


def _by_label(source: ParquetFiles, pictures: Sequence[Picture]) -> Layout:
    """Find the classes of the rows in a column of labels, named as the schema says."""
    from pyarrow import parquet

    labels: list[Any] = []
    with readable(source.path):
        schema = parquet.read_schema(source.paths[0])
        column, names = _label_column(schema.metadata or {}, schema.names)
        for path in source.paths:
            labels += parquet.read_table(path, columns=[column])[column].to_pylist()
    found = Layout([], [], [])
    for picture, label in zip(pictures, labels, strict=True):
        if (class_name := _class_of(label, names)) is None:
            found.left_out.append(LeftOut(picture.name, "Its row has no label."))
        else:
            _put(found, picture, class_name)
    return found


def _label_column(metadata: dict[bytes, bytes], columns: Sequence[str]) -> tuple[str, list[str] | None]:
    """Return the column of labels, and the class names if Hugging Face's part of the schema has them."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        named = {name: kind["names"] for name, kind in features.items() if kind.get("_type") == "ClassLabel"}
    except (KeyError, TypeError, ValueError, AttributeError):  # there is no such part, or it is damaged
        named = {}
    for column in (*named, *_LABELS):
        if column in columns:
            names = named.get(column)
            return column, [str(name) for name in names] if isinstance(names, list) else None
    raise SourceError(f"There is no column of labels; call it “{_LABELS[0]}”.")


def _class_of(label: Any, names: Sequence[str] | None) -> str | None:
    if isinstance(label, str):
        return tidy(label)
    if not isinstance(label, int) or label < 0:
        return None
    if names is None:
        return str(int(label))
    return tidy(names[label]) if label < len(names) else None
