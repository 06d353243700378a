"""Pictures in the rows of Parquet files."""

import bisect
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cifar_core.errors import ImageError, SourceError
from cifar_core.formats import count, printable
from cifar_core.images import MAX_BYTES
from cifar_core.sources.source import HEAD, Listing, Picture, digest, is_picture, one_line, readable

_SEEN = 64  # rows that are looked at to find the column
_ROWS = 1_000_000  # that any file may have; more need at least a byte each
_LONG = 2_000  # rows of a group, which can only be read from its first
_FACTOR, _ALWAYS = 100, 1 << 28  # what a group may unpack to: so many times its size, or this


class _Group(NamedTuple):
    """Rows packed together: the file, the group's number in it, its first row of all rows, the next one's."""

    path: Path
    number: int
    first: int
    end: int
    most: int  # bytes that it may unpack to


class ParquetFiles:
    """The rows of Parquet files, named by their numbers from 0; in several files, by file and number.

    Attributes
    ----------
    column, columns
        The one with the pictures, and all that there are.

    Parameters
    ----------
    paths
        The files, of the same columns.
    column
        Which one; by default the first whose content begins as pictures do.
    folder
        What several files are named from.
    """

    def __init__(self, paths: Sequence[Path], column: str | None = None, folder: Path | None = None) -> None:
        from pyarrow import parquet

        self.paths = sorted(path.resolve() if folder is None else path for path in paths)
        self.path = folder or self.paths[0]
        with readable(self.paths[0]):
            file = parquet.ParquetFile(self.paths[0])
            self.columns: list[str] = file.schema_arrow.names
            self.column, self._leaf = _choose(self.paths[0], file, column)
        self._groups: list[_Group] = []
        for path in self.paths:
            with readable(path):
                self._groups += self._groups_of(path, self._groups[-1].end if self._groups else 0)
        self.one_pass = any(group.end - group.first > _LONG for group in self._groups)

    def listing(self) -> Listing:
        """Return the rows, their numbers of equal length so that they sort."""
        pictures: list[Picture] = []
        for path, groups in itertools.groupby(self._groups, lambda group: group.path):
            parts = list(groups)
            first, end = parts[0].first, parts[-1].end
            prefix = "" if path == self.path else f"{path.relative_to(self.path).as_posix()}/"
            digits = len(str(end - first))
            pictures += [Picture(f"{prefix}{row - first:0{digits}}", row) for row in range(first, end)]
        others = [name for name in self.columns if name != self.column]
        besides = f"; there are also {_listed(others)}" if others else ""
        return Listing(pictures, [], f"The pictures are in the column “{printable(self.column)}”{besides}.")

    def read(self, pictures: Sequence[Picture]) -> Iterator[bytes | ImageError]:
        """Yield the content of rows. Only groups that hold one of them are read, a row at a time."""
        row = end = 0  # the next row of `contents`, and where they end
        contents: Iterator[bytes | ImageError] = iter(())
        for picture in pictures:
            if not row <= picture.start < end:
                at = bisect.bisect_right(self._groups, picture.start, key=lambda group: group.first) - 1
                group = self._groups[at]
                contents, row, end = self._contents(group), group.first, group.end
            yield next(itertools.islice(contents, picture.start - row, None))
            row = picture.start + 1

    def identity(self) -> str:
        """Return the digest of the files, and the column."""
        return f"{digest(*self.paths)} {self.column}"

    def _groups_of(self, path: Path, first: int) -> Iterator[_Group]:
        """Yield the groups of a file; SourceError where they claim what the file has no room for."""
        from pyarrow import parquet

        facts = parquet.read_metadata(path)
        if facts.num_rows > max(_ROWS, path.stat().st_size):
            raise SourceError(
                f"{path} claims {count(facts.num_rows)} rows, more than it has bytes; get it again."
            )
        for number in range(facts.num_row_groups):
            group = facts.row_group(number)
            columns = [group.column(index) for index in range(group.num_columns)]
            found = next((item for item in columns if item.path_in_schema == self._leaf), None)
            if found is None:
                raise SourceError(f"{path} has no column “{printable(self.column)}”; give it alone.")
            most = max(_ALWAYS, _FACTOR * found.total_compressed_size)
            if found.total_uncompressed_size > most:
                raise SourceError(
                    f"{path} unpacks to over {count(most)} bytes; write smaller groups of rows."
                )
            yield _Group(path, number, first, first + group.num_rows, most)
            first += group.num_rows

    def _contents(self, group: _Group) -> Iterator[bytes | ImageError]:
        """Yield the rows of a group, one after the other, each as it is unpacked."""
        from pyarrow import parquet

        problem = ImageError("This row is no longer there.")
        done = unpacked = 0
        try:
            for value in _values(parquet.ParquetFile(group.path), group.number, self._leaf):
                unpacked += len(value or b"")
                if unpacked > group.most:  # a dictionary has a value once, however many rows hold it
                    raise SourceError(f"its group unpacks to over {count(group.most)} bytes")
                done += 1
                yield ImageError("This row holds no picture.") if value is None else value
        except Exception as error:  # damage raises in many ways
            problem = ImageError(f"This row cannot be read: {one_line(error)}.")
        for _ in range(group.first + done, group.end):
            yield problem


def _values(file: Any, group: int, leaf: str) -> Iterator[bytes | None]:
    """Yield the values of a column in a group, each cut off a byte past what a picture may have."""
    # A row at a time, as a batch of large ones would need its memory at once.
    for batch in file.iter_batches(1, row_groups=[group], columns=[leaf]):
        values = batch.column(0)
        if values.type.num_fields:  # of {bytes, path} only the first was read
            (values,) = values.flatten()
        value = values[0]
        yield value.as_buffer()[: MAX_BYTES + 1].to_pybytes() if value.is_valid else None


def _choose(path: Path, file: Any, column: str | None) -> tuple[str, str]:
    """Return the column that holds pictures, and the path of their bytes in the schema."""
    leaves = {field.name: leaf for field in file.schema_arrow if (leaf := _leaf(field))}
    if column is not None:
        if column not in leaves:
            fitting = f"; {_listed(list(leaves))} could be" if leaves else ""
            raise SourceError(f"{path} has no column “{printable(column)}” of picture files{fitting}.")
        return column, leaves[column]
    empty = []
    for name, leaf in leaves.items():
        heads = _heads(file, leaf)
        if any(is_picture("", head) for head in heads):
            return name, leaf
        if not heads:
            empty.append(name)
    if empty == [*leaves] and len(empty) == 1 and not _has_path(file, empty[0]):
        return empty[0], leaves[empty[0]]  # perhaps they come later
    if naming := next((name for name in empty if _has_path(file, name)), None):
        what = f"only the names of files in “{printable(naming)}”; give the folder that has them"
    else:
        what = f"no column of picture files, only {_listed(file.schema_arrow.names)}"
        what += f"; --column names one of {_listed([*leaves])}" if leaves else ""
    raise SourceError(f"{path} has {what}.")


def _leaf(field: Any) -> str | None:
    from pyarrow import types

    if types.is_struct(field.type):
        inner = next((item for item in field.type if item.name == "bytes"), None)
        return f"{field.name}.bytes" if inner is not None and _is_binary(inner.type) else None
    return field.name if _is_binary(field.type) else None


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _heads(file: Any, leaf: str) -> list[bytes]:
    """Return how the first values of a column begin."""
    groups = (group for group in range(file.num_row_groups) if file.metadata.row_group(group).num_rows)
    group = next(groups, None)
    if group is None:
        return []
    values = itertools.islice(_values(file, group, leaf), _SEEN)
    return [value[:HEAD] for value in values if value]


def _has_path(file: Any, column: str) -> bool:
    """Whether a column is Hugging Face's {bytes, path}, which may name files instead of holding them."""
    from pyarrow import types

    kind = file.schema_arrow.field(column).type
    return bool(types.is_struct(kind) and any(item.name == "path" for item in kind))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"“{printable(name)}”" for name in names[:10])
    return shown if len(names) <= 10 else f"{shown} and {count(len(names) - 10)} more"
