"""What a run says of itself in `status.json`, and how much of it a reader can believe.

A process counts as the run's worker only if both its pid and its start time match, because operating systems
use pids again. A worker on another machine, in a folder that both share, is taken at its word for as long as
it goes on writing.
"""

import platform
import time
from dataclasses import dataclass, replace
from typing import Literal

from cifar_core.runs import processes
from cifar_core.runs.schemas import Amount, Count, Text

State = Literal["starting", "running", "stopping", "finished", "stopped", "failed", "interrupted"]
ACTIVE: frozenset[State] = frozenset({"starting", "running", "stopping"})
RESUMABLE: frozenset[State] = frozenset({"stopped", "failed", "interrupted"})

_LOST = (
    "Its process ended without a word: it was killed, memory ran out, or the machine was switched off. "
    "Resume goes on from the last finished epoch."
)
_SILENCE = 60.0  # seconds after which a worker counts as frozen, elsewhere as dead; it writes every quarter


@dataclass(frozen=True)
class Status:
    """What a run says of itself, and what `ModelDirectory.status` found to be true of it."""

    state: State
    pid: Count = 0
    pid_started: Amount = 0.0
    phase: Text = ""
    epoch: Count = 0
    epochs: Count = 0
    step: Count = 0
    steps_per_epoch: Count = 0
    images_per_second: Amount = 0.0
    learning_rate: Amount = 0.0
    seconds: Amount = 0.0
    eta_seconds: Amount | None = None
    updated: Amount = 0.0
    error: Text = ""
    host: Text = ""

    @property
    def active(self) -> bool:
        """Whether a worker is busy with this run."""
        return self.state in ACTIVE

    @property
    def here(self) -> bool:
        """Whether the worker is on this machine."""
        return self.host in ("", platform.node())

    @property
    def silence(self) -> float:
        """How many seconds ago the worker last spoke; also where the clock was put back since."""
        return abs(time.time() - self.updated)

    @property
    def frozen(self) -> bool:
        """Whether a worker lives but has been silent for long: a signal halted it, or its disk is stuck."""
        return self.active and self.silence > _SILENCE


def believed(status: Status) -> Status:
    """Return the status; `interrupted` where the worker that it speaks of is dead."""
    if status.active and not _works(status):
        return replace(status, state="interrupted", eta_seconds=None, error=_LOST)
    return status


def _works(status: Status) -> bool:
    if not status.here:
        return time.time() - status.updated < _SILENCE
    return processes.find(status.pid, status.pid_started) is not None
