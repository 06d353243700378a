"""A folder of answers: what one model says of the pictures of one source, a row each in Parquet files.

The folder says whose answers it holds, so that they are not taken for another model's. One command at a time
writes into it. A file is written whole and named after its pictures; doing them again replaces it.
"""

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from cifar_core.errors import ScaleError
from cifar_core.files import write_whole
from cifar_core.formats import printable

_PARTS = "part-*.parquet"
_STAMPS = b"stamps"  # in a part: what its pictures were like


class Answers(NamedTuple):
    """Whose answers they are: names for people, and what tells one from all others."""

    model: str
    model_identity: str
    source: str
    source_identity: str


class Row(NamedTuple):
    """What is known of a picture that is done: whether it could not be read, and its stamp at that time."""

    refused: bool
    stamp: str


@dataclass(frozen=True)
class Destination:
    """A folder for answers, held by one command, which a token tells from others."""

    path: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def manifest(self) -> Path:
        """The file that says whose answers there are, and for whom they are written."""
        return self.path / "score.json"

    @contextlib.contextmanager
    def taken(self, answers: Answers) -> Iterator[None]:
        """Hold it during a `with`; ScaleError if it is in use, has others' answers, or cannot be written."""
        lock = FileLock(self.path / ".score.lock", timeout=0)
        with self.writing():
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                raise ScaleError(f"Another `score` writes into {self.path}; wait for its end.") from None
        with lock:
            self._refuse_other(answers)
            with self.writing():
                write_whole(self.manifest, json.dumps({**answers._asdict(), "token": self.token}, indent=1))
            yield

    def done(self) -> dict[str, Row]:
        """Return the pictures that have a row."""
        from pyarrow import parquet

        rows: dict[str, Row] = {}
        for file in self.path.glob(_PARTS):
            try:
                table = parquet.read_table(file, columns=["picture", "error"])
                names, errors = table["picture"].to_pylist(), table["error"].to_pylist()
                stamps = json.loads(table.schema.metadata[_STAMPS])
                for name, error, stamp in zip(names, errors, stamps, strict=True):
                    rows[name] = Row(error is not None, stamp)
            except Exception as error:
                raise ScaleError(f"{file} is not a file of ours, or damaged; take it away first.") from error
        return rows

    def write(
        self, rows: Sequence[dict[str, Any]], stamps: Sequence[str], class_names: Sequence[str]
    ) -> None:
        """Write the rows of some pictures, unless another command has the folder by now."""
        names = "\0".join(row["picture"] for row in rows)
        name = f"part-{hashlib.sha256(names.encode()).hexdigest()[:16]}.parquet"
        with self.writing():
            # Who was killed may have left workers behind, and the next one does their pictures.
            if json.loads(self.manifest.read_text())["token"] == self.token:
                write_whole(self.path / name, _parquet(rows, stamps, class_names))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what a folder or disk that cannot be written raises into a sentence."""
        try:
            yield
        except OSError as error:
            raise ScaleError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def _refuse_other(self, answers: Answers) -> None:
        if not self.manifest.exists():
            if next(self.path.glob(_PARTS), None):
                raise ScaleError(f"{self.path} does not say whose answers it holds; choose another folder.")
            return
        try:
            values = json.loads(self.manifest.read_text())
            before = Answers(*(str(values[name]) for name in Answers._fields))
        except (ValueError, KeyError, TypeError) as error:
            raise ScaleError(f"{self.manifest} is damaged; choose another folder.") from error
        for held, given, what in (
            (before.model_identity, answers.model_identity, (before.model, answers.model)),
            (before.source_identity, answers.source_identity, (before.source, answers.source)),
        ):
            if held != given:
                old, new = (f"“{printable(name)}”" for name in what)
                new = f"{new}, which has changed since" if old == new else new
                raise ScaleError(f"{self.path} holds answers of {old}; choose another folder for {new}.")


def _parquet(rows: Sequence[dict[str, Any]], stamps: Sequence[str], class_names: Sequence[str]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    number = pa.float64()
    schema = pa.schema(
        {
            "picture": pa.string(),
            "class": pa.string(),
            "confidence": number,
            "probabilities": pa.struct(dict.fromkeys(class_names, number)),
            "none_of_these": pa.bool_(),
            "error": pa.string(),
        },
        metadata={_STAMPS: json.dumps(stamps)},
    )
    buffer = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), buffer)
    return bytes(buffer.getvalue())
