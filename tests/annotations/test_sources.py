"""The lists where they are missing or damaged, and their download from a server of our own."""

import hashlib
import io
import random
from pathlib import Path

import numpy as np
import pytest

from cifar_core.annotations import lists, sources
from cifar_core.datasets import transfer
from cifar_core.errors import DatasetError
from tests.datasets.two_processes import printed_by_the_second
from tests.model_directories import LONG
from tests.servers import FileServer, refusing_proxy, secured

READERS = {
    "cifar10h-counts.npy": lists.human_votes,
    "cifar10_mturk.json": lists.questioned_labels,
    "duplicates_cifar10.csv": lists.duplicates,
}
NAMES = list(READERS)


# Missing and damaged files


def test_without_the_lists(cache: Path) -> None:
    assert len(sources.missing()) == 3
    assert all(reader() is None for reader in READERS.values())
    assert lists.without_rejected_labels() is None
    assert lists.without_duplicates() is None
    assert lists.humans_agree() is None
    assert lists.cleaner_test_sets() == {}
    assert not cache.exists(), "to ask leaves nothing behind"


@pytest.mark.parametrize("name", NAMES)
def test_one_list_alone(
    name: str, list_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(list_files[name])
    monkeypatch.setenv("CIFAR10_TRUST", str(tmp_path))
    assert len(sources.missing()) == 2
    assert [other for other, reader in READERS.items() if reader() is not None] == [name]
    assert len(lists.cleaner_test_sets()) == 1


def sentence(caught: pytest.ExceptionInfo[DatasetError]) -> str:
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "longer", "pickle", "huge"])
def test_another_file_is_not_even_parsed(
    name: str, damage: str, files: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, files, "http://unused")
    path = cache / "trust" / name
    path.parent.mkdir(parents=True)
    content = files[name]
    pickled = io.BytesIO()
    np.save(pickled, np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    with path.open("wb") as file:
        file.write(
            {
                "empty": b"",
                "cut": content[:-1],
                "changed": content[:-1] + b"?",
                "longer": content + b"\n",
                "pickle": pickled.getvalue(),
                "huge": content,
            }[damage]
        )
        if damage == "huge":
            file.truncate(10**12)  # sparse: it takes no room on the disk, and must take none in memory
    with pytest.raises(DatasetError) as caught:
        READERS[name]()
    assert f"{path} is not the published file" in sentence(caught)
    assert len(sources.missing()) == 2, "the page shows the sentence, not that the list is missing"


def test_a_pickle_is_refused_even_with_the_right_hash(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    fake(monkeypatch, {"cifar10h-counts.npy": buffer.getvalue()}, "http://unused")
    (cache / "trust").mkdir(parents=True)
    (cache / "trust" / "cifar10h-counts.npy").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="allow_pickle"):
        lists.human_votes()


def test_a_file_that_cannot_be_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cache / "trust" / NAMES[0]
    path.parent.mkdir(parents=True)
    path.touch()

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(DatasetError) as caught:
        lists.human_votes()
    assert f"{path} cannot be read (Permission denied)" in sentence(caught)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("nowhere", "is not a folder"), ("x" * 5_000, "cannot be read (File name too long)")],
)
def test_a_variable_that_names_no_folder(
    name: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFAR10_TRUST", name)
    for ask in (sources.missing, lists.human_votes, sources.download):
        with pytest.raises(DatasetError) as caught:
            ask()
        assert f"names {name[:7]}" in (told := sentence(caught))
        assert f", which {fault}: correct it or unset it." in told
        assert len(told) < 400


# The download


def fake(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], address: str) -> None:
    """Let these small files pass for the published ones, to be had from this address."""
    attributes = {
        source.name: attribute
        for attribute, source in vars(sources).items()
        if isinstance(source, sources.Source)
    }
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        source = sources.Source(name, f"{address}/{name}", len(content), digest)
        monkeypatch.setattr(sources, attributes[name], source)
    fakes = tuple(getattr(sources, attributes[name]) for name in NAMES if name in files)
    monkeypatch.setattr(sources, "SOURCES", fakes)


@pytest.fixture
def files() -> dict[str, bytes]:
    return {name: random.Random(name).randbytes(1_000 * n) for n, name in enumerate(NAMES, 1)}


@pytest.fixture
def server(files: dict[str, bytes], file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    file_server.bodies = dict(files)
    fake(monkeypatch, files, file_server.url)
    return file_server


def failed_download(cache: Path, have: int = 0) -> str:
    """Download, expect one clear sentence and only whole files left behind; return the sentence."""
    with pytest.raises(DatasetError) as caught:
        sources.download()
    assert isinstance(caught.value.__cause__, Exception)
    assert {path.name for path in cache.glob("*")} <= {"trust.lock", "trust"}
    assert len(sources.missing()) == 3 - have
    assert sum(sources.read(source) is not None for source in sources.SOURCES) == have
    return sentence(caught)


def test_the_addresses_name_a_commit_and_the_hashes_are_those_of_the_real_files(
    list_files: dict[str, bytes],
) -> None:
    assert [source.name for source in sources.SOURCES] == NAMES
    for source in sources.SOURCES:
        assert source.url.startswith("https://raw.githubusercontent.com/")
        assert len(source.url.split("/")[5]) == 40
        assert sources.read(source) == list_files[source.name]
        assert len(list_files[source.name]) == source.size


def test_download(cache: Path, files: dict[str, bytes], server: FileServer) -> None:
    (cache / "trust-download").mkdir(parents=True)
    (cache / "trust-download" / NAMES[0]).write_bytes(b"left by a killed one")
    (cache / "trust").mkdir()
    (cache / "trust" / NAMES[0]).write_bytes(b"damaged")
    (cache / "trust" / NAMES[1]).write_bytes(files[NAMES[1]])

    calls: list[tuple[int, int]] = []
    folder = sources.download(lambda done, total: calls.append((done, total)))

    assert folder == cache / "trust"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    assert {path.name for path in cache.iterdir()} <= {"trust", "trust.lock"}
    assert calls == [(1_000, 4_000), (4_000, 4_000)]
    assert sources.missing() == []
    assert server.requests == [NAMES[0], *NAMES[2:]], "what is whole is not downloaded again"

    assert sources.download() == folder
    assert len(server.requests) == 2


def test_no_network(cache: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    with FileServer() as closed:
        pass
    fake(monkeypatch, files, closed.url)
    message = failed_download(cache)
    assert all(
        words in message for words in (closed.url, "no connection", "Check the network, then try again.")
    )


def test_a_certificate_or_a_proxy_is_told_from_a_network_that_is_none(
    cache: Path, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured(tmp_path) as (secure, _), refusing_proxy(403) as proxy:
        fake(monkeypatch, files, secure.url)
        assert "its certificate is not trusted. Let this machine trust it" in failed_download(cache)
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", "")
        assert "the proxy refuses (403). Correct or switch off the proxy" in failed_download(cache)
        with pytest.raises(transfer.DownloadError) as caught:
            sources.download()
        assert "HTTPS_PROXY" in caught.value.advice
        assert not secure.requests


def test_a_page_to_log_in(cache: Path, server: FileServer) -> None:
    server.bodies |= dict.fromkeys(NAMES, b"<html>Please log in</html>")
    assert "a web page came instead. Open any web page in a browser" in failed_download(cache)


def test_a_busy_server(cache: Path, server: FileServer) -> None:
    server.statuses[NAMES[0]], server.headers[NAMES[0]] = 429, {"Retry-After": "90"}
    assert "the server answered 429 and asks to wait 1 min 30 s" in failed_download(cache, have=2)


def test_silent_server_is_asked_once(
    cache: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 0.2)
    server.released.clear()
    assert "no answer in time" in failed_download(cache)
    assert server.requested.wait(LONG)
    assert len(server.requests) == 1


def test_connection_lost_half_way(cache: Path, server: FileServer) -> None:
    server.cut = 500
    assert "the connection broke off. Try again." in failed_download(cache)


@pytest.mark.parametrize("status", [404, 503])
def test_a_list_that_is_gone_does_not_keep_the_others_away(
    status: int, cache: Path, server: FileServer
) -> None:
    server.statuses = {NAMES[0]: status}
    message = failed_download(cache, have=2)
    assert f"the server answered {status}" in message
    assert NAMES[0] in message


def test_wrong_hash(cache: Path, server: FileServer) -> None:
    server.bodies[NAMES[2]] = b"another file"
    message = failed_download(cache, have=2)
    assert "it has another file there" in message
    assert NAMES[2] in message


def test_cache_that_cannot_be_written(cache: Path, server: FileServer) -> None:
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(DatasetError) as caught:
        sources.download()
    assert f"{cache} cannot be written" in sentence(caught)
    assert server.requests == []


def test_a_folder_of_the_users_own_is_not_written_to(
    cache: Path,
    files: dict[str, bytes],
    server: FileServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name in NAMES[1:]:
        (own / name).write_bytes(files[name])
    monkeypatch.setenv("CIFAR10_TRUST", str(own))
    with pytest.raises(DatasetError) as caught:
        sources.download()
    assert f"lacks {NAMES[0]}:" in sentence(caught)
    assert not (own / NAMES[0]).exists()
    (own / NAMES[0]).write_bytes(files[NAMES[0]])
    assert sources.download() == own
    assert server.requests == []
    assert not cache.exists()


SECOND_PROCESS = """
import json, sys
from pathlib import Path
from cifar_core import paths
from cifar_core.annotations import sources

cache, listed = json.loads(sys.argv[1])
sources.SOURCES = tuple(sources.Source(*source) for source in listed)
paths.user_cache_path = lambda _: Path(cache)
print("ready", flush=True)
print(sources.download())
"""


def test_a_second_process_waits_for_the_first(
    cache: Path, files: dict[str, bytes], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 600)
    facts = [str(cache), sources.SOURCES]
    printed = printed_by_the_second(SECOND_PROCESS, facts, sources.download, server)
    assert printed == str(cache / "trust")
    assert len(server.requests) == 3
    assert {path.name: path.read_bytes() for path in (cache / "trust").iterdir()} == files
