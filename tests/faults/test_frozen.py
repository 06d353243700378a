"""Workers that live and say nothing: halted by a signal, or waiting for a disk that does not answer."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cifar_core.cli import console
from cifar_core.cli import main as command_line
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import JobError
from cifar_core.recipe import Recipe
from cifar_core.runs import jobs, processes, status
from cifar_core.runs.model_dir import ModelDirectory
from tests.command_line import Typed
from tests.faults.disks import mounted
from tests.model_directories import made, run_that_is, until
from tests.pages import checked, come_from, opened

ROOT = Path(__file__).parents[2]
WORKER = """
import sys, time
from pathlib import Path
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training.worker import Heart

heart = Heart(ModelDirectory(Path(sys.argv[1])))
heart.stop_requested.wait()
heart.end(state="stopped")
"""
SENTENCE = (
    r"“mine” has said nothing for \d+ s: its process is halted, or its disk does not answer; "
    r"`python -m cifar_core stop mine --kill` ends it, and what it learned up to its last finished epoch "
    r"stays\."
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="which has no signal that halts a process")
Work = Callable[[ModelDirectory], subprocess.Popen[bytes]]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Let processes that learn nothing be workers of runs; two seconds of silence are long."""
    monkeypatch.setattr(status, "_SILENCE", 2.0)
    workers = []

    def start(run: ModelDirectory) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen([sys.executable, "-c", WORKER, str(run.path)], cwd=ROOT)
        workers.append(worker)
        until(lambda: run.status().active)
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


@pytest.fixture
def run(runs: Path, tiny: Recipe) -> ModelDirectory:
    return made(runs / "mine", tiny, dataset=DIGITS.facts.to_dict())


@pytest.fixture
def halted(run: ModelDirectory, work: Work) -> subprocess.Popen[bytes]:
    """The worker of the run, some time after a signal has halted it."""
    worker = work(run)
    worker.send_signal(signal.SIGSTOP)
    until(lambda: run.status().frozen)
    return worker


@pytest.mark.usefixtures("halted")
def test_each_wish_gets_a_sentence_at_once_and_writes_nothing(run: ModelDirectory, tiny: Recipe) -> None:
    other = run_that_is("stopped", run.path.parent / "other", tiny, dataset=DIGITS.facts.to_dict())
    before = sorted(path.name for path in run.path.iterdir())
    wishes: list[Callable[[], object]] = [
        lambda: jobs.stop(run),
        lambda: jobs.resume(run),
        lambda: jobs.delete(run),
        lambda: jobs.resume(other),
        lambda: jobs.start(tiny, "next", DIGITS),
    ]
    for wish in wishes:
        with pytest.raises(JobError, match=f"^{SENTENCE}$"):
            wish()
    assert sorted(path.name for path in run.path.iterdir()) == before
    assert run.status().state == "starting"  # it may go on


def test_a_worker_that_goes_on_is_as_if_nothing_had_been(
    run: ModelDirectory, halted: subprocess.Popen[bytes]
) -> None:
    halted.send_signal(signal.SIGCONT)
    until(lambda: not run.status().frozen)
    jobs.stop(run)
    until(lambda: run.status().state == "stopped")


@pytest.mark.usefixtures("halted")
def test_ended_by_force_it_keeps_nobody_waiting(run: ModelDirectory, typed: Typed) -> None:
    done = typed("stop", "mine", "--kill")
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith(
        "The run “mine” is interrupted; `python -m cifar_core resume mine` continues it.\n"
    )
    assert run.status().state == "interrupted"
    assert jobs.active_run() is None
    with pytest.raises(JobError, match="is interrupted, there is nothing to stop"):
        jobs.end(run)
    assert typed("delete", "mine", "--yes").status == 0
    assert not run.path.exists()


def test_stop_waits_for_a_worker_that_is_halted_no_longer_than_until_that_is_known(
    run: ModelDirectory, work: Work, typed: Typed
) -> None:
    work(run).send_signal(signal.SIGSTOP)
    done = typed("stop", "mine")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("Error: “mine” was asked to stop and has not yet, its last word is ")
    assert done.err.endswith(" old; `python -m cifar_core stop mine --kill` ends it.\n")


def test_stop_waits_for_a_worker_that_speaks_but_does_not_stop_no_longer_than_ten_minutes(
    runs: Path, tiny: Recipe, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_that_is("running", runs / "mine", tiny)
    monkeypatch.setattr(console, "STOP_SECONDS", 0.1)
    done = typed("stop", "mine")
    assert done.status == 1
    assert "was asked to stop and has not yet" in done.err


@pytest.mark.usefixtures("halted")
def test_the_list_of_runs_says_so(typed: Typed) -> None:
    assert "“mine” has said nothing for" in typed("runs").out
    [mine, *_] = json.loads(typed("runs", "--json").out)
    assert (mine["name"], mine["state"]) == ("mine", "starting")
    assert mine["error"].startswith("“mine” has said nothing for")


@pytest.mark.usefixtures("halted")
def test_who_watches_is_told_once_and_ctrl_c_ends_it(
    run: ModelDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    naps = []

    def nap(_: float) -> None:
        naps.append(1)
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("cifar_core.cli.console.time.sleep", nap)
    with pytest.raises(KeyboardInterrupt):
        command_line._follow(run)
    said = capsys.readouterr().err
    assert said.count("has said nothing for") == 1
    assert said.endswith("The run “mine” is interrupted; `python -m cifar_core resume mine` continues it.\n")


@pytest.mark.usefixtures("halted")
def test_the_page_says_how_long_ago_it_last_spoke_and_ends_it(
    run: ModelDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_from(monkeypatch, "127.0.0.1", Host="localhost:8501")
    app = opened("train", run="mine")
    [said] = [item.value for item in app.warning]
    assert "“mine” has said nothing for" in said
    assert "It may go on by itself." in said
    labels = {item.label: item for item in app.button}
    assert labels["Stop"].disabled
    labels["End it"].click()
    assert "Resume" in [item.label for item in checked(app).button]
    assert not app.warning
    assert run.status().state == "interrupted"


def test_a_worker_that_speaks_is_not_offered_to_be_ended(runs: Path, tiny: Recipe) -> None:
    run_that_is("running", runs / "mine", tiny)
    app = opened("train", run="mine")
    assert not app.warning
    assert "End it" not in [item.label for item in app.button]


@pytest.mark.usefixtures("halted")
def test_who_may_not_train_cannot_end_it(run: ModelDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("train", run="mine")
    monkeypatch.setenv("CIFAR_LAB_OPERATORS", "nobody")
    [end] = [item for item in app.button if item.label == "End it"]
    end.click()
    checked(app)
    assert run.status().active


def test_of_a_worker_elsewhere_the_place_is_named(runs: Path, tiny: Recipe) -> None:
    run = made(runs / "mine", tiny)
    run.write_status(status.Status("running", host="another-machine"))
    with pytest.raises(JobError, match=r"^“mine” trains on another-machine; end it there\.$"):
        jobs.end(run)


def test_a_dead_process_that_nobody_buries_is_gone() -> None:
    """Its parent is halted, as a command is after Ctrl-Z."""
    with subprocess.Popen(
        ["sh", "-c", "sleep 600 & echo $!; kill -STOP $$"], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        until(lambda: psutil.Process(parent.pid).status() == psutil.STATUS_STOPPED)
        assert processes.end(child)
        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        parent.kill()


@pytest.mark.root
def test_a_disk_that_does_not_answer_holds_nobody_else_up(
    runs: Path, tmp_path: Path, tiny: Recipe, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_FORCE_SECONDS", 0.5)
    with mounted(tmp_path / "disk.img", runs):
        run = made(runs / "mine", tiny)
        worker = work(run)
        subprocess.run(["fsfreeze", "--freeze", str(run.path)], check=True)
        try:
            until(lambda: run.status().frozen)
            with pytest.raises(JobError, match=f"^{SENTENCE}$"):
                jobs.stop(run)
            with contextlib.suppress(JobError):  # where the kernel lets nobody end who waits for a disk
                jobs.end(run)
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", str(run.path)], check=True)
        assert worker.wait(60) == -signal.SIGKILL
        assert run.status().state == "interrupted"


@pytest.mark.usefixtures("halted")
def test_of_a_process_that_no_force_reaches_it_is_said(
    run: ModelDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil.Process, "kill", lambda _: None)
    monkeypatch.setattr(processes, "_FORCE_SECONDS", 0.1)
    with pytest.raises(JobError, match="waits for a disk that does not answer; it ends once that does"):
        jobs.end(run)
