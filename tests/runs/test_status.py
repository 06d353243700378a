"""What a run says of itself, and how much of it is believed."""

import json
import os
import platform
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import Status
from tests.model_directories import complete


def claim(directory: ModelDirectory, state: str, pid: int, started: float, **more: Any) -> None:
    values = {"state": state, "pid": pid, "pid_started": started, "eta_seconds": 9.0, **more}
    directory.status_path.write_text(json.dumps(values))


def test_a_status_comes_back(directory: ModelDirectory) -> None:
    me = psutil.Process()
    written = Status("running", me.pid, me.create_time(), "training", 2, 10, 30, 46, 512.5, 0.1, 12.0, 80.0)
    before = time.time()
    directory.write_status(written)
    read = directory.status()
    assert before <= read.updated <= time.time()
    assert read == Status(**{**written.__dict__, "updated": read.updated})
    assert read.active


@pytest.mark.parametrize("state", ["starting", "running", "stopping"])
def test_a_claim_to_live_is_checked(directory: ModelDirectory, state: str) -> None:
    me = psutil.Process()
    claim(directory, state, me.pid, me.create_time())
    assert directory.status().state == state

    # the right pid, but the process is another one
    claim(directory, state, me.pid, me.create_time() - 60, epoch=3)
    status = directory.status()
    assert (status.state, status.epoch, status.eta_seconds, status.active) == ("interrupted", 3, None, False)
    assert status.error.startswith("Its process ended without a word")


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "interrupted"])
def test_a_run_that_has_ended_needs_no_process(directory: ModelDirectory, state: str) -> None:
    claim(directory, state, 0, 0.0)
    assert directory.status().state == state


def test_a_dead_process_and_a_zombie_are_interrupted(directory: ModelDirectory) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(child.pid).create_time()
    claim(directory, "running", child.pid, started)
    assert directory.status().state == "running"

    child.kill()
    if sys.platform != "win32":
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but not yet buried
        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert directory.status().state == "interrupted"
    child.communicate()
    assert directory.status().state == "interrupted"


@pytest.mark.parametrize(
    "values",
    [
        {"state": "running"},
        {"state": "running", "pid": None, "pid_started": 0},
        {"state": "running", "pid": "me", "pid_started": 0},
        {"state": "running", "pid": -1, "pid_started": 0},
        {"state": "running", "pid": 2**70, "pid_started": 0},
        {"state": "running", "pid": 1, "pid_started": "yesterday"},
        {"state": "running", "pid": [1], "pid_started": None},
        {"state": "on fire", "pid": os.getpid()},
        {"state": ["running"]},
        {"pid": 1},
        {},
        {"state": "running", "pid": os.getpid(), "host": 5},
        {"state": "running", "host": "elsewhere", "updated": "yesterday"},
        {"state": "finished", "epoch": "two"},
        {"state": "finished", "seconds": float("inf")},
        {"state": "finished", "images_per_second": None},
    ],
)
def test_a_status_that_makes_no_sense_is_interrupted(
    directory: ModelDirectory, values: dict[str, Any]
) -> None:
    directory.status_path.write_text(json.dumps(values))
    assert directory.status().state == "interrupted"


def test_fields_of_other_versions_are_ignored(directory: ModelDirectory) -> None:
    claim(directory, "finished", 1, 0.0, gpu="none")
    assert directory.status().state == "finished"


def test_without_a_readable_status_the_results_decide(directory: ModelDirectory) -> None:
    assert directory.status().state == "interrupted"
    directory.status_path.write_bytes(b'{"state": "fin')
    assert directory.status().state == "interrupted"
    complete(directory)
    assert directory.status().state == "finished"
    directory.status_path.unlink()
    assert directory.status().state == "finished"


def test_a_worker_on_another_machine_is_believed_for_as_long_as_it_writes(directory: ModelDirectory) -> None:
    def state(silent_for: float, host: str = "another-machine") -> str:
        claim(directory, "running", 1, 0.0, host=host, updated=time.time() - silent_for)
        return directory.status().state

    assert state(silent_for=20) == "running"
    assert state(silent_for=120) == "interrupted"
    assert state(silent_for=20, host=platform.node()) == "interrupted"  # here one can look for the process
