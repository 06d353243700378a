"""What is in the way where the file is not: a certificate, a proxy, a page to log in, a busy server."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cifar_core import connections
from cifar_core.datasets import cifar10, download, sources, transfer
from cifar_core.datasets.sources import File, Source
from tests.datasets.archives import offer, official
from tests.servers import FileServer, refusing_proxy, secured

ARCHIVE = "cifar.tar.gz"
PAGE = b"\n<!DOCTYPE html><html>Please log in to the network of the hotel</html>" + bytes(20_000)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The pauses between attempts, which nobody waits for; other threads sleep as ever."""
    made: list[float] = []
    sleep, here = time.sleep, threading.get_ident()
    monkeypatch.setattr(
        time, "sleep", lambda wait: made.append(wait) if threading.get_ident() == here else sleep(wait)
    )
    yield made
    monkeypatch.undo()


def failed() -> transfer.DownloadError:
    with pytest.raises(transfer.DownloadError) as caught:
        download.download_cifar10()
    told = str(caught.value)
    assert f"un {cifar10.COMMAND} again" in told
    assert not any(name in told for name in ("HTTPS_PROXY", connections.CERTIFICATES, "CIFAR10_DIR"))
    return caught.value


def downloaded(cache: Path, batches: dict[str, bytes]) -> bool:
    folder = download.download_cifar10()
    return folder == cache / cifar10.FOLDER and {path.name for path in folder.iterdir()} == set(batches)


@pytest.mark.usefixtures("cache")
def test_a_certificate_that_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with secured(tmp_path) as (server, certificate):
        offer(server, b"", monkeypatch, ARCHIVE)
        error = failed()
        assert "its certificate is not trusted" in str(error)
        assert "Let this machine trust it, then run" in str(error)
        assert connections.CERTIFICATES in error.advice
        monkeypatch.setenv(connections.CERTIFICATES, str(certificate))
        server.statuses[ARCHIVE] = 404
        assert "the server answered 404" in str(failed())


@pytest.mark.usefixtures("cache")
def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    secure = Source(((f"https://example.invalid/{ARCHIVE}", File(ARCHIVE, 100)),))
    monkeypatch.setattr(sources, "SOURCES", (secure,))
    with refusing_proxy(407) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        error = failed()
    assert "the proxy refuses (407)" in str(error)
    assert "Check the network" not in str(error)
    assert "HTTPS_PROXY" in error.advice


def test_what_breaks_off_is_no_matter_of_the_network(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(file_server, official(batches), monkeypatch, ARCHIVE)
    file_server.cuts[ARCHIVE] = 100_000
    told = str(failed())
    assert (
        f"the connection broke off ({file_server.url.removeprefix('http://')}). Run {cifar10.COMMAND}" in told
    )
    assert told.endswith("again; what has come is kept.")
    assert (cache / "download" / f"{ARCHIVE}.part").stat().st_size == 100_000


@pytest.mark.parametrize("lengths", [True, False])
def test_a_page_to_log_in_is_not_written_over_what_has_come(
    lengths: bool,
    cache: Path,
    batches: dict[str, bytes],
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = official(batches)
    offer(file_server, body, monkeypatch, ARCHIVE)
    part = cache / "download" / f"{ARCHIVE}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(body[:200_000])
    file_server.bodies[ARCHIVE], file_server.lengths, file_server.ranges = PAGE, lengths, False
    told = str(failed())
    assert "a web page came instead" in told
    assert "Open any web page in a browser, in case the network asks to log in, then run" in told
    assert part.read_bytes() == body[:200_000]
    file_server.bodies[ARCHIVE], file_server.lengths, file_server.ranges = body, True, True
    assert downloaded(cache, batches)
    assert file_server.spans[-1] == "bytes=200000-"


@pytest.mark.parametrize("kind", ["page", "sent to a page", "status 511"])
def test_after_a_page_to_log_in_the_next_source_is_taken(
    kind: str,
    cache: Path,
    batches: dict[str, bytes],
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offer(file_server, official(batches), monkeypatch, "one", "two")
    file_server.bodies |= {"one": PAGE, "log%20in": PAGE}
    host = f"localhost:{file_server.server_port}"
    if kind == "sent to a page":
        file_server.statuses["one"] = 302
        file_server.headers["one"] = {"Location": f"http://{host}/log%20in"}
    if kind == "status 511":
        file_server.statuses["one"] = 511
    assert downloaded(cache, batches)
    (cache / cifar10.FOLDER / "test_batch").unlink()
    file_server.bodies["two"] = PAGE
    told = str(failed())
    assert ("the server answered 511" in told) == (kind == "status 511")
    assert (f"a web page came instead from {host}, where it sends" in told) == (kind == "sent to a page")


def test_a_source_that_sends_to_another_host_is_followed(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(file_server, body := official(batches), monkeypatch, "one")
    file_server.bodies["elsewhere"] = body
    file_server.statuses["one"] = 302
    file_server.headers["one"] = {"Location": f"http://localhost:{file_server.server_port}/elsewhere"}
    assert downloaded(cache, batches)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_source_gets_the_pause_that_it_asks_for(
    status: int,
    pauses: list[float],
    cache: Path,
    batches: dict[str, bytes],
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offer(file_server, official(batches), monkeypatch, "one", "two")
    file_server.statuses |= {"one": status, "two": 404}
    file_server.headers["one"] = {"Retry-After": "17"}

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        file_server.statuses.clear()

    monkeypatch.setattr(time, "sleep", pause)
    assert downloaded(cache, batches)
    assert file_server.requests == ["one", "two", "one", "one"]
    assert pauses == [17]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("3600", " and asks to wait 1 h 0 min ("),
        ("Sat, 01 Jan 2090 00:00:00 GMT", " and asks to wait 6 h 0 min ("),
        ("9" * 5_000, " ("),
        ("99999999", " and asks to wait 6 h 0 min ("),
        ("-5", " ("),
        ("soon", " ("),
    ],
)
def test_a_source_that_asks_for_too_long_a_pause_is_left(
    asked: str, told: str, pauses: list[float], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(file_server, b"", monkeypatch, "one")
    file_server.statuses["one"], file_server.headers["one"] = 503, {"Retry-After": asked}
    assert f"the server answered 503{told}" in str(failed())
    assert not pauses


def test_a_length_that_is_no_number(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(file_server, official(batches), monkeypatch, "one")
    file_server.lengths, file_server.headers["one"] = False, {"Content-Length": "9" * 5_000}
    assert downloaded(cache, batches)
