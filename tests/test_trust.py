"""The lists against published figures, the download against our own server, the curve against a slow one."""

import hashlib
import io
import json
import math
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cifar_core import dataset, metrics, selective, trust, trust_files
from cifar_core.errors import DatasetError

ROOT = Path(__file__).parent.parent
NAMES = [
    "cifar10h-counts.npy",
    "cifar10_mturk.json",
    "duplicates_cifar10.csv",
]


@pytest.fixture(scope="module")
def lists() -> dict[str, bytes]:
    """The real files by name; their tests fail, and are not skipped, where they are missing."""
    assert trust_files.missing() == [], "let CIFAR10_TRUST name the folder with the lists"
    return {name: (trust_files.folder() / name).read_bytes() for name in NAMES}


@pytest.fixture(scope="module")
def votes() -> NDArray[np.int64]:
    found = trust.human_votes()
    assert found is not None, "let CIFAR10_TRUST name the folder with the lists"
    return found


@pytest.fixture(scope="module")
def labels(cifar10: Path) -> NDArray[np.int64]:
    return dataset.load_test(cifar10).labels


# The real lists


def test_human_votes_as_published(votes: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
    assert votes.dtype == np.int64
    assert votes.shape == (10_000, 10)
    assert votes.sum() == 511_000
    assert (votes.sum(axis=1).min(), votes.sum(axis=1).max()) == (47, 63)
    assert f"{trust.human_accuracy(votes, labels):.2%}" == "95.24%"
    assert trust.unanimous(votes).sum() == 4_393
    assert (votes.argmax(axis=1) != labels).sum() == 79


def test_one_image_that_all_people_see_alike_goes_against_its_label(
    votes: NDArray[np.int64], labels: NDArray[np.int64]
) -> None:
    assert (trust.unanimous(votes) & (votes.argmax(axis=1) != labels)).sum() == 1


def test_human_votes_agree_with_each_other(votes: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
    entropy = trust.entropy(votes)
    assert ((entropy == 0) == trust.unanimous(votes)).all()
    assert entropy.max() < math.log(10)
    matrix = trust.human_confusion(votes, labels)
    assert matrix.sum() == votes.sum()
    cat = votes[labels == 3].sum(axis=0)
    assert (matrix[3] == cat).all()
    assert matrix[3, 5] == max(np.delete(matrix[3], 3)), "people, too, take cats for dogs first of all"


@pytest.mark.usefixtures("lists")
def test_questioned_labels_as_published(labels: NDArray[np.int64]) -> None:
    table = trust.questioned_labels()
    assert table is not None
    assert len(table) == 275
    # Northcutt 2021, the table of validated errors by kind; "given" are those that were none
    kinds = {"given": 221, "no majority": 32, "guessed": 18, "neither": 4}
    assert table["verdict"].value_counts().to_dict() == kinds
    assert table["image"].is_monotonic_increasing
    assert table["image"].is_unique
    assert list(table["given"]) == [dataset.CLASS_NAMES[y] for y in labels[table["image"]]]
    assert (table["given"] != table["guessed"]).all()
    said = table[["votes_given", "votes_guessed", "votes_both", "votes_neither"]]
    assert (said.sum(axis=1) == 5).all()
    rejected = table["verdict"] != "given"
    assert rejected.sum() == 54
    assert (rejected == (table["votes_given"] < 3)).all()
    assert (table["votes_given"] + table["votes_both"] >= 3)[rejected].sum() == 17


@pytest.mark.usefixtures("lists")
def test_duplicates_as_published(cifar10: Path) -> None:
    table = trust.duplicates()
    assert table is not None
    assert list(table.columns) == ["test", "train", "distance", "kind"]
    assert len(table) == 286
    assert table["kind"].value_counts().to_dict() == {"near-duplicate": 249, "very similar": 37}
    assert table["test"].is_unique
    assert not table["train"].is_unique
    assert table["distance"].is_monotonic_increasing

    # The indices mean what we think: pairs look alike, and the same pairs shuffled do not.
    last = table[table["train"] >= 40_000]
    test, train = dataset.load_test(cifar10), dataset.load_batch(cifar10, "data_batch_5")
    assert (test.labels[last["test"]] == train.labels[last["train"] - 40_000]).all()
    images, twins = (
        test.images[last["test"]].astype(float),
        train.images[last["train"] - 40_000].astype(float),
    )
    apart = np.abs(images - twins).mean(axis=(1, 2, 3))
    shuffled = np.abs(images - np.roll(twins, 1, axis=0)).mean(axis=(1, 2, 3))
    assert np.median(apart) < np.median(shuffled) / 2

    one = table.loc[table["test"] == 6611, ["test", "train", "kind"]]
    assert one.to_numpy().tolist() == [[6611, 49007, "near-duplicate"]]


@pytest.mark.usefixtures("lists")
def test_cleaner_test_sets() -> None:
    masks = trust.cleaner_test_sets()
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {
        "without rejected labels": 10_000 - 54,
        "without near-duplicates in the training set": 10_000 - 286,
        "images humans agree on": 4_393,
    }
    assert all(mask.shape == (10_000,) and mask.dtype == bool for mask in masks.values())
    table, twice = trust.questioned_labels(), trust.duplicates()
    assert table is not None
    assert twice is not None
    kept = masks["without rejected labels"][table["image"]]
    assert (kept == (table["verdict"] == "given")).all()
    assert not masks["without near-duplicates in the training set"][twice["test"]].any()


# Votes by hand


def test_votes_by_hand() -> None:
    # A cat all agree on, a cat half taken for a dog, a dog that everybody takes for a cat.
    votes = np.zeros((3, 10), np.uint8)
    votes[0, 3] = votes[2, 3] = 50
    votes[1, [3, 5]] = 25
    labels = np.array([3, 5, 5])
    assert trust.entropy(votes) == pytest.approx([0, math.log(2), 0])
    assert trust.unanimous(votes).tolist() == [True, False, True]
    assert trust.human_accuracy(votes, labels) == 0.5
    matrix = trust.human_confusion(votes, labels)
    assert (matrix[3, 3], matrix[5, 3], matrix[5, 5], matrix.sum()) == (50, 75, 25, 150)


def test_an_image_with_more_votes_weighs_more_in_the_accuracy() -> None:
    votes = np.zeros((2, 10), int)
    votes[0, 0], votes[1, 1] = 30, 10
    assert trust.human_accuracy(votes, np.array([0, 0])) == 0.75


@pytest.mark.parametrize(
    "votes",
    [
        np.ones((0, 10), int),
        np.ones((2, 9), int),
        np.ones(10, int),
        np.ones((2, 10)),
        -np.ones((2, 10), int),
        np.eye(10, dtype=int)[:2] - [[0], [1]],
        np.zeros((2, 10), int),
    ],
)
def test_what_are_no_votes(votes: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="votes"):
        trust.unanimous(votes)


@pytest.mark.parametrize("labels", [[0], [0, 10], [0, -1], [0.0, 1.0]])
def test_what_are_no_labels(labels: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"[Ll]abels"):
        trust.human_accuracy(np.ones((2, 10), int), np.array(labels))


# Missing and damaged files


READERS = {
    "cifar10h-counts.npy": trust.human_votes,
    "cifar10_mturk.json": trust.questioned_labels,
    "duplicates_cifar10.csv": trust.duplicates,
}


def test_without_the_lists(cache: Path) -> None:
    assert len(trust_files.missing()) == 3
    assert all(reader() is None for reader in READERS.values())
    assert trust.without_rejected_labels() is None
    assert trust.without_duplicates() is None
    assert trust.humans_agree() is None
    assert trust.cleaner_test_sets() == {}
    assert not cache.exists(), "to ask leaves nothing behind"


@pytest.mark.parametrize("name", NAMES)
def test_one_list_alone(
    name: str, lists: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(lists[name])
    monkeypatch.setenv("CIFAR10_TRUST", str(tmp_path))
    assert len(trust_files.missing()) == 2
    assert [other for other, reader in READERS.items() if reader() is not None] == [name]
    assert len(trust.cleaner_test_sets()) == 1


def sentence(caught: pytest.ExceptionInfo[DatasetError]) -> str:
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "longer", "pickle", "huge"])
def test_another_file_is_not_even_parsed(
    name: str, damage: str, lists: dict[str, bytes], cache: Path
) -> None:
    path = cache / "trust" / name
    path.parent.mkdir(parents=True)
    content = lists[name]
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
    assert len(trust_files.missing()) == 2, "the page shows the sentence, not that the list is missing"


def test_a_pickle_is_refused_even_with_the_right_hash(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    fake(monkeypatch, {"cifar10h-counts.npy": buffer.getvalue()}, "http://unused")
    (cache / "trust").mkdir(parents=True)
    (cache / "trust" / "cifar10h-counts.npy").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="allow_pickle"):
        trust.human_votes()


def test_a_file_that_cannot_be_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cache / "trust" / NAMES[0]
    path.parent.mkdir(parents=True)
    path.touch()

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(DatasetError) as caught:
        trust.human_votes()
    assert f"{path} cannot be read (Permission denied)" in sentence(caught)


def test_a_variable_that_names_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_TRUST", str(tmp_path / "nowhere"))
    for ask in (trust_files.missing, trust.human_votes, trust_files.download):
        with pytest.raises(DatasetError) as caught:
            ask()
        assert str(tmp_path / "nowhere") in sentence(caught)


# The download


def fake(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], address: str) -> None:
    """Let these small files pass for the published ones, to be had from this address."""
    sources = {
        source.name: attribute
        for attribute, source in vars(trust_files).items()
        if isinstance(source, trust_files.Source)
    }
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        source = trust_files.Source(name, f"{address}/{name}", len(content), digest)
        monkeypatch.setattr(trust_files, sources[name], source)
    fakes = tuple(getattr(trust_files, sources[name]) for name in NAMES if name in files)
    monkeypatch.setattr(trust_files, "SOURCES", fakes)


class Server(ThreadingHTTPServer):
    """Serves `bodies` by name."""

    cut = 0  # bytes promised but not sent

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.requests: list[str] = []
        self.requested, self.released = threading.Event(), threading.Event()
        self.released.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path[1:]
        self.server.requests.append(name)
        self.server.requested.set()
        self.server.released.wait(20)
        body = self.server.bodies[name]
        self.send_response(self.server.statuses.get(name, 200))
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # the client may have given up
            self.end_headers()
            self.wfile.write(body[: len(body) - self.server.cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def files() -> dict[str, bytes]:
    return {name: random.Random(name).randbytes(1_000 * n) for n, name in enumerate(NAMES, 1)}


@pytest.fixture
def server(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.bodies = dict(files)
        fake(monkeypatch, files, server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def failed_download(cache: Path, have: int = 0) -> str:
    """Download, expect one clear sentence and only whole files left behind; return the sentence."""
    with pytest.raises(DatasetError) as caught:
        trust_files.download()
    assert isinstance(caught.value.__cause__, Exception)
    assert {path.name for path in cache.glob("*")} <= {"trust.lock", "trust"}
    assert len(trust_files.missing()) == 3 - have
    assert sum(trust_files.read(source) is not None for source in trust_files.SOURCES) == have
    return sentence(caught)


def test_the_addresses_name_a_commit_and_the_hashes_are_those_of_the_real_files(
    lists: dict[str, bytes],
) -> None:
    assert [source.name for source in trust_files.SOURCES] == NAMES
    for source in trust_files.SOURCES:
        assert source.url.startswith("https://raw.githubusercontent.com/")
        assert len(source.url.split("/")[5]) == 40
        assert trust_files.read(source) == lists[source.name]
        assert len(lists[source.name]) == source.size


def test_download(cache: Path, files: dict[str, bytes], server: Server) -> None:
    (cache / "trust-download").mkdir(parents=True)
    (cache / "trust-download" / NAMES[0]).write_bytes(b"left by a killed one")
    (cache / "trust").mkdir()
    (cache / "trust" / NAMES[0]).write_bytes(b"damaged")
    (cache / "trust" / NAMES[1]).write_bytes(files[NAMES[1]])

    calls: list[tuple[int, int]] = []
    folder = trust_files.download(lambda done, total: calls.append((done, total)))

    assert folder == cache / "trust"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    assert {path.name for path in cache.iterdir()} <= {"trust", "trust.lock"}
    assert calls == [(1_000, 4_000), (4_000, 4_000)]
    assert trust_files.missing() == []
    assert server.requests == [NAMES[0], *NAMES[2:]], "what is whole is not downloaded again"

    assert trust_files.download() == folder
    assert len(server.requests) == 2


def test_no_network(cache: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as closed:
        pass
    fake(monkeypatch, files, closed.url)
    message = failed_download(cache)
    assert all(words in message for words in (closed.url, "no connection", "CIFAR10_TRUST"))


def test_silent_server_is_asked_once(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_files, "TIMEOUT_SECONDS", 0.2)
    server.released.clear()
    assert "no answer in time" in failed_download(cache)
    assert len(server.requests) == 1


def test_connection_lost_half_way(cache: Path, server: Server) -> None:
    server.cut = 500
    assert "could not be downloaded" in failed_download(cache)


@pytest.mark.parametrize("status", [404, 503])
def test_a_list_that_is_gone_does_not_keep_the_others_away(status: int, cache: Path, server: Server) -> None:
    server.statuses = {NAMES[0]: status}
    message = failed_download(cache, have=2)
    assert f"the server answered {status}" in message
    assert NAMES[0] in message


def test_wrong_hash(cache: Path, server: Server) -> None:
    server.bodies[NAMES[2]] = b"another file"
    message = failed_download(cache, have=2)
    assert "its sha256 differs" in message
    assert NAMES[2] in message


def test_cache_that_cannot_be_written(cache: Path, server: Server) -> None:
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(DatasetError) as caught:
        trust_files.download()
    assert f"{cache / 'trust'} cannot be written" in sentence(caught)
    assert server.requests == []


def test_a_folder_of_the_users_own_is_not_written_to(
    cache: Path,
    files: dict[str, bytes],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name in NAMES[1:]:
        (own / name).write_bytes(files[name])
    monkeypatch.setenv("CIFAR10_TRUST", str(own))
    with pytest.raises(DatasetError) as caught:
        trust_files.download()
    assert f"lacks {NAMES[0]}:" in sentence(caught)
    assert not (own / NAMES[0]).exists()
    (own / NAMES[0]).write_bytes(files[NAMES[0]])
    assert trust_files.download() == own
    assert server.requests == []
    assert not cache.exists()


SECOND_PROCESS = """
import json, sys
from pathlib import Path
from cifar_core import dataset, trust_files

cache, sources = json.loads(sys.argv[1])
trust_files.SOURCES = tuple(trust_files.Source(*source) for source in sources)
dataset.user_cache_path = lambda _: Path(cache)
print("ready", flush=True)
print(trust_files.download())
"""


def test_a_second_process_waits_for_the_first(cache: Path, files: dict[str, bytes], server: Server) -> None:
    server.released.clear()
    first = threading.Thread(target=trust_files.download)
    first.start()
    assert server.requested.wait(10)
    facts = json.dumps([str(cache), trust_files.SOURCES])
    command = [sys.executable, "-c", SECOND_PROCESS, facts]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout
        assert second.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.7)
        server.released.set()
        first.join()
        assert second.stdout.read().strip() == str(cache / "trust")
    assert second.returncode == 0
    assert len(server.requests) == 3
    assert {path.name: path.read_bytes() for path in (cache / "trust").iterdir()} == files


# Accuracy against coverage


def predictions(images: int, seed: int) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    raw = np.exp(rng.normal(scale=3, size=(images, 10)))
    p = raw / raw.sum(axis=1, keepdims=True)
    return p.astype(np.float16), (p.cumsum(axis=1) > rng.random((images, 1))).argmax(axis=1)


def slow_point(p: NDArray[Any], labels: NDArray[Any], threshold: float) -> tuple[float, float]:
    answered = right = 0
    for row, label in zip(p.tolist(), labels.tolist(), strict=True):
        if max(row) >= threshold:
            answered += 1
            right += row.index(max(row)) == label
    return answered / len(labels), right / answered


@pytest.mark.parametrize("images", [1, 7, 150, 800])
def test_coverage_curve_against_a_slow_one(images: int) -> None:
    p, labels = predictions(images, seed=images)
    curve = selective.coverage_curve(p, labels)
    assert list(curve.columns) == ["coverage", "accuracy", "threshold"]
    assert len(curve) <= 200
    for coverage, accuracy, threshold in curve.to_numpy():
        assert (coverage, accuracy) == pytest.approx(slow_point(p, labels, threshold), abs=1e-12)
    assert curve["coverage"].is_monotonic_increasing
    assert curve["coverage"].is_unique
    assert curve["coverage"].iloc[-1] == 1
    assert curve["accuracy"].iloc[-1] == pytest.approx(metrics.accuracy(p, labels))
    thresholds = set(p.max(axis=1).astype(float))
    assert set(curve["threshold"]) <= thresholds
    if images < 200:
        assert len(curve) == len(thresholds)
    else:
        assert curve["coverage"].diff().max() < 0.01 + (p.max(axis=1) == 1).mean()


def test_coverage_curve_by_hand() -> None:
    p = np.full((4, 10), 0.02)
    p[[0, 1, 2, 3], [3, 5, 3, 0]] = 0.82
    p[3], p[3, 0] = 0.06, 0.46
    curve = selective.coverage_curve(p, np.array([3, 5, 5, 1]))
    assert curve["coverage"].tolist() == [0.75, 1]
    assert curve["accuracy"].tolist() == pytest.approx([2 / 3, 0.5])
    assert curve["threshold"].tolist() == pytest.approx([0.82, 0.46])


def test_coverage_curve_keeps_both_ends_when_thinned() -> None:
    p, labels = predictions(500, seed=1)
    whole, ends = (
        selective.coverage_curve(p, labels, points=500),
        selective.coverage_curve(p, labels, points=2),
    )
    assert ends.to_numpy().tolist() == whole.iloc[[0, -1]].to_numpy().tolist()


def test_coverage_curve_refuses_what_is_no_prediction() -> None:
    p, labels = predictions(5, seed=0)
    with pytest.raises(ValueError, match="points"):
        selective.coverage_curve(p, labels, points=1)
    with pytest.raises(ValueError, match="probabilities"):
        selective.coverage_curve(p * 2, labels)
    with pytest.raises(ValueError, match="labels"):
        selective.coverage_curve(p, labels[:4])
