"""Several sources, some of them slow, cut off, wrong, silent or gone."""

import time
from pathlib import Path

import pytest

from cifar_core.datasets import cifar10, download, sources, transfer
from cifar_core.datasets.sources import File, Source
from cifar_core.errors import DatasetError
from tests.datasets.archives import noisy_batches, offer, official
from tests.servers import FileServer


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of slowness is enough."""
    monkeypatch.setattr(transfer, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(download, "_PAUSE_SECONDS", 0.01)


def downloaded(cache: Path, batches: dict[str, bytes]) -> bool:
    folder = download.download_cifar10()
    assert folder == cache / cifar10.FOLDER
    return {path.name: path.read_bytes() for path in folder.iterdir()} == batches


def test_a_source_of_70_kilobytes_a_second_is_left_within_15_seconds(
    cache: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = noisy_batches(500_000, monkeypatch)
    offer(file_server, official(batches), monkeypatch, "slow", "fast")
    file_server.speeds["slow"] = 70_000
    began = time.monotonic()
    assert downloaded(cache, batches)
    assert 10 < time.monotonic() - began < 15
    assert file_server.requests == ["slow", "fast"]
    span = file_server.spans[1]
    assert span
    assert 500_000 < int(span.removeprefix("bytes=").rstrip("-")) < 1_000_000, (
        "it goes on where the other was"
    )


@pytest.mark.usefixtures("impatient")
def test_when_all_are_slow_the_fastest_goes_on(
    cache: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = noisy_batches(60_000, monkeypatch)
    offer(file_server, official(batches), monkeypatch, "slow", "less slow", "slowest")
    # The last is not left for want of another, but dies; then it shows who was the fastest.
    file_server.speeds |= {"slow": 60_000, "less%20slow": 90_000, "slowest": 30_000}
    file_server.bodies["less%20slow"] = file_server.bodies["less slow"]
    file_server.cuts["slowest"] = 110_000
    assert downloaded(cache, batches)
    assert file_server.requests == ["slow", "less%20slow", "slowest", "less%20slow"]


@pytest.mark.usefixtures("impatient")
def test_what_is_nearly_there_is_not_left(
    cache: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = noisy_batches(15_000, monkeypatch)
    offer(file_server, official(batches), monkeypatch, "slow", "fast")
    file_server.speeds["slow"] = 120_000
    assert downloaded(cache, batches)
    assert file_server.requests == ["slow"]


def test_what_was_cut_off_at_60_percent_is_resumed(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    offer(file_server, body, monkeypatch, "one", "two")
    file_server.cuts["one"] = at = len(body) * 6 // 10
    assert downloaded(cache, batches)
    assert file_server.requests == ["one", "two"]
    assert file_server.spans == [None, f"bytes={at}-"]


@pytest.mark.usefixtures("impatient", "cache")
def test_the_only_one_is_resumed_whenever_it_breaks_off(
    batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    offer(file_server, body, monkeypatch, "one")
    file_server.cuts["one"] = at = len(body) // 2
    calls: list[int] = []

    def progress(done: int, _total: int) -> None:
        calls.append(done)
        if done >= at and len(file_server.requests) < 3:  # three requests, of which the last gets the rest
            file_server.cuts["one"] = at + 50_000 * len(file_server.requests)
        elif done >= at:
            file_server.cuts.clear()

    folder = download.download_cifar10(progress)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == batches
    assert len(file_server.requests) >= 3
    assert file_server.spans[1] == f"bytes={at}-"
    assert calls == sorted(calls), "nothing was asked for twice"


def test_a_source_that_knows_no_ranges_starts_over(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(file_server, official(batches), monkeypatch, "one", "two")
    file_server.cuts["one"] = 200_000
    file_server.ranges = False
    assert downloaded(cache, batches)
    assert file_server.spans == [None, "bytes=200000-"]


@pytest.mark.parametrize("status", [404, 500])
def test_after_a_source_that_is_gone_the_next_is_taken(
    status: int,
    cache: Path,
    batches: dict[str, bytes],
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offer(file_server, official(batches), monkeypatch, "one", "two")
    file_server.statuses["one"] = status
    assert downloaded(cache, batches)
    assert file_server.requests == ["one", "two"]


@pytest.mark.parametrize("silence", [0, 150_000])
def test_after_a_source_that_falls_silent_the_next_is_taken(
    silence: int,
    cache: Path,
    batches: dict[str, bytes],
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 0.3)
    offer(file_server, official(batches), monkeypatch, "one", "two")
    file_server.silences["one"] = silence
    assert downloaded(cache, batches)
    assert file_server.spans[1] == (f"bytes={silence}-" if silence else None)


def test_wrong_bytes_are_refused_and_the_next_source_is_taken(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    file_server.bodies |= {"one": bytes([body[0] ^ 1]) + body[1:], "two": b"<html>Please log in</html>"}
    offer(file_server, body, monkeypatch, "one", "two", "three")
    assert downloaded(cache, batches)
    assert file_server.requests == ["one", "two", "three"]
    assert file_server.spans == [None, None, None], "nothing of what is wrong is built upon"


def test_a_wrong_beginning_does_not_spoil_who_goes_on_from_it(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    file_server.bodies["one"] = bytes([body[0] ^ 1]) + body[1:]
    offer(file_server, body, monkeypatch, "one", "two")
    file_server.cuts["one"] = 150_000
    assert downloaded(cache, batches)
    assert list(zip(file_server.requests, file_server.spans, strict=True)) == [
        ("one", None),
        ("two", "bytes=150000-"),
        ("two", None),
    ]


def test_all_are_wrong_each_in_its_way(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    file_server.bodies["one"] = body[::-1]
    offer(file_server, body, monkeypatch, "one", "two", "three")
    file_server.statuses |= {"two": 404, "three": 503}
    with pytest.raises(DatasetError) as caught:
        download.download_cifar10()
    reasons = ("it has another file there", "the server answered 404", "the server answered 503")
    assert all(reason in str(caught.value) for reason in reasons)
    assert not (cache / "download").exists()


def test_a_file_that_has_become_shorter_is_asked_for_anew(
    cache: Path, batches: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    file_server.bodies["one"] = body
    anything = File("cifar.tar.gz", 100)
    monkeypatch.setattr(sources, "SOURCES", (Source(((f"{file_server.url}/one", anything),)),))
    part = cache / "download" / "cifar.tar.gz.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(body + b"more")
    assert downloaded(cache, batches)
    assert file_server.spans == [f"bytes={len(body) + 4}-", None]
