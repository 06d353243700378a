"""Workers that die or are ended at every kind of moment; each moment costs a start of TensorFlow."""

from pathlib import Path

import psutil
import pytest

from cifar_core import settings
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import JobError
from cifar_core.recipe import Recipe
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training.worker import Heart
from tests.faults.conftest import contents, trap
from tests.model_directories import ended, until

# In the order in which a run comes to them.
MOMENTS = [
    "in the middle of a step",
    "in the middle of a line",
    "while a checkpoint is written",
    "before the rename of model.onnx",
]


@pytest.mark.slow
@pytest.mark.usefixtures("no_worker_left")
def test_a_run_survives_every_death(
    finished: ModelDirectory, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, epochs = contents(finished), []
    trap(monkeypatch, MOMENTS[0])
    run = jobs.start(tiny, "often-killed", DIGITS)
    for moment, following in zip(MOMENTS, [*MOMENTS[1:], None], strict=True):
        status = ended(run)
        assert status.state == "interrupted", (moment, run.log_path.read_text())
        assert "memory ran out" in status.error
        assert jobs.active_run() is None
        assert run not in catalogue.models()
        assert catalogue.runs() != []
        epochs.append(run.history()["epoch"].tolist())
        with pytest.raises(JobError, match="nothing to stop"):
            jobs.stop(run)
        assert contents(finished) == before
        trap(monkeypatch, following)
        jobs.resume(run)
    assert ended(run).state == "finished"
    assert epochs == [[1], [1], [1, 2], [1, 2, 3]]
    assert run.history()["epoch"].tolist() == [1, 2, 3]
    assert run.steps()["step"].is_monotonic_increasing
    assert run.steps()["step"].is_unique
    assert {finished, run} <= set(catalogue.models())
    assert not list(run.path.rglob("*.tmp"))
    assert contents(finished) == before


@pytest.mark.slow
@pytest.mark.usefixtures("no_worker_left")
def test_the_time_limit_stops_a_training_and_resume_goes_on(
    runs: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.TRAINING_MINUTES.name, "0.0001")
    run = jobs.start(tiny.with_(epochs=1), "limited", DIGITS)
    status = ended(run)
    assert status.state == "stopped"
    assert status.error == "It has trained for as long as this app allows at a stretch; Resume goes on."
    assert not run.has_results()

    monkeypatch.setenv(settings.TRAINING_MINUTES.name, "soon")
    with pytest.raises(JobError, match="must be a number of minutes, not “soon”; nothing is trained"):
        jobs.resume(run)
    assert run.status().state == "stopped"
    with pytest.raises(JobError, match="nothing is trained"):
        jobs.start(tiny, "refused", DIGITS)

    monkeypatch.setenv(settings.TRAINING_MINUTES.name, "60")
    jobs.resume(run)
    until(lambda: run.status().state != "starting")
    assert run.status().state in ("running", "finished")
    assert [path.name for path in runs.iterdir() if path.is_dir()] == ["limited"]


def test_a_clock_that_jumps_does_not_bury_the_living(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux counts a process's start from the time of the boot, which moves with the clock."""
    run = ModelDirectory(runs / "running")
    run.path.mkdir(parents=True)
    heart = Heart(run)
    try:
        started = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: started(self) + 3600)
        until(lambda: run.status().state == "starting")
        monkeypatch.undo()
        until(lambda: run.status().state == "starting")
    finally:
        heart.end(state="stopped")
    assert run.status().state == "stopped"
