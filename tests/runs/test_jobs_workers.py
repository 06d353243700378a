"""What `jobs` makes of workers that fail, and of servers that compete or die."""

import json
import os
import platform
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from cifar_core import paths
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import JobError
from cifar_core.recipe import Recipe
from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory
from tests.model_directories import LONG, bury, ended, in_mid_epoch, run_that_is, until

WORKER = "cifar_core.training.worker"
WORKER_LOCK = f".worker-{platform.node()}.lock"
_POPEN = subprocess.Popen
ON_DIGITS = {"dataset": DIGITS.facts.to_dict()}  # which are on every machine


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

        run.write_config(replace(run.config(), recipe=tiny))
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
from dataclasses import replace
from pathlib import Path
from cifar_core.runs import jobs
from cifar_core.errors import CifarLabError
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe

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
