"""Files that others read while they are written: whole or not at all, or line by line."""

import contextlib
import errno
import math
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Set
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Written = tuple[tuple[str, int, int, int], ...]  # files as they are: path, time of writing, size, number

_LONGEST_LOG = 50_000_000  # bytes: a line a second for a week


def write_whole(path: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Write a file so that readers see the old content or the new, never a half.

    Not even after a power cut: unless `durable` is false, the file is forced to the disk before it takes the
    old one's place, and then the folder, which holds the name.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        if durable:
            force_to_disk(temporary)
        for _ in range(20):
            with contextlib.suppress(PermissionError):  # Windows, while somebody reads the old file
                temporary.replace(path)
                break
            time.sleep(0.05)
        else:
            temporary.replace(path)
        if durable:
            force_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def force_to_disk(path: Path) -> None:
    """Let a file or folder be written out of the system's memory, however long the disk takes."""
    if path.is_dir() and sys.platform == "win32":
        return  # where no folder can be opened, NTFS keeps a journal of names
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # there fsync leaves it in the disk's own memory
        else:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_over(path: Path, content: str) -> None:
    """Write over a file of text in place, in the room it has, filled up with spaces.

    The last resort on a full disk, which has no room for a second file: readers may see a mixture meanwhile.
    """
    with path.open("r+b") as file:
        file.write(content.encode().ljust(path.stat().st_size))


def remove_leftovers(folder: Path) -> None:
    """Remove what a writer that was killed left half written, in a folder that nobody writes to now."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """Make an empty folder for what is on its way to its place; it is gone afterwards.

    What a killed process left in it goes before, so it must be this process's alone.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def written(*paths: Path) -> Written:
    """Return what changes when one of these files is written, or is another; zeros for what is not there.

    So is what cannot be asked for: who reads it says better what is wrong.
    """

    def version(path: Path) -> tuple[int, int, int]:
        try:
            state = path.stat()
        except OSError:
            return 0, 0, 0
        return state.st_mtime_ns, state.st_size, state.st_ino

    return tuple((str(path), *version(path)) for path in paths)


def opened(path: Path) -> BinaryIO:
    """Open a file to read it; OSError for what is none: nobody may ever write into a named pipe."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "is no file", str(path))


def read_small(path: Path, most: int = 1_000_000) -> bytes:
    """Read a small file; OSError if it cannot be, or holds more than `most` bytes."""
    with opened(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, "is far too large", str(path))
    return content


def read_arrays(path: Path, names: Set[str] = frozenset(), most: float = math.inf) -> dict[str, np.ndarray]:
    """Read an `.npz` file.

    Raises OSError if it cannot be opened, ValueError if it is damaged, lacks `names`, or would take more than
    `most` bytes of memory.
    """
    try:
        with opened(path) as file, np.load(file, allow_pickle=False) as archive:
            if sum(member.file_size for member in archive.zip.infolist()) > most:
                raise ValueError("is far too large")
            arrays = {name: archive[name] for name in archive.files}
    except OSError:
        raise
    except Exception as error:  # BadZipFile, zlib.error, EOFError, NotImplementedError: as the damage falls
        raise ValueError(str(error)) from error
    if missing := names - arrays.keys():
        raise ValueError(f"lacks {', '.join(sorted(missing))}")
    return arrays


def read_log(path: Path, columns: list[str], most: int = _LONGEST_LOG) -> "pd.DataFrame":
    """Read a CSV file of numbers that may be growing, its first `most` bytes.

    A line counts once it ends; no file is an empty one.
    """
    import pandas as pd  # a third of a second, which a worker that starts does not have

    try:
        with opened(path) as file:
            content = file.read(most).decode(errors="replace")
    except OSError:
        content = ""
    lines = content[: content.rfind("\n") + 1].splitlines()[1:]
    rows = [row for line in lines if (row := _numbers(line, len(columns)))]
    return pd.DataFrame(rows, columns=columns, dtype=float)


def _numbers(line: str, count: int) -> list[float] | None:
    try:
        row = [float(part) for part in line.split(",")]
    except ValueError:
        return None
    return row if len(row) == count and all(map(math.isfinite, row)) else None
