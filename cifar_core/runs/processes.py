"""Python processes of our own: how they find this code, outlive their parent, and are found again."""

import contextlib
import os
import subprocess
import sys
import threading
from typing import IO, Any

import psutil

from cifar_core import paths

_FORCE_SECONDS = 5.0  # until a process that was killed must be gone


def command(module: str, *arguments: str) -> list[str]:
    """Return what starts a module. Python finds it by `environment`, not in the working directory (`-P`)."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Return this process's variables, with our code where Python looks for modules.

    The working directory can then stay as it is, which relative paths in CIFAR10_DIR and the like need.
    """
    folders = [str(paths.code_root()), os.environ.get("PYTHONPATH")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))}


def launch(log: IO[bytes], module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a module as a process that outlives this one and its terminal; what it prints goes to `log`."""
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    process = subprocess.Popen(
        command(module, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment(),
        **detached,
    )
    # Somebody must wait for a child, or it stays behind as a zombie when it ends.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def find(pid: int, started: float) -> psutil.Process | None:
    """Return the live process with this pid and this start time, or None. Systems use pids again."""
    try:
        process = psutil.Process(pid)
        # It is counted from the boot time in whole seconds, and a small change of the clock can move that.
        same = abs(process.create_time() - started) < 1.5
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError, OverflowError):  # the last two: no number that a process can have
        return None


def end(process: psutil.Process, patience: float = 0.0) -> bool:
    """End a process, by force unless it ends by itself within `patience` seconds; return whether it is gone.

    A process that waits for a disk that does not answer stays: no force reaches it.
    AccessDenied of psutil if it is somebody else's.
    """
    try:
        if patience:
            process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(patience)
        process.kill()  # a halted one, too, which a request to end does not wake
        process.wait(_FORCE_SECONDS)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        return find(process.pid, process.create_time()) is None  # who should reap it may be halted
    return True


def last_words(printed: bytes) -> str:
    """Return the last line that a process has printed, or that there is none."""
    lines = printed.decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it gave no reason.")
