"""A disk that is full, and a folder that nobody may write to: real ones, where root may mount them."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import JobError
from cifar_core.files import read_arrays, write_whole
from cifar_core.recipe import Recipe
from cifar_core.runs import catalogue, jobs, resources
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import Status
from cifar_core.training.worker import Heart
from tests.faults.conftest import contents, end_workers, trap
from tests.model_directories import LONG, ended, until

pytestmark = pytest.mark.root


@pytest.fixture
def disk(runs: Path) -> Iterator[Path]:
    """The folder of runs on a disk of 16 MB."""
    runs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(runs)], check=True)
    yield runs
    end_workers(runs)
    subprocess.run(["umount", "--lazy", str(runs)], check=True)


def run_in(root: Path, recipe: Recipe) -> ModelDirectory:
    run = ModelDirectory(root / "mine")
    run.path.mkdir()
    write_whole(run.config_path, json.dumps({"recipe": recipe.to_dict(), "dataset": DIGITS.facts.to_dict()}))
    return run


def fill(root: Path) -> None:
    with (root / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_a_small_disk_is_refused_before_anything_is_written(disk: Path, tiny: Recipe) -> None:
    with pytest.raises(JobError, match=r"^Training needs about 500\.0 MB of disk, and 16\.8 MB are free"):
        jobs.start(tiny, "next", DIGITS)
    assert not (disk / "next").exists()


def test_on_a_full_disk_the_old_file_stays_and_readers_find_out(disk: Path, tiny: Recipe) -> None:
    run = run_in(disk, tiny)
    write_whole(run.card_path, "x" * 5_000)
    heart = Heart(run)
    fill(disk)
    with pytest.raises(OSError, match="No space left"):
        write_whole(run.card_path, "y" * 50_000)
    assert run.card_path.read_text() == "x" * 5_000
    assert not list(run.path.glob(".card*"))
    heart.report(phase="training")
    assert run.status().state == "starting"  # the old status, whole
    heart.end(state="failed", error="the disk is full")
    assert (run.status().state, run.status().error) == ("failed", "the disk is full")
    (disk / "filler").unlink()
    heart._beat()
    assert run.status().phase == ""


def test_where_nothing_may_be_written_each_wish_gets_a_sentence(
    disk: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "DISK", 0)
    run = run_in(disk, tiny)
    me = psutil.Process()
    run.write_status(Status("running", me.pid, me.create_time()))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert run.status().state == "running"
    with pytest.raises(JobError, match=r"“mine” cannot be told to stop \(Read-only file system\)"):
        jobs.stop(run)
    with pytest.raises(JobError, match=r"No run can be started or deleted in .* \(Read-only file system\)"):
        jobs.start(tiny, "next", DIGITS)
    with pytest.raises(JobError, match=r"No run can be started or deleted in .* \(Read-only file system\)"):
        jobs.resume(run)
    with pytest.raises(JobError, match=r"No run can be started or deleted in .* \(Read-only file system\)"):
        jobs.delete(run)


# The disk of a training


def halted(run: ModelDirectory) -> psutil.Process:
    """Wait until the worker halts at the moment it was told to."""
    worker = psutil.Process(run.status().pid)
    until(lambda: worker.status() == psutil.STATUS_STOPPED)
    return worker


def full_until_it_ends(root: Path, run: ModelDirectory) -> Status:
    """Fill the disk, and take what the worker gives back, too, for as long as it works."""
    deadline = time.monotonic() + LONG
    with (root / "filler").open("ab", buffering=0) as file:
        while (status := run.status()).active:
            assert time.monotonic() < deadline, status
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))
    return status


def check_what_is_kept(run: ModelDirectory) -> int:
    """The checkpoint can be read and every epoch up to it is in the history; return how many those are."""
    done = int(read_arrays(run.checkpoint_path, {"epoch"})["epoch"])
    epochs = run.history()["epoch"].tolist()
    assert epochs[:done] == list(range(1, done + 1))
    assert len(epochs) <= done + 1  # a row is written before its checkpoint
    assert jobs.active_run() is None
    assert run not in catalogue.models()
    return done


def check_resume(run: ModelDirectory, epochs: int) -> None:
    """Nothing is lost, and nothing is there twice."""
    jobs.resume(run)
    assert (ended(run).state, run.status().error) == ("finished", ""), run.log_path.read_text()
    assert run.history()["epoch"].tolist() == list(range(1, epochs + 1))
    assert run.steps()["step"].is_monotonic_increasing
    assert run.steps()["step"].is_unique
    assert run in catalogue.models()
    assert not list(run.path.rglob("*.tmp"))


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["after an epoch", "at the export"])
def test_a_training_on_a_disk_that_fills_up_says_so_and_goes_on_when_there_is_room(
    disk: Path, finished: ModelDirectory, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    before = contents(finished)
    with monkeypatch.context() as patch:
        patch.setattr(resources, "DISK", 0)
        trap(patch, moment)
        run = jobs.start(tiny, "mine", DIGITS)
    worker = halted(run)
    fill(disk)
    worker.resume()
    status = full_until_it_ends(disk, run)
    assert (status.state, status.error) == (
        "failed",
        "The disk is full; once it can be written to, Resume goes on from the last finished epoch.",
    )
    done = check_what_is_kept(run)
    assert done < tiny.epochs if moment == "after an epoch" else done == tiny.epochs
    with pytest.raises(JobError, match=r"^Training needs about 500\.0 MB of disk, and .* are free"):
        jobs.resume(run)
    (disk / "filler").unlink()
    monkeypatch.setattr(resources, "DISK", 0)
    check_resume(run, tiny.epochs)
    assert contents(finished) == before


@pytest.mark.slow
@pytest.mark.usefixtures("disk")
def test_a_training_whose_folder_becomes_read_only_is_interrupted_and_goes_on_afterwards(
    finished: ModelDirectory, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "DISK", 0)
    before = contents(finished)
    with monkeypatch.context() as patch:
        trap(patch, "after an epoch")
        run = jobs.start(tiny, "mine", DIGITS)
    worker = halted(run)
    # Mounted upon itself, because a disk with files open for writing cannot be made read-only as a whole.
    subprocess.run(["mount", "--bind", str(run.path), str(run.path)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(run.path)], check=True)
        worker.resume()
        assert ended(run).state == "interrupted"  # which readers find out, as nobody can write it down
        assert check_what_is_kept(run) < tiny.epochs
        assert "Read-only file system" in run.log_path.read_text()
    finally:
        subprocess.run(["umount", "--lazy", str(run.path)], check=True)
    check_resume(run, tiny.epochs)
    assert contents(finished) == before
