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
from cifar_core.datasets.download import download_cifar10
from cifar_core.datasets.download_status import DownloadStatus, State
from cifar_core.datasets.transfer import DownloadError
from cifar_core.errors import DatasetError

_BEAT_SECONDS = 0.5
_RATE_SECONDS = 5.0  # over which the speed is averaged


class _Reporter:
    """Writes the status twice a second, whatever the download is busy with."""

    def __init__(self) -> None:
        pid = os.getpid()
        self._first = DownloadStatus("running", pid=pid, pid_started=psutil.Process(pid).create_time())
        self._bytes = (0, 0)  # done, in all
        self._phase = ("", "")  # what it does, and the host that it asks
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        download_status.write(self._status())
        self._thread.start()

    def progress(self, done: int, total: int) -> None:
        self._bytes = (done, total)

    def phase(self, phase: str, source: str) -> None:
        self._phase = (phase, source)

    def end(self, state: State, error: str = "", advice: str = "") -> None:
        self._over.set()
        self._thread.join()
        download_status.write(replace(self._status(), state=state, error=error, advice=advice))

    def _status(self) -> DownloadStatus:
        (done, total), (phase, source) = self._bytes, self._phase
        return replace(self._first, phase=phase, source=source, done=done, total=total, updated=time.time())

    def _beat(self) -> None:
        recent: deque[tuple[float, int]] = deque()  # when, and how much there was
        phase = self._phase
        while not self._over.wait(_BEAT_SECONDS):
            status = self._status()
            if phase != self._phase or (recent and status.done < recent[-1][1]):
                phase = self._phase
                recent.clear()
            recent.append((time.monotonic(), status.done))
            while recent[0][0] < recent[-1][0] - _RATE_SECONDS:
                recent.popleft()
            (began, before), (now, done) = recent[0], recent[-1]
            rate = (done - before) / (now - began) if now > began else 0.0
            left = max(status.total - done, 0) / rate if rate else None
            with suppress(OSError):  # a full disk is the download's to report
                download_status.write(replace(status, bytes_per_second=rate, eta_seconds=left))


def main() -> int:
    """Download CIFAR-10 and say how it went; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reporter = _Reporter()
    try:
        download_cifar10(reporter.progress, reporter.phase)
    except KeyboardInterrupt:
        reporter.end("stopped")
        return 130
    except DatasetError as error:
        advice = error.advice if isinstance(error, DownloadError) else ""
        reporter.end("failed", str(error), advice)
        return 1
    except BaseException as error:
        reporter.end("failed", f"The download failed unexpectedly ({type(error).__name__}).")
        raise
    reporter.end("finished")
    return 0


if __name__ == "__main__":
    sys.exit(main())
