"""Deleting a run: all of it or nothing, and only a run of one's own that does not train."""

import errno
import time
from pathlib import Path

import pytest

from cifar_core.errors import JobError, ModelDirectoryError
from cifar_core.recipe import Recipe
from cifar_core.runs import catalogue, jobs, trash
from cifar_core.runs.status import State
from tests.model_directories import run_that_is


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "interrupted"])
def test_a_run_that_has_ended_can_be_deleted(runs: Path, tiny: Recipe, state: State) -> None:
    run, other = run_that_is(state, runs / "mine", tiny), run_that_is(state, runs / "other", tiny)
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    jobs.delete(run)
    assert catalogue.runs() == [other]
    assert list(runs.rglob("mine")) == [deleted.path for deleted in trash.deleted()]


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


NEIGHBOURS = [".git", ".ssh", ".sweeps", ".start.lock", ".worker.lock", ".mine", trash.FOLDER]


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_a_run_called_like_a_hidden_neighbour_takes_nothing_along(
    runs: Path, tiny: Recipe, neighbour: str
) -> None:
    hidden = runs / neighbour / "kept"
    if neighbour == ".start.lock":  # a file, which starting and deleting hold
        hidden = runs / ".other" / "kept"
    hidden.mkdir(parents=True)
    (hidden / "file").write_text("not a run's")
    jobs.delete(run_that_is("stopped", runs / neighbour.removeprefix("."), tiny))
    assert catalogue.runs() == []
    assert (hidden / "file").read_text() == "not a run's"
    trash.remove_old(seconds=0)
    assert (hidden / "file").read_text() == "not a run's"
    assert trash.deleted() == []


def test_a_deleted_run_comes_back_as_it_was(runs: Path, tiny: Recipe) -> None:
    run = run_that_is("stopped", runs / "mine", tiny)
    before = run.config_path.read_bytes()
    jobs.delete(run)
    assert trash.restore("mine").config_path.read_bytes() == before
    assert catalogue.runs() == [run]
    assert list(trash.folder().iterdir()) == []

    jobs.delete(run)
    run_that_is("stopped", runs / "mine", tiny.with_(seed=7))
    with pytest.raises(ModelDirectoryError, match="There is a run “mine” again"):
        trash.restore("mine")
    with pytest.raises(ModelDirectoryError, match="No run “other” was deleted"):
        trash.restore("other")


def test_what_was_deleted_a_day_ago_goes_for_good_with_the_next(
    runs: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.delete(run_that_is("stopped", runs / "old", tiny))
    day_later = time.time() + trash.KEPT_SECONDS
    monkeypatch.setattr(time, "time", lambda: day_later)
    jobs.delete(run_that_is("stopped", runs / "mine", tiny))
    assert [run.name for run in trash.deleted()] == ["mine"]


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
