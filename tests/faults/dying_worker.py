"""A worker that kills itself at one moment: `python -m tests.faults.dying_worker MOMENT RUN`."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from cifar_core.training import worker


def die() -> None:
    """Leave as the operating system makes a process leave: nothing is flushed, nobody is told."""
    os.kill(os.getpid(), signal.SIGKILL)


def before_rename_of(name: str) -> None:
    """Die when the new content of this file is written, but not yet in its place."""
    replace = Path.replace

    def dying(self: Path, target: Any) -> Path:
        if Path(target).name == name:
            die()
        return replace(self, target)

    Path.replace = dying  # type: ignore[method-assign, assignment]


def prepare(moment: str) -> None:
    """Set the trap."""
    match moment:
        case "in the middle of a step":
            from cifar_core.training import augment

            batches = augment.training_batches

            def dying_batches(*given: Any, **options: Any) -> Any:
                for number, batch in enumerate(batches(*given, **options)):
                    if number == 4:
                        die()
                    yield batch

            augment.training_batches = dying_batches
        case "in the middle of a line":
            from cifar_core.training import run_log

            def half(path: Path, row: list[float]) -> None:
                line = run_log._line(row) + "\n"
                with path.open("a") as file:
                    file.write(line if path.name == "steps.csv" else line[: len(line) // 2])
                if path.name != "steps.csv":
                    die()

            run_log._append = half
        case "while a checkpoint is written":
            write_bytes = Path.write_bytes

            def half_written(self: Path, data: Any) -> int:
                if self.name.startswith(".last.npz"):
                    write_bytes(self, data[: len(data) // 2])
                    die()
                return write_bytes(self, data)

            Path.write_bytes = half_written  # type: ignore[method-assign]
        case _:
            before_rename_of(moment.removeprefix("before the rename of "))


if __name__ == "__main__":
    prepare(sys.argv[1])
    sys.exit(worker.main(Path(sys.argv[2])))
