"""Start, follow and stop the download of CIFAR-10: a process of its own, one at a time on a machine."""

import time
from dataclasses import replace

import filelock
import psutil

from cifar_core import paths
from cifar_core.datasets import download_status
from cifar_core.datasets.download_status import DownloadStatus
from cifar_core.errors import DatasetError
from cifar_core.runs import processes

_START_SECONDS = 60.0  # until the process must have said that it lives; a fraction of one, usually
_STOP_SECONDS = 5.0  # until it must have ended by itself


def status() -> DownloadStatus:
    """Return how far the download is; `interrupted` if its process has ended without a word."""
    found = download_status.read()
    if found.active and _process(found) is None:
        found = download_status.read()  # it may have ended in between, with a word
        if found.active:
            return replace(found, state="interrupted", bytes_per_second=0.0, eta_seconds=None)
    return found


def start() -> DownloadStatus:
    """Let CIFAR-10 be downloaded, unless it is under way already; return the status either way.

    What an earlier one has brought is not asked for again.

    Raises
    ------
    DatasetError
        The process does not start, or the cache cannot be written.
    """
    cache = paths.cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(cache / "start.lock", timeout=_START_SECONDS):
            now = status()
            return now if now.active else _launch(now)
    except filelock.Timeout:
        raise DatasetError("The download is just being started; look again in a minute.") from None
    except OSError as error:
        raise DatasetError(
            f"CIFAR-10 cannot be saved, {cache} cannot be written ({error.strerror or error})."
        ) from error


def cancel() -> DownloadStatus:
    """Stop the download, if one is under way; what came stays, and `start` goes on from there.

    Raises
    ------
    DatasetError
        The process is somebody else's, or its disk does not answer.
    """
    if process := _process(status()):
        try:
            gone = processes.end(process, _STOP_SECONDS)
        except psutil.AccessDenied:
            raise DatasetError("The download is somebody else's: it cannot be stopped from here.") from None
        if not gone:
            raise DatasetError("The download waits for its disk: it cannot be stopped until that answers.")
    return status()


def _process(found: DownloadStatus) -> psutil.Process | None:
    return processes.find(found.pid, found.pid_started) if found.active else None


def _launch(before: DownloadStatus) -> DownloadStatus:
    with download_status.log_path().open("wb") as log:
        worker = processes.launch(log, "cifar_core.datasets.download_job")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        ended = worker.poll() is not None  # asked first, so that its last words are not missed
        now = status()
        if now.updated != before.updated:
            return now
        if ended:
            break
        time.sleep(0.02)
    else:
        worker.kill()
    words = processes.last_words(download_status.log_path().read_bytes())
    raise DatasetError(f"The download did not start: {words}")
