"""What a run says of itself in `status.json`, and how much of it a reader can believe.

A process counts as the run's worker only if both its pid and its start time match, because operating systems
use pids again. A worker on another machine, in a folder that both share, is taken at its word for as long as
it goes on writing.
"""

import math
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from cifar_core.runs import processes

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
    pid: int = 0
    pid_started: float = 0.0
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps_per_epoch: int = 0
    images_per_second: float = 0.0
    learning_rate: float = 0.0
    seconds: float = 0.0
    eta_seconds: float | None = None
    updated: float = 0.0
    error: str = ""
    host: str = ""

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


def believed(values: Mapping[str, Any]) -> Status:
    """Return the status in these values; `interrupted` where its worker is dead or a value makes no sense."""
    known = {item.name: values[item.name] for item in fields(Status) if item.name in values}
    if not all(_makes_sense(name, value) for name, value in known.items()) or "state" not in known:
        return Status(state="interrupted")
    status = Status(**known)
    if status.active and not _works(status):
        return replace(status, state="interrupted", eta_seconds=None, error=_LOST)
    return status


def _makes_sense(name: str, value: Any) -> bool:
    if name == "state":
        return isinstance(value, str) and value in get_args(State)
    default = getattr(Status, name)
    if isinstance(default, str):
        return isinstance(value, str)
    if value is None:
        return name == "eta_seconds"
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
    return whole or (not isinstance(default, int) and isinstance(value, float) and math.isfinite(value))


def _works(status: Status) -> bool:
    if not status.here:
        return time.time() - status.updated < _SILENCE
    return processes.find(status.pid, status.pid_started) is not None
