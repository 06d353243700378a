"""The process that downloads CIFAR-10: `python -m cifar_core.datasets.download_job`.

`cifar_core.runs.downloads` starts it, detached, so that neither a closed tab nor the end of the server ends
it. It tells how far it is in a file, and what has come stays, however it ends.
"""

import os
import signal
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace

import psutil

from cifar_core.datasets import download_status
from cifar_core.datasets.download import DownloadError, download_cifar10
from cifar_core.datasets.download_status import DownloadStatus
from cifar_core.errors import DatasetError

_BEAT_SECONDS = 0.5
_RATE_SECONDS = 5.0  # over which the speed is averaged


class _Reporter:
    """Keeps the status and writes it twice a second, whatever the download is busy with."""

    def __init__(self) -> None:
        pid = os.getpid()
        self._status = DownloadStatus("running", pid=pid, pid_started=psutil.Process(pid).create_time())
        self._recent: deque[tuple[float, int]] = deque()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._write()
        self._thread.start()

    def progress(self, done: int, total: int) -> None:
        self._status = replace(self._status, done=done, total=total)

    def phase(self, phase: str, source: str) -> None:
        self._recent.clear()
        self._status = replace(self._status, phase=phase, source=source)

    def end(self, **facts: object) -> None:
        self._over.set()
        self._thread.join()
        self._status = replace(self._status, bytes_per_second=0.0, eta_seconds=None, **facts)  # type: ignore[arg-type]
        self._write()

    def _beat(self) -> None:
        while not self._over.wait(_BEAT_SECONDS):
            self._measure()
            with suppress(OSError):  # a full disk is the download's to report
                self._write()

    def _measure(self) -> None:
        now, done = time.monotonic(), self._status.done
        self._recent.append((now, done))
        while self._recent[0][0] < now - _RATE_SECONDS:
            self._recent.popleft()
        since, before = self._recent[0]
        rate = max(done - before, 0) / (now - since) if now > since else 0.0
        left = self._status.total - done
        self._status = replace(
            self._status, bytes_per_second=rate, eta_seconds=left / rate if rate and left >= 0 else None
        )

    def _write(self) -> None:
        download_status.write(replace(self._status, updated=time.time()))


def main() -> int:
    """Download CIFAR-10 and say how it went; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reporter = _Reporter()
    try:
        download_cifar10(reporter.progress, reporter.phase)
    except KeyboardInterrupt:
        reporter.end(state="stopped")
        return 130
    except DatasetError as error:
        advice = error.advice if isinstance(error, DownloadError) else ""
        reporter.end(state="failed", error=str(error), advice=advice)
        return 1
    except BaseException as error:
        reporter.end(state="failed", error=f"The download failed unexpectedly ({type(error).__name__}).")
        raise
    reporter.end(state="finished")
    return 0


if __name__ == "__main__":
    sys.exit(main())
