"""Two processes that want the same file at once."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.model_directories import LONG
from tests.servers import FileServer

ROOT = Path(__file__).parents[2]


def printed_by_the_second(code: str, facts: object, first: Callable[[], object], server: FileServer) -> str:
    """Let `first` hang in a download, see a second process wait for it, and return what that printed.

    The code of the second finds the facts as JSON in its first argument and prints `ready` before it asks.
    """
    server.released.clear()
    thread = threading.Thread(target=first)
    thread.start()
    assert server.requested.wait(LONG)
    command = [sys.executable, "-c", code, json.dumps(facts)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout
        assert second.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.7)
        assert len(server.requests) == 1
        server.released.set()
        thread.join()
        printed = second.stdout.read().strip()
    assert second.returncode == 0
    return printed
