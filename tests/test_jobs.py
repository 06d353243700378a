"""Start, stop, resume and kill real worker processes; what costs a start of TensorFlow is shared by tests."""

import itertools
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
import pytest

from cifar_core import dataset, files, jobs, model_dir
from cifar_core.errors import DatasetError, JobError, ModelDirectoryError
from cifar_core.model_dir import ModelDirectory
from cifar_core.recipes import Recipe
from cifar_core.statuses import Status

LONG = 120.0  # seconds for what takes ten on an idle machine
WORKER = "cifar_core.training.worker"
WORKER_LOCK = f".worker-{platform.node()}.lock"
_POPEN = subprocess.Popen


def until(condition: Callable[[], Any], seconds: float = LONG) -> Any:
    """Wait for a condition and return its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    pytest.fail(f"not within {seconds:g} s")


def bury(root: Path) -> None:
    """Kill whatever worker still lives under this folder."""
    for path in root.glob("*/status.json"):
        status = ModelDirectory(path.parent).status()
        if status.active:
            psutil.Process(status.pid).kill()


def in_mid_epoch(directory: ModelDirectory, epoch: int) -> Status | None:
    """The status once the run is in this epoch or a later one, with steps done and steps to do."""
    status = directory.status()
    if not status.active:
        pytest.fail(f"{status} {directory.log_path.read_text()}")
    return status if status.epoch >= epoch and 0 < status.step < status.steps_per_epoch else None


class Watch:
    """Reads a run's status as fast as it can, and notes what was wrong with it."""

    def __init__(self, directory: ModelDirectory) -> None:
        self.directory, self.seen = directory, list[Status]()
        self.held_up = 0.0  # the longest this busy machine kept us waiting; the worker may claim as much
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        last, ended = time.monotonic(), False
        while not ended:
            ended = self.done.wait(0.01)  # and one look more
            now = time.monotonic()
            self.held_up, last = max(self.held_up, now - last - 0.01), now
            status = self.directory.status()
            if not self.seen or status != self.seen[-1]:
                self.seen.append(status)

    def end(self) -> None:
        self.done.set()
        self.thread.join()


class Story:
    """One run that is started, stopped, resumed, killed, resumed again and finishes."""

    EPOCHS: ClassVar = 8

    def __init__(self, root: Path, recipe: Recipe) -> None:
        self.root, self.recipe = root, recipe
        self.directory = jobs.start(recipe, "story")
        self.at_start = self.directory.status()
        self.files_at_start = {path.name for path in self.directory.path.iterdir()}
        self.watch = Watch(self.directory)
        try:
            self.tell()
        finally:
            self.watch.end()
            bury(root)

    def tell(self) -> None:
        run = self.directory
        self.while_training = until(lambda: in_mid_epoch(run, 2))
        self.active_while_training = jobs.active_run()
        self.refusals = []
        for attempt in (
            lambda: jobs.start(self.recipe, "second"),
            lambda: jobs.start(self.recipe),
            lambda: jobs.resume(run),
        ):
            with pytest.raises(JobError) as refusal:
                attempt()
            self.refusals.append(str(refusal.value))

        jobs.stop(run)
        self.stopped = until(lambda: status if not (status := run.status()).active else None)
        self.history_when_stopped = run.history()
        self.stop_file_left = run.stop_path.exists()
        with pytest.raises(JobError) as refusal:
            jobs.stop(run)
        self.refusals.append(str(refusal.value))

        jobs.resume(run)
        self.resumed = until(lambda: in_mid_epoch(run, len(self.history_when_stopped) + 1))
        psutil.Process(self.resumed.pid).kill()
        killed = time.monotonic()
        self.interrupted = until(lambda: status if not (status := run.status()).active else None, 5)
        self.seconds_to_notice = time.monotonic() - killed
        self.claim_when_killed = json.loads(run.status_path.read_text())["state"]
        self.history_when_killed = run.history()

        jobs.resume(run)
        self.finished = until(lambda: status if not (status := run.status()).active else None)
        with pytest.raises(JobError) as refusal:
            jobs.resume(run)
        self.refusals.append(str(refusal.value))


@pytest.fixture(scope="module")
def long_enough(tiny: Recipe) -> Recipe:
    """Epochs of a second or two, so that they have a middle."""
    return tiny.with_(images=8_200, batch_size=128, epochs=Story.EPOCHS)


@pytest.fixture(scope="module")
def story(
    tmp_path_factory: pytest.TempPathFactory,
    cifar10: Path,  # noqa: ARG001
    long_enough: Recipe,
) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("story") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFAR_LAB_RUNS", str(root))
        yield Story(root, long_enough)


@pytest.mark.slow
def test_a_started_run_lives_at_once(story: Story) -> None:
    assert story.directory.path == story.root / "story"
    assert (story.at_start.state, story.at_start.phase) == ("starting", "loading TensorFlow")
    assert story.files_at_start == {"config.json", "status.json", "worker.log"}
    assert story.active_while_training == story.directory
    assert story.while_training.state == "running"


@pytest.mark.slow
def test_the_status_tells_where_a_run_stands(story: Story) -> None:
    status = story.while_training
    steps = story.recipe.steps_per_epoch
    assert (status.phase, status.epochs, status.steps_per_epoch) == ("training", Story.EPOCHS, steps)
    assert status.epoch in (2, 3)
    assert status.images_per_second > 0
    assert 0 < status.learning_rate <= story.recipe.learning_rate
    assert status.seconds > 0
    assert status.eta_seconds is not None
    assert status.eta_seconds > 0
    assert status.error == ""


@pytest.mark.slow
def test_what_is_not_possible_now_is_refused_with_the_runs_name(story: Story) -> None:
    busy = "The run “story” is training; stop it or wait until it is done."
    assert story.refusals == [
        busy,
        busy,
        "The run “story” is running, there is nothing to resume.",
        "The run “story” is stopped, there is nothing to stop.",
        "The run “story” is finished, there is nothing to resume.",
    ]
    assert [run.name for run in model_dir.runs()] == ["story"]
    assert {path.name for path in story.root.iterdir()} == {"story", ".start.lock", WORKER_LOCK}


@pytest.mark.slow
def test_stop_keeps_the_finished_epochs(story: Story) -> None:
    assert (story.stopped.state, story.stopped.phase, story.stopped.eta_seconds) == ("stopped", "", None)
    assert not story.stop_file_left
    whole = len(story.history_when_stopped)
    assert 1 <= whole < Story.EPOCHS - 2
    assert story.history_when_stopped["epoch"].tolist() == [*range(1, whole + 1)]
    assert story.resumed.epoch == whole + 1  # it goes on where it stood


@pytest.mark.slow
def test_a_killed_worker_is_noticed(story: Story) -> None:
    assert story.interrupted.state == "interrupted"
    assert story.seconds_to_notice < 5
    assert story.claim_when_killed == "running"  # it had no time to say otherwise
    assert story.resumed.pid != story.while_training.pid
    assert len(story.history_when_killed) < Story.EPOCHS


@pytest.mark.slow
def test_after_two_resumes_every_epoch_is_there_once(story: Story) -> None:
    run = story.directory
    assert (story.finished.state, story.finished.error, story.finished.eta_seconds) == ("finished", "", None)
    assert story.finished.epoch == story.finished.epochs == Story.EPOCHS
    history, steps = run.history(), run.steps()
    assert history["epoch"].tolist() == [*range(1, Story.EPOCHS + 1)]
    for earlier in (story.history_when_stopped, story.history_when_killed):
        assert history.iloc[: len(earlier)].equals(earlier)
    assert steps["step"].is_monotonic_increasing
    assert steps["step"].is_unique
    assert steps["step"].iloc[-1] == Story.EPOCHS * story.recipe.steps_per_epoch
    assert set(steps["epoch"]) >= set(history["epoch"])
    for log in (history, steps):
        assert log["seconds"].is_monotonic_increasing
        assert log.notna().all(axis=None)


@pytest.mark.slow
def test_a_finished_run_holds_every_file_and_no_other(story: Story) -> None:
    run = story.directory
    files = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}
    assert files == {
        "config.json", "status.json", "steps.csv", "history.csv", "checkpoint/last.npz", "model.keras",
        "model.onnx", "predictions.npz", "card.json", "worker.log",
    }  # fmt: skip
    assert run.has_results()
    assert run in model_dir.models()
    config = run.config()
    assert run.recipe() == story.recipe
    assert set(config["versions"]) == {"python", "keras", "tensorflow", "onnxruntime"}
    assert config["hardware"]
    assert config["parameters"] > 1_000


@pytest.mark.slow
def test_predictions_and_card_are_of_the_test_set(story: Story) -> None:
    run, test = story.directory, dataset.load_test()
    predictions = run.predictions()
    assert predictions["test"].shape == (10_000, 10)
    assert predictions["validation"].shape == (200, 10)
    assert {predictions[name].dtype for name in ("test", "validation")} == {np.dtype(np.float16)}
    train_labels = dataset.load_train().labels
    expected = dataset.split(train_labels, images=8_200, validation_images=200, seed=0).validation
    np.testing.assert_array_equal(predictions["validation_indices"], expected)
    accuracy = (predictions["test"].argmax(axis=1) == test.labels).mean()
    card = run.card()
    assert card["name"] == "story"
    assert card["accuracy"] == pytest.approx(accuracy)
    assert card["epochs"] == Story.EPOCHS
    # the model that was exported is the one that was validated last
    right = predictions["validation"].argmax(axis=1) == train_labels[expected]
    assert right.mean() == pytest.approx(run.history()["val_accuracy"].iloc[-1], abs=0.011)


@pytest.mark.slow
def test_the_status_is_renewed_every_second_and_always_readable(story: Story) -> None:
    states = {status.state for status in story.watch.seen}
    # to be stopping can take less time than to look
    assert states | {"stopping"} == {"starting", "running", "stopping", "stopped", "interrupted", "finished"}
    phases = {status.phase for status in story.watch.seen}
    assert phases >= {
        "loading TensorFlow", "training", "validating", "saving the model", "evaluating on the test set"
    }  # fmt: skip
    gaps = []
    for pid, statuses in itertools.groupby(story.watch.seen, lambda status: status.pid):
        beats = [status for status in statuses if status.state != "interrupted"]
        assert pid > 0
        gaps += [(b.updated - a.updated, b.phase) for a, b in itertools.pairwise(beats)]
    assert len(gaps) > 20
    # Loading TensorFlow's library holds up every thread of the process, on slow cores for over a second.
    worst = max(gap - (1.0 if phase == "loading TensorFlow" else 0.0) for gap, phase in gaps)
    assert worst <= 1.0 + story.watch.held_up, sorted(gaps)[-5:]


# Two servers, and a server that dies


SERVER = """
import json, sys, time
from pathlib import Path
from cifar_core import jobs
from cifar_core.errors import CifarLabError
from cifar_core.recipes import Recipe

recipe, folder, name = Recipe.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
(folder / f"{name}.ready").touch()
while not (folder / "go").exists():
    pass
try:
    answer = {"started": str(jobs.start(recipe, name).path)}
except CifarLabError as error:
    answer = {"error": str(error), "kind": type(error).__name__}
print(json.dumps(answer), flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_of_two_servers_one_trains_and_its_death_does_not_end_the_training(
    tmp_path: Path, cifar10: Path, long_enough: Recipe
) -> None:
    recipe = json.dumps(long_enough.with_(epochs=100).to_dict())
    (tmp_path / "data").symlink_to(cifar10.resolve())
    environment = {
        **os.environ,
        "CIFAR_LAB_RUNS": "their runs",  # both relative to where the servers were started
        "CIFAR10_DIR": "data",
        "PYTHONPATH": str(model_dir.code_root()),
    }
    servers = {
        name: subprocess.Popen(
            [sys.executable, "-c", SERVER, recipe, str(tmp_path), name],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for name in ("one", "two")
    }
    root = tmp_path / "their runs"
    try:
        until(lambda: all((tmp_path / f"{name}.ready").exists() for name in servers))
        (tmp_path / "go").touch()
        answers = {}
        for name, server in servers.items():
            assert server.stdout is not None
            answers[name] = json.loads(server.stdout.readline())

        winner, loser = sorted(servers, key=lambda name: "error" in answers[name])
        run = ModelDirectory(root / winner)
        assert answers[winner] == {"started": str(run.path)}
        refusal = f"The run “{winner}” is training; stop it or wait until it is done."
        assert answers[loser] == {"error": refusal, "kind": "JobError"}
        assert {path.name for path in root.iterdir()} == {winner, ".start.lock", WORKER_LOCK}

        # the winner's server dies with everything in its session, as when a terminal is closed
        pid = run.status().pid
        for server in servers.values():
            if sys.platform == "win32":
                server.kill()
            else:
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        status = until(lambda: in_mid_epoch(run, 1))
        assert (status.pid, status.state) == (pid, "running")
    finally:
        for server in servers.values():
            server.kill()
            server.wait()
            assert server.stdout is not None
            server.stdout.close()
        bury(root)


# A training that fails


@pytest.mark.slow
@pytest.mark.usefixtures("cifar10")
def test_a_training_that_fails_says_why_and_can_be_resumed(runs: Path, tiny: Recipe) -> None:
    broken = tiny.with_(network_options={"widths": [8, 16, 16], "activation": "nonsense"})
    run = jobs.start(broken, "broken")
    try:
        status = until(lambda: status if not (status := run.status()).active else None)
        assert status.state == "failed"
        assert status.error.startswith("Training failed: ValueError: ")
        assert status.error.endswith(" (details in worker.log).")
        assert "\n" not in status.error
        assert "Traceback" in run.log_path.read_text()

        files.write_whole(run.config_path, json.dumps({**run.config(), "recipe": tiny.to_dict()}))
        jobs.resume(run)
        assert run.status().active
        assert run.status().error == ""
        # asked before TensorFlow is there
        jobs.stop(run)
        assert until(lambda: status if not (status := run.status()).active else None).state == "stopped"
    finally:
        bury(runs)


@pytest.mark.usefixtures("cifar10")
def test_a_worker_that_dies_at_once_is_reported_with_its_last_words(
    runs: Path,
    tmp_path: Path,
    tiny: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program(monkeypatch, tmp_path, "import sys; print('before'); sys.exit('no memory left\\n')")
    with pytest.raises(JobError, match=r"^The training process did not start: no memory left$"):
        jobs.start(tiny, "dead")
    assert not (runs / "dead").exists()

    program(monkeypatch, tmp_path, "")
    with pytest.raises(JobError, match=r"^The training process did not start: it gave no reason\.$"):
        jobs.start(tiny, "dead")
    assert not (runs / "dead").exists()


@pytest.mark.usefixtures("cifar10")
def test_a_worker_that_never_reports_is_killed(
    runs: Path,
    tmp_path: Path,
    tiny: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note = tmp_path / "pid"
    write_pid = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid()))"
    program(monkeypatch, tmp_path, f"{write_pid}; time.sleep(600)")
    monkeypatch.setattr(jobs, "_START_SECONDS", 2.0)
    with pytest.raises(JobError, match="did not start within 2 seconds"):
        jobs.start(tiny, "mute")
    assert not (runs / "mute").exists()
    pid = int(note.read_text())
    until(lambda: not psutil.pid_exists(pid), 5)


@pytest.mark.usefixtures("cifar10")
def test_a_failed_resume_leaves_the_run_as_it_was(
    runs: Path,
    tmp_path: Path,
    tiny: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = run_that_is(runs, "stopped", tiny)
    run.log_path.write_text("words of the last time\n")
    program(monkeypatch, tmp_path, "import sys; sys.exit('no memory left')")
    with pytest.raises(JobError, match="no memory left"):
        jobs.resume(run)
    assert run.status().state == "stopped"
    program(monkeypatch, tmp_path, "")
    with pytest.raises(JobError, match="it gave no reason"):
        jobs.resume(run)
    assert run.log_path.read_text() == "words of the last time\nno memory left\n"


def program(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Let every new worker be this Python program."""

    def popen(command: list[str], **options: Any) -> Any:
        if WORKER not in command:  # `platform` starts one
            return _POPEN(command, **options)
        return _POPEN([sys.executable, "-c", code], **{**options, "cwd": folder})

    monkeypatch.setattr(subprocess, "Popen", popen)


def run_that_is(root: Path, state: Any, recipe: Recipe) -> ModelDirectory:
    directory = ModelDirectory(root / str(state))
    directory.path.mkdir(parents=True)
    directory.config_path.write_text(json.dumps({"recipe": recipe.to_dict()}))
    me = psutil.Process()
    directory.write_status(Status(state, me.pid, me.create_time()))
    return directory


# Refused before a process is started


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def popen(command: list[str], **options: Any) -> Any:
        if WORKER in command:
            pytest.fail("a worker was started")
        return _POPEN(command, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)


@pytest.mark.slow
@pytest.mark.usefixtures("cifar10")
def test_a_worker_without_its_folder_still_counts(runs: Path, tiny: Recipe) -> None:
    """Somebody deleted the folder of a run that trains: no status tells of it, but the lock does."""
    with (
        jobs.lock(),
        pytest.raises(
            JobError, match=r"did not start: Another run is training; stop it or wait until it is done\."
        ),
    ):
        jobs.start(tiny, "next")
    assert not (runs / "next").exists()


@pytest.mark.usefixtures("no_process", "cifar10", "runs")
@pytest.mark.parametrize("name", ["../evil", "{tmp_path}/evil", "a/b", "..", "x" * 65, "a b", ".hidden"])
def test_a_name_that_leaves_the_folder_is_refused_and_nothing_is_created(
    tmp_path: Path, tiny: Recipe, name: str
) -> None:
    with pytest.raises(ModelDirectoryError, match="name may hold"):
        jobs.start(tiny, name.format(tmp_path=tmp_path))
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert found <= {"runs", "runs/.start.lock"}
    assert model_dir.runs() == []


@pytest.mark.usefixtures("no_process", "cifar10")
def test_a_name_that_is_taken_is_refused(runs: Path, tiny: Recipe) -> None:
    run = run_that_is(runs, "stopped", tiny)
    before = run.config_path.read_bytes()
    with pytest.raises(ModelDirectoryError, match="already a run “stopped”"):
        jobs.start(tiny, "stopped")
    assert run.config_path.read_bytes() == before


@pytest.mark.usefixtures("no_process", "cifar10")
@pytest.mark.parametrize("state", ["starting", "running", "stopping"])
def test_one_run_trains_at_a_time(runs: Path, tiny: Recipe, state: Any) -> None:
    busy = run_that_is(runs, state, tiny)
    other = run_that_is(runs, "stopped", tiny)
    assert jobs.active_run() == busy
    with pytest.raises(JobError, match=f"“{state}” is training"):
        jobs.start(tiny, "next")
    with pytest.raises(JobError, match=f"“{state}” is training"):
        jobs.resume(other)
    with pytest.raises(JobError, match=f"“{state}” is {state}, there is nothing to resume"):
        jobs.resume(busy)
    assert {run.name for run in model_dir.runs()} == {state, "stopped"}


@pytest.mark.usefixtures("no_process", "cifar10")
@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "interrupted"])
def test_a_run_that_has_ended_is_not_stopped(runs: Path, tiny: Recipe, state: Any) -> None:
    run = run_that_is(runs, state, tiny)
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
    run = run_that_is(runs, "stopped", tiny)
    with pytest.raises(DatasetError):
        jobs.resume(run)


@pytest.mark.usefixtures("no_process", "cifar10")
def test_a_folder_that_cannot_be_written_is_reported(
    tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CIFAR_LAB_RUNS", str(tmp_path / "file" / "runs"))
    with pytest.raises(JobError, match=r"^No training can be started in .*runs \(Not a directory\)\.$"):
        jobs.start(tiny, "next")
