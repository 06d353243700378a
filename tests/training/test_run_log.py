"""What a run logs while it trains, and when its patience is spent."""

from pathlib import Path
from typing import Any

import pytest

from cifar_core.errors import CifarLabError
from cifar_core.recipe import Recipe
from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS
from cifar_core.training import run_log
from tests.model_directories import made


def silent(**_: Any) -> None:
    pass


def never() -> bool:
    return False


def written(columns: list[str], rows: list[list[float]]) -> str:
    lines: list[list[Any]] = [columns, *rows]
    return "".join(f"{','.join(map(str, line))}\n" for line in lines)


def test_a_resume_drops_what_was_logged_after_the_checkpoint(tmp_path: Path, tiny: Recipe) -> None:
    """A kill between an epoch's row and its checkpoint lets the epoch be done again, but not listed twice."""
    directory = made(tmp_path / "run", tiny)
    rows = [[epoch, 10.0 * epoch, 0.1, 2.0, 0.2, 2.5, 0.3] for epoch in (1, 2, 3)]
    directory.history_path.write_text(written(HISTORY_COLUMNS, rows))
    points = [[step, step / 3, 4.0 * step, 0.1, 2.0, 0.2] for step in range(1, 9)]
    directory.steps_path.write_text(written(STEP_COLUMNS, points) + "9,3,")  # and half a line

    log = run_log.RunLog(directory, tiny, silent, never, [], done=2)
    assert log.seconds_before == 20
    assert directory.history()["epoch"].tolist() == [1, 2]
    assert directory.history().to_numpy().tolist() == rows[:2]
    assert directory.steps()["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert directory.steps_path.read_text().endswith("\n")

    run_log.RunLog(directory, tiny, silent, never, [], done=0)
    assert (len(directory.history()), len(directory.steps())) == (0, 0)


def test_a_validation_loss_that_is_no_number_counts_as_well(tmp_path: Path, tiny: Recipe) -> None:
    directory = made(tmp_path / "run", tiny)
    log = run_log.RunLog(directory, tiny, silent, never, [], 0)
    log.on_train_begin()
    log.epoch = 1
    with pytest.raises(CifarLabError, match=r"no longer a number \(epoch 2\)"):
        log.on_epoch_end(1, {"loss": 1.0, "accuracy": 0.1, "val_loss": float("nan"), "val_accuracy": 0.1})
    assert len(directory.history()) == 0
    assert not directory.checkpoint_path.exists()


@pytest.mark.parametrize(
    ("losses", "patience", "spent"),
    [
        ([], 1, False),
        ([2.0], 1, False),
        ([2.0, 1.0], 1, False),
        ([2.0, 2.1], 1, True),
        ([2.0, 2.0], 1, True),
        ([2.0, 2.1, 2.2], 3, False),
        ([2.0, 2.1, 2.2, 2.3], 3, True),
        ([2.0, 2.1, 2.2, 1.9], 3, False),
        ([2.0, 1.0, 1.5, 1.4, 1.3], 3, True),
        ([1.0] * 50, 0, False),
    ],
)
def test_patience_is_spent(losses: list[float], patience: int, spent: bool) -> None:
    assert run_log.patience_spent(losses, patience) is spent
