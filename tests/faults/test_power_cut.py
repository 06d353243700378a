"""A disk as it is a moment after the run's end, when nothing but what was forced to it is there."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cifar_core.datasets.registry import DIGITS
from cifar_core.files import read_arrays, write_whole
from cifar_core.recipe import Recipe
from cifar_core.runs import catalogue, jobs, resources
from tests.faults.conftest import contents, end_workers
from tests.faults.disks import mounted
from tests.model_directories import ended, until

pytestmark = pytest.mark.root

# By itself the disk writes nothing within the test; the second lets a renamed file be empty, the third lets
# names reach the disk before what is in the files.
KINDS = ["commit=600", "commit=600,noauto_da_alloc", "commit=600,data=writeback"]


@pytest.fixture
def no_need_of_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "DISK", 0)


@contextlib.contextmanager
def cut_off(image: Path, folder: Path) -> Iterator[Path]:
    """Have at `folder` what is on the disk in `image` right now, while it is in use: as after a power cut."""
    copy = Path(shutil.copy(image, folder.with_suffix(".img")))
    with mounted(copy, folder) as root:
        yield root


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_whole_is_there_and_what_is_not_forced_to_the_disk_is_lost(
    tmp_path: Path, kind: str
) -> None:
    with mounted(tmp_path / "disk.img", tmp_path / "disk", kind) as disk:
        for name, durable in (("kept", True), ("lost", False)):
            write_whole(disk / name, "old" * 10_000, durable=durable)
            write_whole(disk / name, "new" * 10_000, durable=durable)
        with cut_off(tmp_path / "disk.img", tmp_path / "after") as after:
            assert (after / "kept").read_text() == "new" * 10_000
            lost = after / "lost"
            assert not lost.exists() or lost.read_text() != "new" * 10_000


@pytest.mark.slow
@pytest.mark.usefixtures("no_need_of_room")
def test_a_finished_run_is_whole_and_one_that_trains_goes_on(
    runs: Path, tmp_path: Path, tiny: Recipe
) -> None:
    image = tmp_path / "disk.img"
    with mounted(image, runs, "commit=600,noauto_da_alloc,data=writeback"):
        try:
            run = jobs.start(tiny, "mine", DIGITS)
            until(lambda: len(run.history()) >= 2 or not run.status().active)
            in_mid_training = Path(shutil.copy(image, tmp_path / "training.img"))
            assert ended(run).state == "finished"
            finished = Path(shutil.copy(image, tmp_path / "finished.img"))
            before = contents(run)
            worker = run.status().pid
            until(lambda: not psutil.pid_exists(worker))
        finally:
            end_workers(runs)

    with mounted(finished, runs):
        assert run.status().state == "finished"
        assert run in catalogue.models()
        assert run.history()["epoch"].tolist() == [1, 2, 3]
        after = contents(run)
        del before["worker.log"], after["worker.log"]
        assert after == before

    with mounted(in_mid_training, runs):
        assert run.status().state == "interrupted"
        done = int(read_arrays(run.checkpoint_path, {"epoch"})["epoch"])
        assert run.history()["epoch"].tolist()[:done] == list(range(1, done + 1))
        jobs.resume(run)
        assert ended(run).state == "finished"
        assert run.history()["epoch"].tolist() == [1, 2, 3]
        assert run.steps()["step"].is_unique
