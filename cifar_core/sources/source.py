"""Where many pictures come from: a folder, an archive or a Parquet file, each picture under a name.

A source says the names first and gives the bytes later, on another machine perhaps, which must see the same
path. Archives are hostile until read: nothing is unpacked to disk, and a member is read no further than a
picture may be long.
"""

import bisect
import contextlib
import itertools
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cifar_core.errors import ImageError, SourceError
from cifar_core.images import MAX_BYTES

BATCH = 256  # rows of a Parquet file that are in memory at once

T = TypeVar("T")


class Source(Protocol):
    """Pictures by name."""

    def names(self) -> list[str]:
        """Return the name of every picture, each once."""

    def read(self, names: Sequence[str]) -> Iterator[bytes | ImageError]:
        """Yield the content of each, or why there is none; at most a byte more than a picture may have."""


def open_source(path: Path, column: str | None = None) -> Source:
    """Return the pictures at a path.

    Parameters
    ----------
    path
        A folder, whose files count at any depth but for hidden ones; a ZIP or tar archive; a Parquet file.
    column
        Of a Parquet file: holds picture files as bytes, or as Hugging Face's {bytes, path}; by default the
        first that does.

    Raises
    ------
    SourceError
        There is nothing of the kind.
    """
    if path.is_dir():
        return Folder(path)
    if not path.is_file():
        raise SourceError(f"There is no folder or file {path}; check its name.")
    if zipfile.is_zipfile(path):
        return ZipArchive(path)
    if tarfile.is_tarfile(path):
        return TarArchive(path)
    if path.suffix == ".parquet":
        return ParquetFile(path, column)
    raise SourceError(f"{path} is neither a folder, a ZIP or tar archive, nor a Parquet file.")


class Folder:
    """The files of a folder, named by their path in it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def names(self) -> list[str]:
        """Return the files' paths, hidden ones left out."""
        found = (file.relative_to(self.path) for file in self.path.rglob("*") if file.is_file())
        return sorted(str(file) for file in found if not any(part.startswith(".") for part in file.parts))

    def read(self, names: Sequence[str]) -> Iterator[bytes | ImageError]:
        """Yield the content of files."""
        for name in names:
            try:
                with (self.path / name).open("rb") as file:
                    yield file.read(MAX_BYTES + 1)
            except OSError as error:
                yield ImageError(f"This file cannot be read: {error.strerror or error}.")


class ZipArchive:
    """The files of a ZIP archive."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def names(self) -> list[str]:
        """Return the members' names; one that comes twice gets its number behind it."""
        return list(self._members())

    def read(self, names: Sequence[str]) -> Iterator[bytes | ImageError]:
        """Yield the content of members."""
        members = self._members()
        with zipfile.ZipFile(self.path) as archive:
            for name in names:
                try:
                    with archive.open(members[name]) as file:
                        yield file.read(MAX_BYTES + 1)
                except Exception as error:  # a damaged or encrypted member raises in many ways
                    yield ImageError(f"This member of the archive cannot be read: {error}.")

    def _members(self) -> dict[str, zipfile.ZipInfo]:
        with _whole(self.path), zipfile.ZipFile(self.path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
        return dict(_distinct((member.filename, member) for member in members))


class TarArchive:
    """The regular files of a tar archive, compressed or not; links and devices do not count."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def names(self) -> list[str]:
        """Return the members' names; one that comes twice gets its number behind it."""
        with _whole(self.path), tarfile.open(self.path) as archive:
            return [name for name, _ in self._members(archive)]

    def read(self, names: Sequence[str]) -> Iterator[bytes | ImageError]:
        """Yield the content of members, in one pass from the front that ends with the last of them."""
        return _as_asked(names, self._contents(set(names)))

    def _contents(self, names: Set[str]) -> Iterator[tuple[str, bytes | ImageError]]:
        with tarfile.open(self.path) as archive:
            for name, member in self._members(archive):
                if name not in names:
                    continue
                try:
                    file = archive.extractfile(member)
                    yield name, file.read(MAX_BYTES + 1) if file else b""
                except Exception as error:
                    yield name, ImageError(f"This member of the archive cannot be read: {error}.")

    @staticmethod
    def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
        return _distinct((member.name, member) for member in archive if member.isreg())


class ParquetFile:
    """The rows of a Parquet file, named by their number, from 0."""

    def __init__(self, path: Path, column: str | None = None) -> None:
        from pyarrow import parquet

        self.path = path.resolve()
        with _whole(path):
            schema = parquet.read_schema(path)
        fitting = [field.name for field in schema if _holds_files(field.type)]
        if column is not None and column not in fitting:
            raise SourceError(f"{path} has no column “{column}” of picture files.")
        if not fitting:
            raise SourceError(f"{path} has no column of picture files (bytes, or a struct with bytes).")
        self.column = column or fitting[0]

    def names(self) -> list[str]:
        """Return the numbers of the rows, of equal length so that they sort."""
        from pyarrow import parquet

        rows = parquet.read_metadata(self.path).num_rows
        return [f"{row:0{len(str(rows))}}" for row in range(rows)]

    def read(self, names: Sequence[str]) -> Iterator[bytes | ImageError]:
        """Yield the content of rows; only the groups of rows that hold them are read, a batch at a time."""
        return _as_asked(names, self._contents({int(name): name for name in names}))

    def _contents(self, names: Mapping[int, str]) -> Iterator[tuple[str, bytes | ImageError]]:
        from pyarrow import parquet

        file = parquet.ParquetFile(self.path)
        sizes = (file.metadata.row_group(index).num_rows for index in range(file.num_row_groups))
        ends = list(itertools.accumulate(sizes))
        for group in sorted({bisect.bisect_right(ends, row) for row in names}):
            first = ends[group - 1] if group else 0
            for batch in file.iter_batches(BATCH, row_groups=[group], columns=[self.column]):
                for row in range(first, first + len(batch)):
                    if row in names:
                        yield names[row], _picture(batch[0][row - first].as_py())
                first += len(batch)


def _picture(value: Any) -> bytes | ImageError:
    content = value.get("bytes") if isinstance(value, dict) else value
    return ImageError("This row holds no picture.") if content is None else content[: MAX_BYTES + 1]


def _as_asked(
    names: Sequence[str], contents: Iterator[tuple[str, bytes | ImageError]]
) -> Iterator[bytes | ImageError]:
    """Yield contents in the order of names, each as soon as its turn has come, and take no more than that."""
    early: dict[str, bytes | ImageError] = {}
    for name in names:
        while name not in early:
            found, content = next(contents, (name, ImageError("This picture is no longer there.")))
            early[found] = content
        yield early.pop(name)


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises into a sentence."""
    try:
        yield
    except Exception as error:
        raise SourceError(f"{path} is damaged: {error}.") from error


def _holds_files(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" and _holds_files(field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _distinct(named: Iterable[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Make names that come twice differ."""
    seen: Counter[str] = Counter()
    for name, item in named:
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), item
