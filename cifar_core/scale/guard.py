"""Ends what a command has started once the command is gone, also where it was killed and could not.

    python -m cifar_core.scale.guard

A process of its own. It is told of others on standard input, which ends with the command that holds it.
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
    """See to it that what this process has started by now is ended with it, or with the `with`."""
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
