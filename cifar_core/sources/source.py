"""What a source of many pictures is, and what every kind of it decides alike.

A source first lists its pictures. Later it gives their bytes, perhaps on another machine, which must see the
same path. It is taken for hostile: nothing is unpacked to disk, and no picture is read beyond the length that
one may have.
"""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from cifar_core.errors import ImageError, SourceError
from cifar_core.images import SUFFIXES

HEAD = 32  # bytes that tell a picture from another file

_MORE = ("avif", "jpe", "jfif", "heic", "heif", "hif", "pbm", "pnm", "apng", "dib")  # refused or not
_SUFFIXES = {f".{suffix}" for suffix in [*SUFFIXES, *_MORE]}
_BEGINNINGS = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    *(b"P%d%c" % (kind, white) for kind in range(1, 7) for white in b"\n\r\t #"),
)
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")


class Picture(NamedTuple):
    """A picture of a source, found again by whoever sees the source.

    Attributes
    ----------
    name
        Its own within the source: a path in a folder or an archive, the number of a row.
    start
        Where it begins: a byte of the archive, a row of the Parquet files; 0 in a folder.
    size
        Its bytes as they are stored; 0 where that is not known.
    stamp
        Changes with the content, as far as the source knows without reading it; empty where it does not.
    """

    name: str
    start: int = 0
    size: int = 0
    stamp: str = ""


class Listing(NamedTuple):
    """What a source holds: its pictures, the names of its other files, and a note on how it was understood.

    Hidden files and what systems leave behind (`.DS_Store`, `__MACOSX`) are neither.
    """

    pictures: list[Picture]
    others: list[str]
    note: str = ""


class Source(Protocol):
    """Many pictures.

    Attributes
    ----------
    path
        Where they are.
    one_pass
        Whether pictures are quickly read only from the first to the last, in one pass.
    """

    path: Path
    one_pass: bool

    def listing(self) -> Listing:
        """Say what there is; SourceError if the source is damaged."""

    def read(self, pictures: Sequence[Picture]) -> Iterator[bytes | ImageError]:
        """Yield the content of each, at most a byte more than a picture may have, or why there is none."""

    def identity(self) -> str:
        """Return what tells this source from any other, and from itself with other files."""


def is_picture(name: str, head: bytes = b"") -> bool:
    """Whether a file is meant to be a picture, damaged or not, by its name or else by how it begins."""
    if PurePosixPath(name).suffix.lower() in _SUFFIXES or head.startswith(_BEGINNINGS):
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def is_hidden(name: str) -> bool:
    """Whether a file is none of the user's: hidden, or left behind by a system."""
    parts = PurePosixPath(name).parts
    return any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in parts)


def distinct(names: Sequence[str]) -> list[str]:
    """Return the names, all different: one that comes again gets a number, and so a name of its own."""
    given, seen = set(names), Counter[str]()
    result = []
    for name in names:
        seen[name] += 1
        own = name
        if seen[name] > 1:
            while (own := f"{name} ({seen[name]})") in given:
                seen[name] += 1
            given.add(own)
        result.append(own)
    return result


def digest(*paths: Path) -> str:
    """Return the SHA-256 of files, one after the other."""
    with readable(paths[0]):
        sums = []
        for path in paths:
            with path.open("rb") as file:
                sums.append(hashlib.file_digest(file, "sha256").digest())
    return hashlib.sha256(b"".join(sums)).hexdigest() if len(sums) > 1 else sums[0].hex()


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what a damaged file, or one that may not be read, raises into a sentence."""
    try:
        yield
    except SourceError:
        raise
    except OSError as error:
        if error.strerror:
            raise SourceError(f"{error.filename or path} cannot be read: {error.strerror}.") from error
        raise SourceError(f"{path} is damaged: {one_line(error)}; get it again.") from error
    except Exception as error:  # damage raises in many ways
        raise SourceError(f"{path} is damaged: {one_line(error)}; get it again.") from error


def one_line(error: Exception) -> str:
    """Return what an exception says, or is, in a line without its full stop."""
    return next(iter(str(error).splitlines()), "").rstrip(".") or type(error).__name__
