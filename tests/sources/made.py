"""The same pictures as a folder, in archives and in a Parquet file."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from cifar_core.sources.source import Source

PNG = b"\x89PNG\r\n\x1a\n"
FILES = {"a.png": PNG + b"first", "below/b.png": b"second", "below/without a suffix": PNG}
OTHERS = {"metadata.csv": b"a,b", "below/00.cls": b"3", "Thumbs.db": b"\xd0\xcf", "README": b"words"}
LEFT_BEHIND = {
    ".hidden.png": PNG,
    "__MACOSX/._a.png": b"\0\5\x16\7",
    "below/._b.png": b"\0",
    ".DS_Store": b"\0",
}
EVERYTHING = {**FILES, **OTHERS, **LEFT_BEHIND}


def folder(path: Path, files: Mapping[str, bytes] = EVERYTHING) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def zipped(path: Path, files: Mapping[str, bytes] = EVERYTHING, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir("below")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: Mapping[str, bytes] = EVERYTHING, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # a mode as text
        for name, content in files.items():
            archive.addfile(member(name, len(content)), io.BytesIO(content))
    return path


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, to
    return info


def tabled(path: Path, contents: list[bytes], group: int = 100) -> Path:
    parquet.write_table(pa.table({"image": pa.array(contents, pa.binary())}), path, row_group_size=group)
    return path


def names(source: Source) -> list[str]:
    return [picture.name for picture in source.listing().pictures]


def contents(source: Source) -> dict[str, object]:
    """Every picture's content by its name."""
    pictures = source.listing().pictures
    found = [*source.read(pictures)]
    return {picture.name: content for picture, content in zip(pictures, found, strict=True)}
