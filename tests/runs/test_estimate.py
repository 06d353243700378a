"""How long a run will take: known from earlier ones of this machine and of nothing else."""

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from cifar_core import hardware
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.runs import estimate
from cifar_core.runs.model_dir import HISTORY_COLUMNS, ModelDirectory
from cifar_core.runs.status import Status
from tests.model_directories import made

HERE = "a machine, 2 cores"
EIGHT = get_recipe("quick").with_(epochs=3, images=8_000, precision="float32")


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "describe", lambda: HERE)
    monkeypatch.setattr(hardware, "has_bfloat16", lambda: False)


def past(
    path: Path,
    recipe: Recipe = EIGHT,
    ends: tuple[float, ...] = (8.0, 13.0, 18.0),
    state: Any = "finished",
    host: str = "",
    hardware: str = HERE,
    **config: Any,
) -> ModelDirectory:
    """A run whose epochs ended after so many seconds, 7 seconds of whose process were not training."""
    run = made(path, recipe, hardware=hardware, **config)
    rows = [f"{epoch},{end},0.1,1,0.5,1,0.5" for epoch, end in enumerate(ends, 1)]
    run.history_path.write_text("\n".join([",".join(HISTORY_COLUMNS), *rows]) + "\n")
    run.write_status(Status(state, host=host, pid_started=1_000.0))
    run.status_path.write_text(
        run.status_path.read_text().replace(
            f'"updated": {run.status().updated!r}', f'"updated": {1_007.0 + max(ends, default=0)}'
        )
    )
    return run


def test_without_an_earlier_run_nothing_is_said(runs: Path) -> None:
    assert not runs.exists()
    assert estimate.seconds(EIGHT, CIFAR10) is None


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 3 + 3 * 5 + 7),
        ({"epochs": 10}, 3 + 10 * 5 + 7),
        ({"images": 16_000}, 3 + 3 * 10 + 7),
        ({"seed": 5, "learning_rate": 0.1, "label_smoothing": 0.0}, 3 + 3 * 5 + 7),
        ({"precision": "bfloat16"}, 3 + 3 * 5 + 7),  # which this machine would not train in
        ({"batch_size": 100}, None),
        ({"network_options": {"widths": [8, 8, 8], "activation": "relu"}}, None),
        ({"augmentation": "none"}, None),
    ],
)
def test_it_is_the_time_of_a_run_with_the_same_network_for_so_many_pictures_and_epochs(
    runs: Path, changes: dict[str, Any], seconds: float | None
) -> None:
    past(runs / "mine")
    assert estimate.seconds(EIGHT.with_(**changes), CIFAR10) == (seconds and pytest.approx(seconds))


@pytest.mark.parametrize(
    "other",
    [
        {"hardware": "another machine, 2 cores"},
        {"host": "another-machine"},
        {"dataset": DIGITS.facts.to_dict()},
        {"ends": ()},
    ],
)
def test_what_another_machine_or_another_kind_of_run_took_says_nothing(
    runs: Path, other: dict[str, Any]
) -> None:
    past(runs / "other", **other)
    assert estimate.seconds(EIGHT, CIFAR10) is None


def test_a_run_that_trains_says_nothing_yet(runs: Path) -> None:
    past(runs / "mine")
    past(runs / "busy", ends=(100.0, 200.0), created="2026-03-01")
    me = psutil.Process()
    ModelDirectory(runs / "busy").write_status(Status("running", me.pid, me.create_time()))
    assert estimate.seconds(EIGHT, CIFAR10) == pytest.approx(25)


def test_a_damaged_run_is_passed_over(runs: Path) -> None:
    past(runs / "damaged").config_path.write_text("{")
    assert estimate.seconds(EIGHT, CIFAR10) is None
    past(runs / "mine")
    assert estimate.seconds(EIGHT, CIFAR10) == pytest.approx(25)


def test_the_run_with_about_as_many_pictures_counts_and_of_two_the_newer(runs: Path) -> None:
    past(runs / "few", EIGHT.with_(images=4_000), (100.0, 200.0), created="2026-03-01")
    past(runs / "older", created="2026-01-01", ends=(50.0, 100.0))
    past(runs / "newer", created="2026-02-01")
    assert estimate.seconds(EIGHT, CIFAR10) == pytest.approx(25)


def test_a_run_that_was_stopped_tells_its_epochs_and_one_epoch_is_enough(runs: Path) -> None:
    past(runs / "stopped", state="stopped", ends=(5.0,))
    assert estimate.seconds(EIGHT, CIFAR10) == pytest.approx(15)


def test_a_pause_between_stop_and_resume_is_not_counted(runs: Path) -> None:
    run = past(runs / "resumed")
    run.write_status(Status("finished", pid_started=time.time() - 5))  # the last part of it took so long
    assert estimate.seconds(EIGHT, CIFAR10) == pytest.approx(18)


def test_what_a_frozen_network_sees_is_computed_once_and_takes_longer_for_more_pictures(runs: Path) -> None:
    frozen = get_recipe("report-vgg16").with_(images=8_000)
    past(runs / "frozen", frozen, ends=(100.0, 102.0, 104.0))
    assert estimate.seconds(frozen.with_(images=16_000, epochs=3), CIFAR10) == pytest.approx(
        2 * 98 + 3 * 4 + 7
    )
