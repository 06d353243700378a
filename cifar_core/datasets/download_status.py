"""What the download of CIFAR-10 says of itself, in a file in the cache that its process writes."""

import json
import math
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from cifar_core import files, paths

State = Literal["none", "running", "finished", "stopped", "failed", "interrupted"]


@dataclass(frozen=True)
class DownloadStatus:
    """How far a download is: `none` was started, or it is what the other states say.

    `done` and `total` are bytes. `error` is a sentence for whoever looks on, `advice` one more for whoever
    runs this machine. `pid` and `pid_started` say which process it is.
    """

    state: State = "none"
    phase: str = ""
    source: str = ""
    done: int = 0
    total: int = 0
    bytes_per_second: float = 0.0
    eta_seconds: float | None = None
    error: str = ""
    advice: str = ""
    pid: int = 0
    pid_started: float = 0.0
    updated: float = 0.0

    @property
    def active(self) -> bool:
        """Whether a process says that it is downloading."""
        return self.state == "running"

    @property
    def fraction(self) -> float:
        """How much of it has come, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total > 0 else 0.0


def path() -> Path:
    """Return where the status is written."""
    return paths.cache() / "download.json"


def log_path() -> Path:
    """Return where the process of a download says what nobody foresaw."""
    return paths.cache() / "download.log"


def write(status: DownloadStatus) -> None:
    """Write the status so that readers see the old one or the new one."""
    # A heartbeat need not be on the disk: it is stale before it is.
    files.write_whole(path(), json.dumps(asdict(status)), durable=not status.active)


def read() -> DownloadStatus:
    """Return the status as it was last written; `none` where there is none that makes sense."""
    try:
        values = json.loads(path().read_text())
        return DownloadStatus(
            **{item.name: _checked(item.name, values[item.name]) for item in fields(DownloadStatus)}
        )
    except (OSError, ValueError, TypeError, KeyError):
        return DownloadStatus()


def clear() -> None:
    """Forget the last download: CIFAR-10 came another way."""
    with suppress(OSError):
        path().unlink(missing_ok=True)


def _checked(name: str, value: Any) -> Any:
    default = getattr(DownloadStatus, name)
    if name == "state":
        right = value in get_args(State)
    elif isinstance(default, str):
        right = isinstance(value, str)
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        right = (number and value >= 0) or (value is None and default is None)
    if not right:
        raise ValueError(name)
    return value
