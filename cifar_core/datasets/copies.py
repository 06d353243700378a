"""Copies of CIFAR-10's batches that other libraries have left on this machine: found without being told."""

import functools
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from cifar_core import paths

FOLDER = "cifar-10-batches-py"  # the archive's own name for it, which they keep


def find(batches: Mapping[str, str]) -> Path | None:
    """Return the first folder where every file of `batches`, name to md5, is whole; None if there is none.

    Somebody else's copy may be half a download, so it counts only when all of it has the right md5. That
    takes a third of a second, once for as long as the files stay the same.
    """
    for folder in _folders():
        try:
            stats = [(folder / name).stat() for name in batches]
        except OSError:
            continue
        stamp = tuple((stat.st_size, stat.st_mtime_ns) for stat in stats)
        if _is_whole(folder, tuple(batches.items()), stamp):
            return folder
    return None


def _folders() -> Iterator[Path]:
    """Yield where Keras and torchvision (its examples' `root`) put the batches."""
    try:
        home = Path.home()
    except RuntimeError:  # the home folder of nobody
        home = Path()
    for folder in sorted((paths.keras_home() / "datasets").glob(f"{FOLDER}*")):
        yield from (folder, folder / FOLDER)  # Keras 3 unpacks into a folder of its own
    torch = home / ".cache" / "torch"
    for root in (Path("data"), home / "data", torch, torch / "data", torch / "datasets"):
        yield root / FOLDER


@functools.lru_cache(maxsize=8)
def _is_whole(
    folder: Path, batches: tuple[tuple[str, str], ...], _stamp: tuple[tuple[int, int], ...]
) -> bool:
    try:
        return all(
            hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest() == md5
            for name, md5 in batches
        )
    except OSError:
        return False
