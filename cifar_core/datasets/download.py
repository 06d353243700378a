"""CIFAR-10 from its official address into the user's cache.

The archive is unpacked only after it had the official md5, and what came out of it kept only after that had.
"""

import errno
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from gzip import BadGzipFile
from pathlib import Path

import pooch
import requests
from filelock import FileLock

from cifar_core import paths
from cifar_core.datasets import cifar10
from cifar_core.errors import DatasetError

ARCHIVE_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
NEEDED_BYTES = 400_000_000  # the archive, 170 MB, and what comes out of it, 186 MB, side by side
TIMEOUT_SECONDS = 30


def download_cifar10(progress: Callable[[int, int], None] | None = None) -> Path:
    """Download the official archive into the user's cache, unless the batches are there and whole.

    Safe to call from several processes: the first one downloads, the others wait and find the result.

    Parameters
    ----------
    progress : callable, optional
        Called with (bytes done, bytes in all); the second is 0 if the server does not tell.

    Raises
    ------
    DatasetError
        No network, a server error, a damaged archive, a full disk or a folder that cannot be written.
    """
    cache = paths.cache()
    folder, scratch = cache / cifar10.FOLDER, cache / "download"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / "download.lock"):
            with suppress(DatasetError):
                cifar10.verify(folder)
                return folder
            # The lock makes the fixed name ours, so that what a killed download left goes now.
            shutil.rmtree(scratch, ignore_errors=True)
            if shutil.disk_usage(cache).free < NEEDED_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            try:
                unpacked = _unpack(_fetch(scratch, progress))
                folder.mkdir(exist_ok=True)
                # File by file: each is whole and verified, and `dataset.find` wants all six.
                for name in cifar10.BATCH_MD5:
                    (unpacked / name).replace(folder / name)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        advice = f"{cache} cannot be written ({error.strerror or error}): make it writable"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = f"the disk of {cache} is full: free {NEEDED_BYTES // 10**6} MB"
        raise DatasetError(
            f"CIFAR-10 could not be saved, {advice} and run {cifar10.COMMAND} again."
        ) from error
    return folder


class _Progress:
    """What pooch expects of a progress bar, reduced to one function."""

    done = total = 0

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self.report = report

    def update(self, count: int) -> None:
        self.done += count
        # pooch counts the last chunk as a full one, and at the end everything once more.
        self.report(min(self.done, self.total) if self.total else self.done, self.total)

    def close(self) -> None: ...

    reset = close


def _fetch(scratch: Path, progress: Callable[[int, int], None] | None) -> Path:
    """Download the archive into `scratch` and return its path if it is the official one."""
    pooch.get_logger().setLevel("WARNING")  # it announces each download on stderr
    downloader = pooch.HTTPDownloader(
        progressbar=_Progress(progress) if progress else False, chunk_size=2**16, timeout=TIMEOUT_SECONDS
    )
    try:
        return Path(
            pooch.retrieve(ARCHIVE_URL, f"md5:{ARCHIVE_MD5}", "archive.tar.gz", scratch, None, downloader)
        )
    except requests.RequestException as error:
        reason = "no connection or no answer in time"
        if error.response is not None:
            error.response.close()  # pooch does not
            reason = f"the server answered {error.response.status_code}"
        raise DatasetError(
            f"CIFAR-10 could not be downloaded from {ARCHIVE_URL}, {reason}: check the network and "
            f"run {cifar10.COMMAND} again, or {cifar10.OWN_COPY}."
        ) from error
    except ValueError as error:
        raise DatasetError(
            f"What {ARCHIVE_URL} sent is not the official archive (its md5 differs) and was deleted: "
            f"run {cifar10.COMMAND} again, perhaps from another network."
        ) from error


def _unpack(archive: Path) -> Path:
    """Unpack the six batches beside the archive and verify them; no other member is touched."""
    wanted = {f"{cifar10.FOLDER}/{name}" for name in cifar10.BATCH_MD5}
    (archive.parent / cifar10.FOLDER).mkdir()
    try:
        with tarfile.open(archive, "r:gz") as tar:
            # In the archive's order: to seek back in a gzip stream means to decompress it again.
            for member in tar:
                # Read, not extracted: no links, no permissions, and Python 3.11.3 cannot filter them yet.
                if member.name in wanted and member.isfile() and (content := tar.extractfile(member)):
                    with (archive.parent / member.name).open("wb") as file:
                        shutil.copyfileobj(content, file)
        cifar10.verify(archive.parent / cifar10.FOLDER)
    except (tarfile.TarError, BadGzipFile, EOFError, zlib.error, DatasetError) as error:
        raise DatasetError(
            f"The archive from {ARCHIVE_URL} does not hold the six official batches, whole, and was deleted: "
            f"run {cifar10.COMMAND} again."
        ) from error
    return archive.parent / cifar10.FOLDER
