"""What a run says of itself in `status.json`, and how much of it a reader can believe.

Operating systems use pids again. So a process counts as the run's worker only if both its pid and its start
time match. Machines may share a folder: a worker on another machine is believed for as long as it goes on
writing.
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
# Seconds of silence after which a worker is taken for frozen, or for dead if it is elsewhere. One that works
# writes four times a second.
_SILENCE = 60.0


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
    test_accuracy: Amount | None = None  # as soon as it is known; the card says more

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
        """How many seconds ago the worker last spoke, even if the clock was put back meanwhile."""
        return abs(time.time() - self.updated)

    @property
    def frozen(self) -> bool:
        """Whether a worker lives but has long been silent: a signal halted it, or it waits for its disk."""
        return self.active and self.silence > _SILENCE


def believed(status: Status) -> Status:
    """Return the status, or `interrupted` in its place if it claims a worker that is dead."""
    if status.active and not _works(status):
        return replace(status, state="interrupted", eta_seconds=None, error=_LOST)
    return status


def _works(status: Status) -> bool:
    if not status.here:
        return time.time() - status.updated < _SILENCE
    return processes.find(status.pid, status.pid_started) is not None
