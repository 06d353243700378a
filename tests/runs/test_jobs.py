"""What `jobs` refuses before a process is started."""

import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cifar_core import hardware
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import DatasetError, JobError, ModelDirectoryError, RecipeError
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.status import State, Status
from tests.model_directories import made, run_that_is

WORKER = "cifar_core.training.worker"
WORKER_LOCK = f".worker-{platform.node()}.lock"
_POPEN = subprocess.Popen
ON_DIGITS = {"dataset": DIGITS.facts.to_dict()}  # which are on every machine


# Refused before a process is started


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def popen(command: list[str], **options: Any) -> Any:
        if WORKER in command:
            pytest.fail("a worker was started")
        return _POPEN(command, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)


@pytest.mark.slow
def test_a_worker_without_its_folder_still_counts(runs: Path, tiny: Recipe) -> None:
    """Somebody deleted the folder of a run that trains: no status tells of it, but the lock does."""
    with (
        jobs.lock(),
        pytest.raises(
            JobError, match=r"did not start: Another run is training; stop it or wait until it is done\."
        ),
    ):
        jobs.start(tiny, "next", DIGITS)
    assert not (runs / "next").exists()


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"images": 1_438}, "Handwritten digits has 1,437 training images, not 1,438: use fewer."),
        ({"validation_images": 9}, "has 10 classes: validate on 10 images or more, one a class, not 9."),
    ],
)
def test_a_recipe_that_does_not_suit_its_dataset_is_refused(
    changes: dict[str, int], told: str, runs: Path
) -> None:
    with pytest.raises(RecipeError, match=re.escape(told)):
        jobs.start(get_recipe("quick").on(1_437).with_(**changes), "unfit", DIGITS)
    assert not runs.exists()


@pytest.mark.usefixtures("no_process", "runs")
@pytest.mark.parametrize("name", ["../evil", "{tmp_path}/evil", "a/b", "..", "x" * 65, "a b", ".hidden"])
def test_a_name_that_leaves_the_folder_is_refused_and_nothing_is_created(
    tmp_path: Path, tiny: Recipe, name: str
) -> None:
    with pytest.raises(ModelDirectoryError, match="name may hold"):
        jobs.start(tiny, name.format(tmp_path=tmp_path), DIGITS)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert found <= {"runs", "runs/.start.lock"}
    assert catalogue.runs() == []


@pytest.mark.usefixtures("no_process", "cifar10_folder")
def test_nothing_starts_without_the_memory_that_it_needs(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    monkeypatch.setattr(hardware, "has_bfloat16", lambda: False)
    monkeypatch.setattr(hardware, "free_memory", lambda: 3_000_000_000)
    with pytest.raises(JobError, match=r"“fast” needs about 3\.4 GB of memory, and 3\.0 GB are free"):
        jobs.start(get_recipe("fast"))  # in float32, as it would be trained
    run = run_that_is("stopped", runs / "stopped", get_recipe("fast").with_(precision="float32"))
    with pytest.raises(JobError, match=r"“fast” needs about 3\.4 GB"):
        jobs.resume(run)
    assert catalogue.runs() == [run]
    assert run.status().state == "stopped"


@pytest.mark.usefixtures("no_process")
def test_a_name_that_is_taken_is_refused(runs: Path, tiny: Recipe) -> None:
    run = run_that_is("stopped", runs / "stopped", tiny, **ON_DIGITS)
    before = run.config_path.read_bytes()
    with pytest.raises(ModelDirectoryError, match="already a run “stopped”"):
        jobs.start(tiny, "stopped", DIGITS)
    assert run.config_path.read_bytes() == before


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize("state", ["starting", "running", "stopping"])
def test_one_run_trains_at_a_time(runs: Path, tiny: Recipe, state: State) -> None:
    busy = run_that_is(state, runs / state, tiny, **ON_DIGITS)
    other = run_that_is("stopped", runs / "stopped", tiny, **ON_DIGITS)
    assert jobs.active_run() == busy
    with pytest.raises(JobError, match=f"“{state}” is training"):
        jobs.start(tiny, "next", DIGITS)
    with pytest.raises(JobError, match=f"“{state}” is training"):
        jobs.resume(other)
    with pytest.raises(JobError, match=f"“{state}” is {state}, there is nothing to resume"):
        jobs.resume(busy)
    assert {run.name for run in catalogue.runs()} == {state, "stopped"}


def test_a_run_on_another_machine_does_not_keep_this_one_busy(runs: Path, tiny: Recipe) -> None:
    run = made(runs / "theirs", tiny)
    run.write_status(Status("running", host="another-machine"))
    assert run.status().active
    assert jobs.active_run() is None


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "interrupted"])
def test_a_run_that_has_ended_is_not_stopped(runs: Path, tiny: Recipe, state: State) -> None:
    run = run_that_is(state, runs / state, tiny, **ON_DIGITS)
    assert jobs.active_run() is None
    with pytest.raises(JobError, match=f"“{state}” is {state}, there is nothing to stop"):
        jobs.stop(run)
    assert not run.stop_path.exists()


@pytest.mark.usefixtures("no_process")
def test_without_the_data_nothing_is_created(
    runs: Path, tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path / "none"))
    with pytest.raises(DatasetError):
        jobs.start(tiny, "next")
    assert not runs.exists()
    run = run_that_is("stopped", runs / "stopped", tiny)
    with pytest.raises(DatasetError):
        jobs.resume(run)


@pytest.mark.usefixtures("no_process")
def test_a_folder_that_cannot_be_written_is_reported(
    tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CIFAR_LAB_RUNS", str(tmp_path / "file" / "runs"))
    with pytest.raises(JobError, match=r"^No run can be started or deleted in .*runs \(Not a directory\)\.$"):
        jobs.start(tiny, "next", DIGITS)
