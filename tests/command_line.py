"""The command line as a user meets it: a process, or its `main` where seconds count, and what it leaves."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.model_directories import LONG

ROOT = Path(__file__).parent.parent
PROGRAM = [sys.executable, "-m", "cifar_core"]


class Done(NamedTuple):
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


Typed = Callable[..., Done]


def environment(runs: Path, **changes: str | None) -> dict[str, str]:
    """The environment of a command whose runs are in `runs`; None unsets a variable."""
    values = {**os.environ, "PYTHONPATH": str(ROOT), "CIFAR_LAB_RUNS": str(runs), **changes}
    return {name: value for name, value in values.items() if value is not None}


def call(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *arguments]
    return subprocess.run(
        command, env=env, cwd=cwd, check=False, capture_output=True, text=True, timeout=LONG
    )


def answer(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Return what a command prints, if it succeeds and has nothing to complain about."""
    done = call(*arguments, env=env, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def error(*arguments: str, env: Mapping[str, str] | None = None, stdout: str = "") -> str:
    """Return the one line with which a command fails."""
    done = call(*arguments, env=env)
    assert (done.returncode, done.stdout) == (1, stdout)
    assert re.fullmatch(r"Error: .+\.\n", done.stderr), done.stderr
    return done.stderr
