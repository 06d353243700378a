"""The training process: `python -m cifar_core.training.worker RUN_DIRECTORY`, started by `runs.jobs`.

It says that it lives before it loads TensorFlow, writes its status four times a second from then on, and
leaves the state `finished`, `stopped` or `failed` behind; a reader finds out `interrupted` for itself.
"""

import contextlib
import dataclasses
import errno
import os
import platform
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import filelock
import psutil

from cifar_core import access
from cifar_core.errors import CifarLabError
from cifar_core.files import remove_leftovers
from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import Status

_TOO_LONG = "It has trained for as long as this app allows at a stretch; Resume goes on."
_DISK = {errno.ENOSPC: "is full", errno.EROFS: "can only be read"}
HEARTBEAT = 0.25  # seconds: loading TensorFlow can hold all threads up for half a second and more


class Heart:
    """Keeps `status.json` current while the main thread is busy, and listens for the wish to stop."""

    def __init__(self, directory: ModelDirectory) -> None:
        self._directory = directory
        self._status = Status(
            state="starting",
            phase="loading TensorFlow",
            host=platform.node(),
            pid=os.getpid(),
            pid_started=psutil.Process().create_time(),
        )
        self._lock = threading.Lock()
        self._done = threading.Event()
        self.stop_requested = threading.Event()
        self._beat()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def report(self, **changes: Any) -> None:
        """Change fields of the status; it is written at the next beat."""
        with self._lock:
            self._status = dataclasses.replace(self._status, **changes)

    def end(self, **changes: Any) -> None:
        """Write the last status."""
        self._done.set()
        self._thread.join()
        self.report(eta_seconds=None, phase="", **changes)
        with contextlib.suppress(OSError):
            self._directory.stop_path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a reader will find out `interrupted` for itself
            try:
                self._directory.write_status(self._status)
            except OSError:  # the full disk that ended the run must not keep it from saying so
                self._directory.write_status(self._status, in_place=True)

    def _run(self) -> None:
        while not self._done.wait(HEARTBEAT):
            with contextlib.suppress(OSError):  # a full disk, say; the next beat may succeed
                if self._directory.stop_path.exists():
                    self.stop_requested.set()
                self._beat()

    def _beat(self) -> None:
        with self._lock:
            if self.stop_requested.is_set():
                self._status = dataclasses.replace(self._status, state="stopping")
            # Told anew each time: where a start time is counted from the boot, a jump of the clock moves it.
            self._status = dataclasses.replace(self._status, pid_started=psutil.Process().create_time())
            status = self._status
        self._directory.write_status(status)


def main(path: Path) -> int:
    """Train the run at `path` to its end; return the exit status."""
    try:
        # Before anything is written. A worker that was just stopped may still be leaving.
        with jobs.lock().acquire(timeout=5.0):
            return _train(ModelDirectory(path))
    except filelock.Timeout:
        print("Another run is training; stop it or wait until it is done.", file=sys.stderr)
        return 1


def _train(directory: ModelDirectory) -> int:
    remove_leftovers(directory.path)
    heart = Heart(directory)
    signal.signal(signal.SIGTERM, lambda *_: heart.stop_requested.set())
    try:
        _work(directory, heart)
    except CifarLabError as error:
        heart.end(state="failed", error=str(error))
        return 1
    except BaseException as error:
        with contextlib.suppress(OSError):  # the disk that is full is the log's as well
            traceback.print_exc()
        heart.end(state="failed", error=_sentence(error, directory.log_path))
        return 1
    return 0


def _sentence(error: BaseException, log: Path) -> str:
    for number, words in _DISK.items():
        if os.strerror(number) in str(error):  # the libraries that write files raise errors of their own
            return (
                f"The disk {words}; once it can be written to, Resume goes on from the last finished epoch."
            )
    reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
    return f"Training failed: {reason} (details in {log.name})."


def _work(directory: ModelDirectory, heart: Heart) -> None:
    limit = access.time_limit()  # it may be refused, before anything is loaded
    from cifar_core.training import export, fit, run_log  # after the first heartbeat: it takes seconds

    started = time.monotonic()

    def too_long() -> bool:
        return limit is not None and time.monotonic() - started > limit

    fit.use_all_cores()
    try:
        if heart.stop_requested.is_set():
            raise run_log.StopRequested
        model = fit.train(directory, heart.report, lambda: heart.stop_requested.is_set() or too_long())
    except run_log.StopRequested:
        heart.end(state="stopped", error=_TOO_LONG if too_long() else "")
        return
    parameters = int(model.count_params())
    directory.write_config(dataclasses.replace(directory.config(), parameters=parameters))
    heart.report(phase="saving the model", eta_seconds=None)
    export.save(model, directory)
    heart.report(phase="evaluating on the test set")
    from cifar_core.evaluation.card import evaluate  # here, so that the first step comes sooner

    card = evaluate(
        directory,
        tell=lambda accuracy: heart.report(test_accuracy=accuracy, phase="evaluating further"),
    )
    heart.report(phase="keeping what it was in between")
    export.save_snapshots(model, directory)
    heart.end(state="finished", error=card.get("warning", ""))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
