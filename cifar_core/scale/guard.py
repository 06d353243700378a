"""Ends the processes that a command has started, once the command itself is gone, even if it was killed.

    python -m cifar_core.scale.guard

It is a process of its own and reads the others' pids from standard input. The command holds the other end, so
the input ends when the command does.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

import psutil

from cifar_core.runs import processes


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Have all that this process has started by now ended with the `with`, or with this process."""
    guard = subprocess.Popen(
        processes.command(__name__),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=processes.environment(),
        text=True,
        start_new_session=True,  # Ctrl-C is for the command
    )
    started = [child for child in psutil.Process().children(recursive=True) if child.pid != guard.pid]
    with guard:
        assert guard.stdin
        guard.stdin.write(json.dumps([[child.pid, child.create_time()] for child in started]) + "\n")
        guard.stdin.flush()
        yield


def main() -> None:
    """Wait for the end of standard input, then end the processes that it names."""
    named = json.loads(sys.stdin.readline() or "[]")
    sys.stdin.read()
    for pid, started in named:
        if process := processes.find(pid, started):
            with contextlib.suppress(psutil.Error):
                process.kill()


if __name__ == "__main__":
    main()
