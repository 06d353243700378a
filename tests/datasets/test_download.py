import errno
import gzip
import hashlib
import io
import os
import shutil
import tarfile
from collections import namedtuple
from pathlib import Path
from typing import NoReturn

import pytest

from cifar_core.datasets import cifar10, download, transfer
from cifar_core.errors import DatasetError
from tests.datasets.archives import offer, official, pack
from tests.datasets.two_processes import printed_by_the_second
from tests.servers import FileServer

COMMAND = "python -m cifar_core data download"
ARCHIVE = "cifar.tar.gz"


@pytest.fixture
def server(file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """A server that is the only source, of an archive that no test has given yet."""
    offer(file_server, b"", monkeypatch, ARCHIVE)
    return file_server


def serve(server: FileServer, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.bodies[ARCHIVE] = body
    offer(server, body, monkeypatch, ARCHIVE)


def failed_download(cache: Path, kept: frozenset[str] = frozenset()) -> str:
    """Download, expect one clear sentence and nothing left behind but `kept`; return the sentence."""
    with pytest.raises(DatasetError) as caught:
        download.download_cifar10()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert "again" in message
    left = {path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()}
    assert left - {"download.lock"} == kept
    assert cifar10.find() is None
    return message


def test_download(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"cifar-10-batches-py/{name}": content for name, content in reversed(batches.items())}
    serve(server, pack({"cifar-10-batches-py/readme.html": b"", **members, "../outside": b""}), monkeypatch)
    (cache / "unpacked").mkdir(parents=True)
    (cache / "unpacked" / "left by a killed one").touch()
    damaged = cache / "cifar-10-batches-py" / "data_batch_2"
    damaged.parent.mkdir()
    damaged.write_bytes(b"half")

    calls: list[tuple[int, int]] = []
    phases: list[tuple[str, str]] = []
    folder = download.download_cifar10(
        lambda done, total: calls.append((done, total)), lambda *phase: phases.append(phase)
    )

    assert folder == cifar10.find() == cache / "cifar-10-batches-py"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == batches
    assert {path.name for path in cache.iterdir()} <= {"cifar-10-batches-py", "download.lock"}
    assert not list(cache.parent.rglob("outside"))
    done = [count for count, _ in calls]
    assert {total for _, total in calls} == {len(server.bodies[ARCHIVE])}
    assert done == sorted(done)
    assert 0 < done[0] < done[-1] == len(server.bodies[ARCHIVE])
    host = server.url.removeprefix("http://")
    assert phases == [("downloading", host), ("verifying", host)]

    assert download.download_cifar10() == folder
    assert len(server.requests) == 1, "what is whole is not downloaded again"


def test_a_link_in_the_cache_is_replaced_and_not_what_it_leads_to(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, official(batches), monkeypatch)
    own = cache.parent / "own"
    own.mkdir()
    for name in batches:
        (own / name).write_bytes(b"the user's")
    cache.mkdir()
    (cache / "cifar-10-batches-py").symlink_to(own)
    assert {path.name: path.read_bytes() for path in download.download_cifar10().iterdir()} == batches
    assert {path.read_bytes() for path in own.iterdir()} == {b"the user's"}


def test_archive_with_a_wrong_hash_is_not_even_opened(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, official(batches), monkeypatch)
    server.bodies[ARCHIVE] = bytes([1]) * len(server.bodies[ARCHIVE])
    opened: list[object] = []
    monkeypatch.setattr(tarfile, "open", lambda *args, **_: opened.append(args))
    assert "it has another file there" in failed_download(cache)
    assert len(server.requests) == 1
    assert not opened


def test_an_archive_of_another_size_is_not_even_read(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, official(batches), monkeypatch)
    server.bodies[ARCHIVE] += b"more"
    assert "it has another file there" in failed_download(cache)


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.0])
def test_truncated_archive(
    kept: float, cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    serve(server, body[: int(kept * len(body))], monkeypatch)
    assert "it has another file there" in failed_download(cache)


def test_archive_without_one_batch(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    del batches["data_batch_5"]
    serve(server, official(batches), monkeypatch)
    assert "it has another file there" in failed_download(cache)


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


def test_no_network(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileServer() as closed:
        pass
    offer(closed, official(batches), monkeypatch, "one", "two")
    message = failed_download(cache)
    host = closed.url.removeprefix("http://")
    assert f"no connection ({host}, {host}). Check the network" in message
    assert COMMAND in message
    assert len(server.requests) == 0


@pytest.mark.parametrize("status", [404, 503])
def test_server_error(status: int, cache: Path, server: FileServer) -> None:
    server.statuses[ARCHIVE] = status
    assert f"the server answered {status}" in failed_download(cache)


def test_silent_server(cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 0.2)
    server.released.clear()
    assert "no answer in time" in failed_download(cache)


def test_connection_lost_half_way(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_PAUSE_SECONDS", 0.01)
    serve(server, official(batches), monkeypatch)
    size = len(server.bodies[ARCHIVE])
    server.cuts[ARCHIVE] = size - 100_000
    kept = frozenset({f"download/{ARCHIVE}.part"})
    assert "the connection broke off" in failed_download(cache, kept)
    server.cuts.clear()
    assert {path.name for path in download.download_cifar10().iterdir()} == set(batches)
    assert server.spans[-1] == f"bytes={size - 100_000}-"


def test_too_little_space_is_noticed_before_the_download(
    cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 399_000_000, 399_000_000))
    message = failed_download(cache)
    assert "full" in message
    assert "400.0 MB" in message
    assert len(server.requests) == 0


def test_what_has_come_needs_no_space_again(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, body := official(batches), monkeypatch)
    part = cache / "download" / f"{ARCHIVE}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(body[:200_000])
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 399_900_000, 399_900_000))
    assert download.download_cifar10() == cifar10.find()
    assert server.spans == ["bytes=200000-"]


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
    assert "full" in failed_download(cache, frozenset({f"download/{ARCHIVE}"}))


def test_disk_full_while_downloading(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_url: object, target: Path, *_: object) -> NoReturn:
        target.with_name(f"{target.name}.part").write_bytes(b"some of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    serve(server, official(batches), monkeypatch)
    monkeypatch.setattr(transfer, "fetch", full)
    assert "full" in failed_download(cache, frozenset({f"download/{ARCHIVE}.part"}))
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
from cifar_core.datasets import cifar10, download, sources

cache, url, size, sha256, cifar10.BATCH_MD5 = json.loads(sys.argv[1])
paths.user_cache_path = lambda _: Path(cache)
sources.SOURCES = (sources.Source(((url, sources.File("cifar.tar.gz", size, sha256)),)),)
print("ready", flush=True)
print(download.download_cifar10())
"""


def test_a_second_process_waits_for_the_first(
    cache: Path, batches: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, body := official(batches), monkeypatch)
    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 600)
    sha256 = hashlib.sha256(body).hexdigest()
    facts = [str(cache), f"{server.url}/{ARCHIVE}", len(body), sha256, cifar10.BATCH_MD5]
    printed = printed_by_the_second(SECOND_PROCESS, facts, download.download_cifar10, server)
    assert printed == str(cache / "cifar-10-batches-py")
    assert len(server.requests) == 1
    assert {path.name: path.read_bytes() for path in (cache / "cifar-10-batches-py").iterdir()} == batches
