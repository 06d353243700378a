"""A worker that kills or halts itself at one moment: `python -m tests.faults.dying_worker MOMENT RUN`."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training import worker


def die() -> None:
    """Leave as the operating system makes a process leave: nothing is flushed, nobody is told."""
    os.kill(os.getpid(), signal.SIGKILL)


def halt() -> None:
    """Do nothing more until somebody says to go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


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
            from cifar_core.training import run_log

            # Not where the batches are made: that is some batches ahead of the steps.
            def dying_step(self: run_log.RunLog, batch: int, logs: Any = None) -> None:  # noqa: ARG001
                if (self.epoch, batch) == (1, 1):
                    die()

            run_log.RunLog.on_train_batch_begin = dying_step
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
        case "after an epoch":
            from cifar_core.training import run_log

            on_epoch_end = run_log.RunLog.on_epoch_end

            def halting(self: run_log.RunLog, epoch: int, logs: Any = None) -> None:
                on_epoch_end(self, epoch, logs)
                if epoch == 0:
                    halt()

            run_log.RunLog.on_epoch_end = halting  # type: ignore[method-assign]
        case "at the export":
            from cifar_core.training import export

            save = export.save

            def halting_save(model: Any, directory: ModelDirectory) -> None:
                halt()
                save(model, directory)

            export.save = halting_save
        case _:
            before_rename_of(moment.removeprefix("before the rename of "))


if __name__ == "__main__":
    prepare(sys.argv[1])
    sys.exit(worker.main(Path(sys.argv[2])))
