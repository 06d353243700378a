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
from cifar_core.errors import DatasetError
from cifar_core.images import SUFFIXES
from cifar_core.sources.source import ParquetFile, Source

LONGEST_CLASS = 64  # letters
LONGEST_NAME = 255  # bytes, as of most file systems
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}
_OF_SYSTEMS = {"__macosx", "thumbs.db", "desktop.ini"}  # what file managers leave behind
_PICTURES = {f".{suffix}" for suffix in (*SUFFIXES, "heic", "avif")}
_LABELS = ("label", "labels", "class", "category", "target")  # columns, unless the schema names one

Way = tuple[str, ...]  # the folders that a picture lies in, from the outermost


class LeftOut(NamedTuple):
    """A picture that is not taken, by its name in the source, and why: a sentence."""

    name: str
    reason: str


class Layout(NamedTuple):
    """The class of each picture, by its name in the source; what has none; what was put together."""

    classes: dict[str, str]
    left_out: list[LeftOut]
    joined: tuple[str, ...] = ()


def layout(source: Source, most: int) -> Layout:
    """Find out the class of each picture of a source.

    Raises
    ------
    DatasetError
        There are more than `most` of them, or the folders, or columns, are no classes.
    SourceError
        The source is damaged.
    """
    if isinstance(source, ParquetFile):
        return _by_label(source, most)
    names = source.names()
    if not names:
        raise DatasetError("There are no pictures; they lie in folders whose names are the classes.")
    _refuse_if_many(len(names), most)
    return by_folder(names)


def by_folder(names: Sequence[str]) -> Layout:
    """Find the classes of pictures in their paths; DatasetError if the folders are no classes."""
    ways: dict[str, Way] = {}
    left_out = []
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if any(part.lower() in _OF_SYSTEMS or (part[0] == "." and part != "..") for part in parts):
            continue
        if fault := _fault_of_path(parts):
            left_out.append(LeftOut(name, fault))
        else:
            ways[name] = parts[:-1]
    if left_out and not ways:
        return Layout({}, left_out)
    # What is called a picture says where the classes are, and not a list of labels beside them.
    called = [way for name, way in ways.items() if PurePosixPath(name).suffix.lower() in _PICTURES]
    around, depth = _level(called or list(ways.values()))
    classes = {}
    for name, way in ways.items():
        if len(way) != depth or way[:-1] not in around:
            left_out.append(LeftOut(name, "It lies in no folder of a class."))
        elif fault := fault_of_class(class_name := tidy(way[-1])):
            left_out.append(LeftOut(name, fault))
        else:
            classes[name] = class_name
    return Layout(
        classes, left_out, tuple(sorted("/".join(way) for way in around)) if len(around) > 1 else ()
    )


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
    depth = min(Counter(map(len, ways)).items(), key=lambda found: (-found[1], found[0]), default=(0, 0))[0]
    if not depth:
        raise DatasetError(
            "The pictures lie in no folders: put those of each class into a folder with its name."
        )
    level = {way for way in ways if len(way) == depth}
    for outer in range(depth - 1):
        found = {way[outer] for way in level}
        if len(found) > 1 and not _are_parts(found):
            one, other = sorted("/".join(way) for way in level)[:: len(level) - 1][:2]
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


def _by_label(source: ParquetFile, most: int) -> Layout:
    """Find the classes of the rows in a column of labels, named as the schema says."""
    from pyarrow import parquet

    try:
        metadata = parquet.read_metadata(source.path)
        _refuse_if_many(metadata.num_rows, most)
        schema = parquet.read_schema(source.path)
        column, names = _label_column(schema.metadata or {}, schema.names)
        labels = parquet.read_table(source.path, columns=[column])[column].to_pylist()
    except (OSError, ValueError) as error:  # as every error of pyarrow is
        raise DatasetError(f"{source.path} is damaged ({str(error).splitlines()[0]}).") from error
    classes, left_out = {}, []
    for name, label in zip(source.names(), labels, strict=True):
        class_name = _class_of(label, names)
        fault = "Its row has no label." if class_name is None else fault_of_class(class_name)
        if class_name is None or fault:
            left_out.append(LeftOut(name, fault or ""))
        else:
            classes[name] = class_name
    return Layout(classes, left_out)


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
    raise DatasetError(f"The Parquet file has no column of labels; call it “{_LABELS[0]}”.")


def _class_of(label: Any, names: Sequence[str] | None) -> str | None:
    if isinstance(label, str):
        return tidy(label)
    if not isinstance(label, int) or label < 0:
        return None
    if names is None:
        return str(int(label))
    return tidy(names[label]) if label < len(names) else None


def _refuse_if_many(files: int, most: int) -> None:
    if files > most:
        raise DatasetError(
            f"{files:,} files are too many: a dataset of your own holds up to {most:,} pictures."
        )
