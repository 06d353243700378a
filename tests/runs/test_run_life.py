"""The life of a run with a real worker: started, stopped, resumed, killed, resumed again, finished."""

import itertools
import json
import platform
import statistics
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import psutil
import pytest

from cifar_core.datasets.dataset import split
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import JobError
from cifar_core.files import read_arrays
from cifar_core.recipe import Recipe
from cifar_core.runs import catalogue, jobs, status
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import Status
from tests.model_directories import LONG, bury, ended, in_mid_epoch, shorten, until

WORKER_LOCK = f".worker-{platform.node()}.lock"


class Watch:
    """Reads a run's status as fast as it can, and notes what was wrong with it."""

    def __init__(self, directory: ModelDirectory) -> None:
        self.directory, self.seen = directory, list[Status]()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        ended = False
        while not ended:
            ended = self.done.wait(0.01)  # and one look more
            status = self.directory.status()
            if not self.seen or status != self.seen[-1]:
                self.seen.append(status)

    def end(self) -> None:
        self.done.set()
        self.thread.join()


class Story:
    """One run that is started, stopped, resumed, killed, resumed again and finishes."""

    EPOCHS: ClassVar = 1_000  # more than there is time for before the run is shortened

    def __init__(self, root: Path, recipe: Recipe) -> None:
        self.root, self.recipe = root, recipe
        self.directory = jobs.start(recipe, "story", DIGITS)
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
            lambda: jobs.start(self.recipe, "second", DIGITS),
            lambda: jobs.start(self.recipe, dataset=DIGITS),
            lambda: jobs.resume(run),
        ):
            with pytest.raises(JobError) as refusal:
                attempt()
            self.refusals.append(str(refusal.value))

        jobs.stop(run)
        self.stopped = ended(run)
        self.history_when_stopped = run.history()
        self.stop_file_left = run.stop_path.exists()
        with pytest.raises(JobError) as refusal:
            jobs.stop(run)
        self.refusals.append(str(refusal.value))

        jobs.resume(run)
        self.resumed = until(lambda: in_mid_epoch(run, len(self.history_when_stopped) + 1))
        worker = psutil.Process(self.resumed.pid)
        worker.kill()
        worker.wait(LONG)
        self.interrupted = run.status()  # the first look must tell
        self.claim_when_killed = json.loads(run.status_path.read_text())["state"]
        # An epoch whose row is written, but not its checkpoint, is done again.
        saved = int(read_arrays(run.checkpoint_path, {"epoch"})["epoch"])
        self.history_when_killed = run.history()[:saved]

        self.epochs = saved + 2
        shorten(run, self.epochs)
        self.recipe = self.recipe.with_(epochs=self.epochs)
        jobs.resume(run)
        self.finished = ended(run)
        with pytest.raises(JobError) as refusal:
            jobs.resume(run)
        self.refusals.append(str(refusal.value))


@pytest.fixture(scope="module")
def story(
    tmp_path_factory: pytest.TempPathFactory,
    tiny: Recipe,
) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("story") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFAR_LAB_RUNS", str(root))
        yield Story(root, tiny.with_(images=1_400, batch_size=32, epochs=Story.EPOCHS))


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
    assert 2 <= status.epoch < Story.EPOCHS
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
    assert [run.name for run in catalogue.runs()] == ["story"]
    assert {path.name for path in story.root.iterdir()} == {"story", ".start.lock", WORKER_LOCK}


@pytest.mark.slow
def test_stop_keeps_the_finished_epochs(story: Story) -> None:
    assert (story.stopped.state, story.stopped.phase, story.stopped.eta_seconds) == ("stopped", "", None)
    assert not story.stop_file_left
    whole = len(story.history_when_stopped)
    assert 1 <= whole < Story.EPOCHS
    assert story.history_when_stopped["epoch"].tolist() == [*range(1, whole + 1)]
    assert story.resumed.epoch > whole  # it goes on where it stood


@pytest.mark.slow
def test_a_killed_worker_is_noticed(story: Story) -> None:
    assert story.interrupted.state == "interrupted"
    assert story.claim_when_killed == "running"  # it had no time to say otherwise
    assert story.resumed.pid != story.while_training.pid
    assert len(story.history_when_stopped) <= len(story.history_when_killed) < Story.EPOCHS


@pytest.mark.slow
def test_after_two_resumes_every_epoch_is_there_once(story: Story) -> None:
    run = story.directory
    assert (story.finished.state, story.finished.eta_seconds) == ("finished", None)
    assert story.finished.error == run.card().get("warning", "")  # few images: perhaps a guess
    assert story.finished.epoch == story.finished.epochs == story.epochs
    history, steps = run.history(), run.steps()
    assert history["epoch"].tolist() == [*range(1, story.epochs + 1)]
    for earlier in (story.history_when_stopped, story.history_when_killed):
        assert history.iloc[: len(earlier)].equals(earlier)
    assert steps["step"].is_monotonic_increasing
    assert steps["step"].is_unique
    assert steps["step"].iloc[-1] == story.epochs * story.recipe.steps_per_epoch
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
        "model.onnx", "predictions.npz", "card.json", "watched.npz", "worker.log",
        *(f"snapshots/{epoch}.onnx" for epoch in run.snapshots()),
    }  # fmt: skip
    assert run.snapshots()
    assert run.has_results()
    assert run in catalogue.models()
    config = run.config()
    assert run.recipe() == story.recipe
    assert set(config.versions) == {"python", "keras", "tensorflow", "onnxruntime"}
    assert config.hardware
    assert config.parameters > 1_000


@pytest.mark.slow
def test_predictions_and_card_are_of_the_test_set(story: Story) -> None:
    run, test = story.directory, DIGITS.load("test")
    predictions = run.predictions()
    assert predictions["test"].shape == (360, 10)
    assert predictions["validation"].shape == (200, 10)
    assert {predictions[name].dtype for name in ("test", "validation")} == {np.dtype(np.float16)}
    train_labels = DIGITS.load("train").labels
    expected = split(train_labels, images=1_400, validation_images=200, seed=0).validation
    np.testing.assert_array_equal(predictions["validation_indices"], expected)
    accuracy = (predictions["test"].argmax(axis=1) == test.labels).mean()
    card = run.card()
    assert card["name"] == "story"
    assert card["accuracy"] == pytest.approx(accuracy)
    assert card["epochs"] == story.epochs
    # the model that was exported is the one that was validated last
    right = predictions["validation"].argmax(axis=1) == train_labels[expected]
    assert right.mean() == pytest.approx(run.history()["val_accuracy"].iloc[-1], abs=0.011)


@pytest.mark.slow
def test_the_status_is_renewed_every_second_and_always_readable(story: Story) -> None:
    states = {status.state for status in story.watch.seen}
    # what lasts only until we go on can take less time than to look
    brief = {"stopping", "stopped", "interrupted"}
    assert states | brief == {"starting", "running", "finished"} | brief
    assert {status.phase for status in story.watch.seen} >= {
        "loading TensorFlow", "training", "saving the model"
    }  # fmt: skip
    gaps = []
    for pid, seen in itertools.groupby(story.watch.seen, lambda status: status.pid):
        beats = [status.updated for status in seen if status.state != "interrupted"]
        assert pid > 0
        gaps += [later - earlier for earlier, later in itertools.pairwise(beats)]
    assert len(gaps) > 20
    # Where others want the processor, or a library is loaded, a beat comes late, but never as if dead.
    assert statistics.median(gaps) < 1.0
    assert max(gaps) < status._SILENCE / 2
