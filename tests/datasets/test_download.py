import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections import namedtuple
from pathlib import Path
from typing import NoReturn

import pooch
import pytest

from cifar_core.datasets import cifar10, download
from cifar_core.errors import DatasetError
from tests.model_directories import LONG
from tests.servers import FileServer

ROOT = Path(__file__).parents[2]
COMMAND = "python -m cifar_core data"
ARCHIVE = "cifar.tar.gz"


@pytest.fixture
def server(file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    monkeypatch.setattr(download, "ARCHIVE_URL", f"{file_server.url}/{ARCHIVE}")
    return file_server


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def serve(server: FileServer, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.bodies[ARCHIVE] = body
    monkeypatch.setattr(download, "ARCHIVE_MD5", md5(body))


def official(files: dict[str, bytes]) -> bytes:
    return pack({f"cifar-10-batches-py/{name}": content for name, content in files.items()})


def failed_download(cache: Path) -> str:
    """Download, expect one clear sentence and nothing left behind; return the sentence."""
    with pytest.raises(DatasetError) as caught:
        download.download_cifar10()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert COMMAND in message
    assert isinstance(caught.value.__cause__, Exception)
    assert {path.name for path in cache.glob("*")} <= {"download.lock"}
    assert cifar10.find() is None
    return message


def test_download(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"cifar-10-batches-py/{name}": content for name, content in reversed(batches.items())}
    serve(server, pack({"cifar-10-batches-py/readme.html": b"", **members, "../outside": b""}), monkeypatch)
    (cache / "download").mkdir(parents=True)
    (cache / "download" / "left by a killed one").touch()
    damaged = cache / "cifar-10-batches-py" / "data_batch_2"
    damaged.parent.mkdir()
    damaged.write_bytes(b"half")

    calls: list[tuple[int, int]] = []
    folder = download.download_cifar10(lambda done, total: calls.append((done, total)))

    assert folder == cifar10.find() == cache / "cifar-10-batches-py"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == batches
    assert {path.name for path in cache.iterdir()} <= {"cifar-10-batches-py", "download.lock"}
    assert not list(cache.parent.rglob("outside"))
    done = [count for count, _ in calls]
    assert {total for _, total in calls} == {len(server.bodies[ARCHIVE])}
    assert done == sorted(done)
    assert 0 < done[0] < done[-1] == len(server.bodies[ARCHIVE])

    assert download.download_cifar10() == folder
    assert len(server.requests) == 1, "what is whole is not downloaded again"


def test_archive_with_a_wrong_md5_is_not_even_opened(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.bodies[ARCHIVE] = official(batches)
    opened: list[object] = []
    monkeypatch.setattr(tarfile, "open", lambda *args, **_: opened.append(args))
    assert "not the official archive" in failed_download(cache)
    assert len(server.requests) == 1
    assert not opened


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.0])
def test_truncated_archive(
    kept: float, cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    serve(server, body[: int(kept * len(body))], monkeypatch)
    assert "does not hold the six official batches" in failed_download(cache)


def test_archive_without_one_batch(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    del batches["data_batch_5"]
    serve(server, official(batches), monkeypatch)
    assert "does not hold the six official batches" in failed_download(cache)


def test_a_link_in_the_archive_is_not_taken_for_a_batch(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = batches.pop("test_batch")
    elsewhere = cache.parent / "elsewhere"
    elsewhere.write_bytes(content)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, str(elsewhere)
        tar.addfile(link)
        for name, batch in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(batch)
            tar.addfile(member, io.BytesIO(batch))
    serve(server, gzip.compress(buffer.getvalue()), monkeypatch)
    failed_download(cache)


def test_no_network(cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with FileServer() as closed:
        pass
    monkeypatch.setattr(download, "ARCHIVE_URL", closed.url)
    message = failed_download(cache)
    assert all(words in message for words in (closed.url, "no connection", "CIFAR10_DIR"))
    assert len(server.requests) == 0


@pytest.mark.parametrize("status", [404, 503])
def test_server_error(status: int, cache: Path, server: FileServer) -> None:
    server.statuses[ARCHIVE] = status
    assert f"the server answered {status}" in failed_download(cache)


def test_silent_server(cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.2)
    server.released.clear()
    assert "no answer in time" in failed_download(cache)


def test_connection_lost_half_way(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, official(batches), monkeypatch)
    server.cut = 100_000
    assert "could not be downloaded" in failed_download(cache)


def test_too_little_space_is_noticed_before_the_download(
    cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover = cache / "download" / "left by a killed one"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 399_000_000, 399_000_000))
    message = failed_download(cache)
    assert "full" in message
    assert "400 MB" in message
    assert len(server.requests) == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_disk_full_while_unpacking(
    code: int,
    cache: Path,
    batches: dict[str, bytes],
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_source: object, target: io.BufferedWriter, *_: object) -> NoReturn:
        target.write(b"some of it")
        raise OSError(code, os.strerror(code))

    serve(server, official(batches), monkeypatch)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert "full" in failed_download(cache)


def test_disk_full_while_downloading(
    cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: object, _url: str, output: str, _pooch: object) -> NoReturn:
        Path(output).write_bytes(b"some of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    assert "full" in failed_download(cache)
    assert len(server.requests) == 0


def test_cache_that_cannot_be_written(cache: Path, server: FileServer) -> None:
    cache.write_bytes(b"a file where the folder should be")
    message = failed_download(cache)
    assert f"{cache} cannot be written" in message
    assert len(server.requests) == 0


SECOND_PROCESS = """
import json, sys
from pathlib import Path
from cifar_core import paths
from cifar_core.datasets import cifar10, download

cache, download.ARCHIVE_URL, download.ARCHIVE_MD5, cifar10.BATCH_MD5 = json.loads(sys.argv[1])
paths.user_cache_path = lambda _: Path(cache)
print("ready", flush=True)
print(download.download_cifar10())
"""


def test_a_second_process_waits_for_the_first(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, official(batches), monkeypatch)
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 600)
    server.released.clear()
    first = threading.Thread(target=download.download_cifar10)
    first.start()
    assert server.requested.wait(LONG)
    facts = json.dumps([str(cache), download.ARCHIVE_URL, download.ARCHIVE_MD5, cifar10.BATCH_MD5])
    command = [sys.executable, "-c", SECOND_PROCESS, facts]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout
        assert second.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.7)
        assert len(server.requests) == 1
        server.released.set()
        first.join()
        assert second.stdout.read().strip() == str(cache / "cifar-10-batches-py")
    assert second.returncode == 0
    assert len(server.requests) == 1
    assert {path.name: path.read_bytes() for path in (cache / "cifar-10-batches-py").iterdir()} == batches
