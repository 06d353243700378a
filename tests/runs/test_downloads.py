"""The download as a process of its own, and everything that may happen to it and to who started it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil
import pytest

from cifar_core.datasets import cifar10, download_status
from cifar_core.datasets.download_status import DownloadStatus
from cifar_core.errors import DatasetError
from cifar_core.runs import downloads
from tests.datasets.archives import noisy_batches, offer, official, pretend_in_processes
from tests.model_directories import LONG
from tests.servers import FileServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def batches(
    cache: Path, tmp_path: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, bytes]]:
    """What can be downloaded, 1.2 MB, from a source named `one`; a download that a test leaves is ended."""
    assert not cache.exists()
    files = noisy_batches(200_000, monkeypatch)
    offer(file_server, official(files), monkeypatch, "one")
    pretend_in_processes(tmp_path / "customized", monkeypatch)
    yield files
    downloads.cancel()


def until(condition: Callable[[DownloadStatus], bool]) -> DownloadStatus:
    end = time.monotonic() + LONG
    while not condition(status := downloads.status()):
        assert time.monotonic() < end, status
        time.sleep(0.05)
    return status


def over(status: DownloadStatus) -> bool:
    return not status.active


def arrived(cache: Path) -> int:
    return (cache / "download" / "cifar.tar.gz.part").stat().st_size


def is_whole(cache: Path, batches: dict[str, bytes]) -> bool:
    return {path.name: path.read_bytes() for path in (cache / cifar10.FOLDER).iterdir()} == batches


def test_before_anything(cache: Path) -> None:
    assert downloads.status() == DownloadStatus("none") == downloads.cancel()
    assert not cache.exists()


def test_a_download(cache: Path, batches: dict[str, bytes], file_server: FileServer) -> None:
    file_server.speeds["one"] = 500_000
    status = downloads.start()
    assert (status.state, status.active) == ("running", True)
    seen = []
    while (status := downloads.status()).active:
        seen.append(status)
        time.sleep(0.1)
    assert (status.state, status.error, status.fraction) == ("finished", "", 1.0)
    assert status.bytes_per_second == 0
    assert is_whole(cache, batches)
    assert status.done == status.total == len(file_server.bodies["one"])
    under_way = [status for status in seen if status.done]
    assert [status.done for status in seen] == sorted(status.done for status in seen)
    assert len({status.updated for status in under_way}) >= 3
    assert all(status.source == file_server.url.removeprefix("http://") for status in under_way)
    assert any(100_000 < status.bytes_per_second < 700_000 for status in under_way)
    assert any(status.eta_seconds and status.eta_seconds < 10 for status in under_way)
    written = sorted({status.updated for status in seen})
    assert median(later - earlier for earlier, later in pairwise(written)) < 1

    assert downloads.start().pid != status.pid, "a new one, which has nothing to do"
    assert until(over).state == "finished"
    assert len(file_server.requests) == 1


def test_a_second_start_is_the_first(cache: Path, batches: dict[str, bytes], file_server: FileServer) -> None:
    file_server.released.clear()
    with ThreadPoolExecutor(4) as several:
        here = list(several.map(lambda _: downloads.start(), range(4)))
    code = "from cifar_core.runs import downloads; print(downloads.start().pid)"
    there = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True, timeout=LONG)
    assert {status.pid for status in here} == {int(there)}
    file_server.released.set()
    assert until(over).state == "finished"
    assert is_whole(cache, batches)
    assert len(file_server.requests) == 1


def test_cancelled_and_resumed(cache: Path, batches: dict[str, bytes], file_server: FileServer) -> None:
    file_server.speeds["one"] = 300_000
    downloads.start()
    until(lambda status: status.done > 200_000)
    status = downloads.cancel()
    assert (status.state, status.active, status.error) == ("stopped", False, "")
    came = arrived(cache)
    assert came >= 200_000
    assert downloads.cancel() == status
    file_server.speeds.clear()
    downloads.start()
    assert until(over).state == "finished"
    assert is_whole(cache, batches)
    assert file_server.spans == [None, f"bytes={came}-"]


@pytest.mark.skipif(sys.platform == "win32", reason="which has no signal that halts a process")
def test_halted_and_cancelled(cache: Path, batches: dict[str, bytes], file_server: FileServer) -> None:
    file_server.speeds["one"] = 300_000
    pid = downloads.start().pid
    until(lambda status: status.done > 200_000)
    os.kill(pid, signal.SIGSTOP)
    assert downloads.cancel().state == "interrupted"
    assert not psutil.pid_exists(pid)
    came = arrived(cache)
    file_server.speeds.clear()
    downloads.start()
    assert until(over).state == "finished"
    assert is_whole(cache, batches)
    assert file_server.spans == [None, f"bytes={came}-"]


def test_killed_and_resumed(cache: Path, batches: dict[str, bytes], file_server: FileServer) -> None:
    file_server.speeds["one"] = 300_000
    pid = downloads.start().pid
    until(lambda status: status.done > 200_000)
    os.kill(pid, signal.SIGKILL)
    assert until(over).state == "interrupted"
    came = arrived(cache)
    assert came >= 200_000
    file_server.speeds.clear()
    downloads.start()
    assert until(over).state == "finished"
    assert is_whole(cache, batches)
    assert file_server.spans == [None, f"bytes={came}-"]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_it_outlives_who_started_it(
    end: signal.Signals, cache: Path, batches: dict[str, bytes], file_server: FileServer
) -> None:
    file_server.released.clear()
    # What runs in the background may have been told to ignore Ctrl-C, and so would what it starts.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from cifar_core.runs import downloads; downloads.start(); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as starter:
        assert starter.stdout
        assert starter.stdout.readline() == b"\n"
        os.killpg(starter.pid, end)  # as a terminal does, and whoever ends a service
        starter.wait(LONG)
    file_server.released.set()
    assert until(over).state == "finished"
    assert is_whole(cache, batches)
    assert len(file_server.requests) == 1


@pytest.mark.usefixtures("batches")
def test_a_failure_says_why(file_server: FileServer) -> None:
    file_server.statuses["one"] = 404
    downloads.start()
    status = until(over)
    assert status.state == "failed"
    assert "the server answered 404" in status.error
    file_server.statuses.clear()
    assert downloads.start().error == "", "the old failure is forgotten"
    assert until(over).state == "finished"


def test_a_cache_that_cannot_be_written(cache: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(DatasetError, match="cannot be written"):
        downloads.start()
    assert downloads.status().state == "none"


@pytest.mark.usefixtures("batches")
def test_a_process_that_does_not_start(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cifar_core.runs.processes.command", lambda *_: [sys.executable, "-c", "1/0"])
    with pytest.raises(DatasetError, match="did not start: ZeroDivisionError"):
        downloads.start()
    assert cache.exists()


def test_a_status_that_makes_no_sense_is_none(cache: Path) -> None:
    cache.mkdir()
    path = download_status.path()
    right = asdict(DownloadStatus("finished", done=3, total=3, eta_seconds=None))
    path.write_text(json.dumps(right))
    assert downloads.status().state == "finished"
    nonsense: list[dict[str, object]] = [
        {"state": "flying"},
        {"state": []},
        {"done": "3"},
        {"total": -1},
        {"eta_seconds": float("nan")},
        {"pid": None},
        {"error": None},
    ]
    for wrong in nonsense:
        path.write_text(json.dumps({**right, **wrong}))
        assert downloads.status() == DownloadStatus(), wrong
    for text in ("", "{", "[]", "{}", "7", '{"state": "running"}'):
        path.write_text(text)
        assert downloads.status() == DownloadStatus(), text


def test_another_process_with_its_pid_is_not_taken_for_it_and_not_ended(cache: Path) -> None:
    cache.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        started = psutil.Process(other.pid).create_time()
        for pid, pid_started in ((other.pid, started - 60), (2**31, started), (2**70, started), (0, 0.0)):
            download_status.write(DownloadStatus("running", pid=pid, pid_started=pid_started))
            assert downloads.cancel().state == "interrupted"
        assert other.poll() is None
        other.communicate(b"\n")


def test_import_is_light() -> None:
    code = "import sys, cifar_core.runs.downloads; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    assert not {"requests", "pyarrow", "PIL", "pandas", "sklearn", "tensorflow", "streamlit"} & set(loaded)
