"""The cache that CIFAR-10 is kept in: one writer at a time, and nothing enters it that was not verified."""

import contextlib
import errno
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch
from cifar_core.errors import DatasetError
from cifar_core.files import scratch_folder
from cifar_core.formats import size_in_bytes

NEEDED_BYTES = 400_000_000  # the archive, 170 MB, and what comes out of it, 186 MB, side by side
_MOST_BYTES = 40_000_000  # of a batch; each has 31 MB


@contextlib.contextmanager
def writing(
    what: str = "CIFAR-10", needed: int = NEEDED_BYTES, lock: str = "download.lock", *, wait: bool = True
) -> Iterator[None]:
    """Hold a lock of the cache, which is made; a disk that cannot be written becomes a DatasetError.

    The operating system releases the lock when its holder dies. Who does not `wait` gets a DatasetError. It
    says `what` could not be saved, and how many bytes are `needed`.
    """
    cache = paths.cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / lock, timeout=-1 if wait else 0):
            yield
    except Timeout:
        raise DatasetError(
            f"{what} is being downloaded or taken in just now: wait until that is done, or stop it."
        ) from None
    except OSError as error:
        advice = f"{cache} cannot be written ({error.strerror or error}): make it writable"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = f"the disk of {cache} is full: free {size_in_bytes(needed)}"
        raise DatasetError(f"{what} could not be saved, {advice} and try again.") from error


def partial() -> Path:
    """Return the folder of what has come of a download so far; it need not exist."""
    return paths.cache() / "download"


def check_space() -> None:
    """Raise the OSError of a full disk unless there is room for what is still to come."""
    arrived = sum(file.stat().st_size for file in partial().glob("*") if file.is_file())
    if shutil.disk_usage(paths.cache()).free + arrived < NEEDED_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def take_archive(file: BinaryIO) -> Path:
    """Take the six batches out of a tar archive, compressed or not; no other member is touched.

    DatasetError if it is damaged or one of them is missing or not the official one.
    """
    wanted = {f"{cifar10.FOLDER}/{name}" for name in cifar10.BATCH_MD5}
    with scratch_folder(paths.cache() / "unpacked") as scratch:
        try:
            with tarfile.open(fileobj=file, mode="r:*") as tar:
                # In the archive's order: to seek back in a gzip stream means to decompress it again.
                for member in tar:
                    name = member.name.removeprefix("./")
                    # Read, not extracted: no links, no permissions, and Python 3.11.3 cannot filter them yet.
                    if name not in wanted or not member.isfile() or member.size > _MOST_BYTES:
                        continue
                    if content := tar.extractfile(member):
                        with (scratch / Path(name).name).open("wb") as target:
                            shutil.copyfileobj(content, target)
            cifar10.verify(scratch)
        except (tarfile.TarError, BadGzipFile, EOFError, zlib.error, lzma.LZMAError, DatasetError) as error:
            raise DatasetError(
                "This is no archive that holds the six official batches, whole: nothing was taken from it."
            ) from error
        return _keep(scratch, cifar10.cached()[0], list(cifar10.BATCH_MD5))


def take_batches(folder: Path) -> Path:
    """Copy the six batches from a folder; DatasetError if one is missing or not the official one."""
    cifar10.verify(folder)
    with scratch_folder(paths.cache() / "unpacked") as scratch:
        for name in cifar10.BATCH_MD5:
            shutil.copyfile(folder / name, scratch / name)
        cifar10.verify(scratch)  # what was copied, should the other have changed
        return _keep(scratch, cifar10.cached()[0], list(cifar10.BATCH_MD5))


def take_arrays(parts: dict[str, Batch]) -> Path:
    """Save the training and the test set, in the official order; DatasetError if a pixel or label differs."""
    with scratch_folder(paths.cache() / "unpacked") as scratch:
        for part, batch in parts.items():
            if cifar10.content_sha256(batch) != cifar10.CONTENT_SHA256[part]:
                raise DatasetError("These pictures are not those of CIFAR-10: their hash differs.")
            labels = batch.labels.astype(np.uint8)
            np.savez(scratch / f"{part}.npz", images=batch.images, labels=labels)
        return _keep(scratch, cifar10.cached()[1], [f"{part}.npz" for part in parts])


def _keep(scratch: Path, folder: Path, names: list[str]) -> Path:
    if folder.is_symlink():
        folder.unlink()  # the link is ours, what it leads to is not
    folder.mkdir(exist_ok=True)
    # File by file: each is whole and verified, and `cifar10.find` wants all of them.
    for name in names:
        (scratch / name).replace(folder / name)
    for other in {partial(), *cifar10.cached()} - {folder}:
        shutil.rmtree(other, ignore_errors=True)
    return folder
