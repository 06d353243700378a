"""Deleting a run: all of it or nothing, and only a run of one's own that does not train."""

import errno
from pathlib import Path

import pytest

from cifar_core.errors import JobError
from cifar_core.recipes import Recipe
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.status import State
from tests.model_directories import made, run_that_is


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "interrupted"])
def test_a_run_that_has_ended_can_be_deleted(runs: Path, tiny: Recipe, state: State) -> None:
    run, other = run_that_is(state, runs / "mine", tiny), run_that_is(state, runs / "other", tiny)
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    jobs.delete(run)
    assert catalogue.runs() == [other]
    assert not [path for path in runs.rglob("*") if "mine" in str(path)]


@pytest.mark.parametrize("state", ["starting", "running", "stopping"])
def test_a_run_that_trains_is_not_deleted(runs: Path, tiny: Recipe, state: State) -> None:
    run = run_that_is(state, runs / "mine", tiny)
    with pytest.raises(JobError, match=r"“mine” is training; stop it first\."):
        jobs.delete(run)
    assert run.status().state == state


def test_a_model_that_is_nobodys_run_is_not_deleted(tmp_path: Path, tiny: Recipe) -> None:
    elsewhere = run_that_is("finished", tmp_path / "mine", tiny)
    for model in (elsewhere, *catalogue.shipped()):
        with pytest.raises(JobError, match=f"“{model.name}” is no run of your own"):
            jobs.delete(model)
        assert model.config_path.exists()


def test_what_half_a_deletion_left_is_no_run_and_goes_with_the_next(runs: Path, tiny: Recipe) -> None:
    made(runs / ".mine", tiny)
    assert catalogue.runs() == []
    jobs.delete(run_that_is("stopped", runs / "mine", tiny))
    assert not [path for path in runs.iterdir() if path.is_dir()]


def test_a_run_that_cannot_be_deleted_is_reported(
    runs: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_that_is("stopped", runs / "mine", tiny)

    def in_use(path: Path, target: Path) -> None:  # as Windows says of an open file
        raise PermissionError(errno.EACCES, "in use", str(path), None, str(target))

    monkeypatch.setattr(Path, "rename", in_use)
    with pytest.raises(JobError, match=r"“mine” cannot be deleted \(.*in use.*mine"):
        jobs.delete(run)
    assert catalogue.runs() == [run]
