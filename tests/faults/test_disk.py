"""A disk that is full, and a folder that nobody may write to: real ones, where root may mount them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cifar_core import jobs, permission
from cifar_core.errors import JobError
from cifar_core.files import write_whole
from cifar_core.model_dir import ModelDirectory
from cifar_core.recipes import Recipe
from cifar_core.statuses import Status
from cifar_core.training.worker import Heart

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small disk"
)


@pytest.fixture
def disk(runs: Path) -> Iterator[Path]:
    """The folder of runs on a disk of 2 MB."""
    runs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(runs)], check=True)
    yield runs
    subprocess.run(["umount", "--lazy", str(runs)], check=True)


def run_in(root: Path, recipe: Recipe) -> ModelDirectory:
    run = ModelDirectory(root / "mine")
    run.path.mkdir()
    write_whole(run.config_path, '{"recipe": ' + repr(recipe.to_dict()).replace("'", '"') + "}")
    return run


def fill(root: Path) -> None:
    with (root / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


@pytest.mark.usefixtures("cifar10")
def test_a_small_disk_is_refused_before_anything_is_written(disk: Path, tiny: Recipe) -> None:
    with pytest.raises(JobError, match=r"^Training needs about 500\.0 MB of disk, and 2\.1 MB are free"):
        jobs.start(tiny, "next")
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
    heart.end(state="failed", error="the disk is full")  # which it may or may not have room to say
    assert run.status().state in ("starting", "failed")
    (disk / "filler").unlink()
    heart._beat()
    assert run.status().phase == ""


@pytest.mark.usefixtures("cifar10")
def test_where_nothing_may_be_written_each_wish_gets_a_sentence(
    disk: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permission, "DISK", 0)
    run = run_in(disk, tiny)
    me = psutil.Process()
    run.write_status(Status("running", me.pid, me.create_time()))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert run.status().state == "running"
    with pytest.raises(JobError, match=r"“mine” cannot be told to stop \(Read-only file system\)"):
        jobs.stop(run)
    with pytest.raises(JobError, match=r"No training can be started in .* \(Read-only file system\)"):
        jobs.start(tiny, "next")
    with pytest.raises(JobError, match=r"No training can be started in .* \(Read-only file system\)"):
        jobs.resume(run)
