"""What `jobs` refuses, what it makes of workers that fail, and of servers that compete or die."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from cifar_core import files, hardware, paths
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import DatasetError, JobError, ModelDirectoryError, RecipeError
from cifar_core.recipes import Recipe, get_recipe
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import State, Status
from tests.model_directories import LONG, bury, ended, in_mid_epoch, made, run_that_is, until

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


# Workers that do not start


def program(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> list[subprocess.Popen[bytes]]:
    """Let every new worker be this Python program; return the list that those started are put in."""
    started: list[subprocess.Popen[bytes]] = []

    def popen(command: list[str], **options: Any) -> Any:
        if WORKER not in command:  # `platform` starts one
            return _POPEN(command, **options)
        started.append(_POPEN([sys.executable, "-c", code], **{**options, "cwd": folder}))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    return started


def test_a_worker_that_dies_at_once_is_reported_with_its_last_words(
    runs: Path,
    tmp_path: Path,
    tiny: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program(monkeypatch, tmp_path, "import sys; print('before', flush=True); sys.exit('no memory left\\n')")
    with pytest.raises(JobError, match=r"^The training process did not start: no memory left$"):
        jobs.start(tiny, "dead", DIGITS)
    assert not (runs / "dead").exists()

    program(monkeypatch, tmp_path, "")
    with pytest.raises(JobError, match=r"^The training process did not start: it gave no reason\.$"):
        jobs.start(tiny, "dead", DIGITS)
    assert not (runs / "dead").exists()


@pytest.mark.slow
def test_a_worker_may_be_started_by_a_launcher(
    runs: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows does in a virtual environment: the process that is started is not the one that trains."""

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        launcher = ["sh", "-c", '"$@"; exit $?', "sh"] if WORKER in command else []
        return _POPEN([*launcher, *command], **options)

    # its error is not taken for the new worker's
    run = run_that_is("failed", runs / "again", tiny, **ON_DIGITS)
    monkeypatch.setattr(subprocess, "Popen", popen)
    jobs.resume(run)
    assert run.status().active
    jobs.stop(run)
    ended(run)


def test_a_worker_that_never_reports_is_killed(
    runs: Path,
    tmp_path: Path,
    tiny: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = program(monkeypatch, tmp_path, "import time; time.sleep(600)")
    monkeypatch.setattr(jobs, "_START_SECONDS", 1.0)
    with pytest.raises(JobError, match="did not start within 1 seconds"):
        jobs.start(tiny, "mute", DIGITS)
    assert not (runs / "mute").exists()
    [worker] = started
    assert worker.wait(LONG) != 0


def test_a_failed_resume_leaves_the_run_as_it_was(
    runs: Path,
    tmp_path: Path,
    tiny: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = run_that_is("stopped", runs / "stopped", tiny, **ON_DIGITS)
    run.log_path.write_text("words of the last time\n")
    program(monkeypatch, tmp_path, "import sys; sys.exit('no memory left')")
    with pytest.raises(JobError, match="no memory left"):
        jobs.resume(run)
    assert run.status().state == "stopped"
    program(monkeypatch, tmp_path, "")
    with pytest.raises(JobError, match="it gave no reason"):
        jobs.resume(run)
    assert run.log_path.read_text() == "words of the last time\nno memory left\n"


# A training that fails


@pytest.mark.slow
def test_a_training_that_fails_says_why_and_can_be_resumed(runs: Path, tiny: Recipe) -> None:
    broken = tiny.with_(network_options={"widths": [8, 16, 16], "activation": "nonsense"})
    run = jobs.start(broken, "broken", DIGITS)
    try:
        status = ended(run)
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
        assert ended(run).state == "stopped"
    finally:
        bury(runs)


# Two servers, and a server that dies


SERVER = """
import json, sys, time
from pathlib import Path
from cifar_core.runs import jobs
from cifar_core.errors import CifarLabError
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.recipes import Recipe, get_recipe

recipe, folder, name = Recipe.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
(folder / f"{name}.ready").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
try:
    answer = {"started": str(jobs.start(recipe, name).path)}
except CifarLabError as error:
    answer = {"error": str(error), "kind": type(error).__name__}
print(json.dumps(answer), flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_of_two_servers_one_trains_and_its_death_does_not_end_the_training(
    tmp_path: Path, cifar10_folder: Path, tiny: Recipe
) -> None:
    recipe = json.dumps(tiny.with_(images=8_200, batch_size=128, epochs=100).to_dict())
    (tmp_path / "data").symlink_to(cifar10_folder.resolve())
    environment = {
        **os.environ,
        "CIFAR_LAB_RUNS": "their runs",  # both relative to where the servers were started
        "CIFAR10_DIR": "data",
        "PYTHONPATH": str(paths.code_root()),
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
        if sys.platform != "win32":  # there it means to kill; elsewhere a machine that shuts down says so
            psutil.Process(pid).terminate()
            assert ended(run).state == "stopped"
    finally:
        for server in servers.values():
            server.kill()
            server.wait()
            assert server.stdout is not None
            server.stdout.close()
        bury(root)
