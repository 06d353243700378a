import errno
import gzip
import hashlib
import io
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import tarfile
import threading
import warnings
from collections import namedtuple
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import numpy as np
import pooch
import pytest

from cifar_core import dataset
from cifar_core.errors import DatasetError, RecipeError

ROOT = Path(__file__).parent.parent
COMMAND = "python -m cifar_core data"
NAMES = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]


@pytest.fixture(scope="module")
def cifar10() -> Path:
    return dataset.locate()


@pytest.fixture(scope="module")
def test_set(cifar10: Path) -> dataset.Batch:
    return dataset.load_test(cifar10)


@pytest.fixture(scope="module")
def train_set(cifar10: Path) -> dataset.Batch:
    return dataset.load_train(cifar10)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of its own, and no CIFAR10_DIR."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(dataset, "user_cache_path", lambda _: folder)
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    return folder


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Six small files that pass for the official ones; noise, so that they stay large when compressed."""
    files = {name: random.Random(name).randbytes(50_000) for name in NAMES}
    monkeypatch.setattr(dataset, "BATCH_MD5", {name: md5(content) for name, content in files.items()})
    return files


class Server(ThreadingHTTPServer):
    """Serves `body` to every request."""

    body = b""
    status = 200
    cut = 0  # bytes promised but not sent
    requests = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requested, self.released = threading.Event(), threading.Event()
        self.released.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/cifar.tar.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.server.requested.set()
        self.server.released.wait(20)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        with suppress(ConnectionError):  # the client may have given up
            self.end_headers()
            self.wfile.write(self.server.body[: len(self.server.body) - self.server.cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setattr(dataset, "ARCHIVE_URL", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


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


def serve(server: Server, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.body = body
    monkeypatch.setattr(dataset, "ARCHIVE_MD5", md5(body))


def official(files: dict[str, bytes]) -> bytes:
    return pack({f"cifar-10-batches-py/{name}": content for name, content in files.items()})


def failed_download(cache: Path) -> str:
    """Download, expect one clear sentence and nothing left behind; return the sentence."""
    with pytest.raises(DatasetError) as caught:
        dataset.download()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert COMMAND in message
    assert isinstance(caught.value.__cause__, Exception)
    assert {path.name for path in cache.glob("*")} <= {"download.lock"}
    assert dataset.find() is None
    return message


# The real data


def test_all_official_batches_pass_verification(cifar10: Path) -> None:
    dataset.verify(cifar10)


def test_shapes_types_and_class_balance(test_set: dataset.Batch, train_set: dataset.Batch) -> None:
    for batch, size in ((test_set, dataset.TEST_SIZE), (train_set, dataset.TRAIN_SIZE)):
        assert batch.images.shape == (size, *dataset.IMAGE_SHAPE)
        assert batch.images.dtype == np.uint8
        assert batch.images.flags.c_contiguous
        assert batch.labels.shape == (size,)
        assert batch.labels.dtype == np.int64
        assert np.bincount(batch.labels).tolist() == [size // 10] * 10
    assert (dataset.TEST_SIZE, dataset.TRAIN_SIZE) == (10_000, 50_000)


def test_first_test_labels_and_their_names(test_set: dataset.Batch) -> None:
    assert test_set.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    names = " ".join(dataset.CLASS_NAMES[label] for label in test_set.labels[:10])
    assert names == "cat ship ship airplane frog frog automobile frog cat automobile"


def test_pixels_are_where_the_raw_rows_have_them(cifar10: Path, train_set: dataset.Batch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = pickle.loads((cifar10 / "data_batch_3").read_bytes(), encoding="bytes")
    assert train_set.labels[20_000:30_000].tolist() == raw[b"labels"]
    for index in (0, 1, 4_711, 9_999):
        image, planes = train_set.images[20_000 + index], bytes(raw[b"data"][index])
        for row in range(32):
            for column in range(32):
                at = 32 * row + column
                expected = [planes[at], planes[1024 + at], planes[2048 + at]]
                assert image[row, column].tolist() == expected


def test_load_train_uses_the_given_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="data_batch_1"):
        dataset.load_train(tmp_path)


def test_loading_without_a_folder_goes_where_cifar10_dir_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        (tmp_path / name).touch()
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    with pytest.raises(DatasetError) as caught:
        dataset.load_test()
    assert str(tmp_path / "test_batch") in str(caught.value)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_batch_with_a_foreign_md5_is_never_unpickled(tmp_path: Path) -> None:
    exploded = tmp_path / "exploded"
    (tmp_path / "test_batch").write_bytes(pickle.dumps(Bomb(exploded)))
    with pytest.raises(DatasetError, match=r"test_batch.*md5") as caught:
        dataset.load_batch(tmp_path, "test_batch")
    assert COMMAND in str(caught.value)
    assert not exploded.exists()
    pickle.loads((tmp_path / "test_batch").read_bytes())  # the bomb does work
    assert exploded.exists()


# Finding


def test_nothing_found(cache: Path) -> None:
    assert dataset.find() is None
    with pytest.raises(DatasetError, match=f"{COMMAND}.*CIFAR10_DIR"):
        dataset.locate()
    assert not cache.exists()


def test_the_cache_counts_only_when_complete(cache: Path) -> None:
    folder = cache / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in NAMES:
        assert dataset.find() is None
        (folder / name).touch()
    assert dataset.find() == dataset.locate() == folder


def test_cifar10_dir_goes_before_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    for folder in (own, cache / "cifar-10-batches-py"):
        folder.mkdir(parents=True)
        for name in NAMES:
            (folder / name).touch()
    monkeypatch.setenv("CIFAR10_DIR", str(own))
    assert dataset.find() == own
    (own / "data_batch_4").unlink()
    with pytest.raises(DatasetError) as caught:
        dataset.find()
    assert all(words in str(caught.value) for words in (str(own), "data_batch_4", "CIFAR10_DIR", COMMAND))
    assert "data_batch_3" not in str(caught.value)


def test_cifar10_dir_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(DatasetError, match=r"nowhere.*does not exist"):
        dataset.find()


def test_verify_names_the_file_that_is_wrong_or_missing(tmp_path: Path, batches: dict[str, bytes]) -> None:
    for name, content in batches.items():
        (tmp_path / name).write_bytes(content)
    dataset.verify(tmp_path)
    for name, content in batches.items():
        (tmp_path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(DatasetError, match=f"{name} is not the official file.*delete it.*{COMMAND}"):
            dataset.verify(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(DatasetError, match=f"{name} cannot be read.*{COMMAND}"):
            dataset.verify(tmp_path)
        (tmp_path / name).write_bytes(content)


# Downloading


def test_download(
    cache: Path, batches: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"cifar-10-batches-py/{name}": content for name, content in reversed(batches.items())}
    serve(server, pack({"cifar-10-batches-py/readme.html": b"", **members, "../outside": b""}), monkeypatch)
    (cache / "download").mkdir(parents=True)
    (cache / "download" / "left by a killed one").touch()
    damaged = cache / "cifar-10-batches-py" / "data_batch_2"
    damaged.parent.mkdir()
    damaged.write_bytes(b"half")

    calls: list[tuple[int, int]] = []
    folder = dataset.download(lambda done, total: calls.append((done, total)))

    assert folder == dataset.find() == cache / "cifar-10-batches-py"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == batches
    assert {path.name for path in cache.iterdir()} <= {"cifar-10-batches-py", "download.lock"}
    assert not list(cache.parent.rglob("outside"))
    done = [count for count, _ in calls]
    assert {total for _, total in calls} == {len(server.body)}
    assert done == sorted(done)
    assert 0 < done[0] < done[-1] == len(server.body)

    assert dataset.download() == folder
    assert server.requests == 1, "what is whole is not downloaded again"


def test_archive_with_a_wrong_md5_is_not_even_opened(
    cache: Path, batches: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.body = official(batches)
    opened: list[object] = []
    monkeypatch.setattr(tarfile, "open", lambda *args, **_: opened.append(args))
    assert "not the official archive" in failed_download(cache)
    assert server.requests == 1
    assert not opened


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.0])
def test_truncated_archive(
    kept: float, cache: Path, batches: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = official(batches)
    serve(server, body[: int(kept * len(body))], monkeypatch)
    assert "does not hold the six official batches" in failed_download(cache)


def test_archive_without_one_batch(
    cache: Path, batches: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    del batches["data_batch_5"]
    serve(server, official(batches), monkeypatch)
    assert "does not hold the six official batches" in failed_download(cache)


def test_a_link_in_the_archive_is_not_taken_for_a_batch(
    cache: Path, batches: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch
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


def test_no_network(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as closed:
        pass
    monkeypatch.setattr(dataset, "ARCHIVE_URL", closed.url)
    message = failed_download(cache)
    assert all(words in message for words in (closed.url, "no connection", "CIFAR10_DIR"))
    assert server.requests == 0


@pytest.mark.parametrize("status", [404, 503])
def test_server_error(status: int, cache: Path, server: Server) -> None:
    server.status = status
    assert f"the server answered {status}" in failed_download(cache)


def test_silent_server(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "TIMEOUT_SECONDS", 0.2)
    server.released.clear()
    assert "no answer in time" in failed_download(cache)


def test_connection_lost_half_way(
    cache: Path, batches: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, official(batches), monkeypatch)
    server.cut = 100_000
    assert "could not be downloaded" in failed_download(cache)


def test_too_little_space_is_noticed_before_the_download(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover = cache / "download" / "left by a killed one"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 399_000_000, 399_000_000))
    message = failed_download(cache)
    assert "full" in message
    assert "400 MB" in message
    assert server.requests == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_disk_full_while_unpacking(
    code: int,
    cache: Path,
    batches: dict[str, bytes],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_source: object, target: io.BufferedWriter, *_: object) -> NoReturn:
        target.write(b"some of it")
        raise OSError(code, os.strerror(code))

    serve(server, official(batches), monkeypatch)
    monkeypatch.setattr(tarfile, "copyfileobj", full)
    assert "full" in failed_download(cache)


def test_disk_full_while_downloading(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: object, _url: str, output: str, _pooch: object) -> NoReturn:
        Path(output).write_bytes(b"some of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    assert "full" in failed_download(cache)
    assert server.requests == 0


def test_cache_that_cannot_be_written(cache: Path, server: Server) -> None:
    cache.write_bytes(b"a file where the folder should be")
    message = failed_download(cache)
    assert f"{cache} cannot be written" in message
    assert server.requests == 0


SECOND_PROCESS = """
import json, sys
from pathlib import Path
import filelock, pooch, requests
from cifar_core import dataset

cache, dataset.ARCHIVE_URL, dataset.ARCHIVE_MD5, dataset.BATCH_MD5 = json.loads(sys.argv[1])
dataset.user_cache_path = lambda _: Path(cache)
print("ready", flush=True)
print(dataset.download())
"""


def test_a_second_process_waits_for_the_first(
    cache: Path, batches: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(server, official(batches), monkeypatch)
    server.released.clear()
    first = threading.Thread(target=dataset.download)
    first.start()
    assert server.requested.wait(10)
    facts = json.dumps([str(cache), server.url, dataset.ARCHIVE_MD5, dataset.BATCH_MD5])
    command = [sys.executable, "-c", SECOND_PROCESS, facts]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout
        assert second.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.7)
        assert server.requests == 1
        server.released.set()
        first.join()
        assert second.stdout.read().strip() == str(cache / "cifar-10-batches-py")
    assert second.returncode == 0
    assert server.requests == 1
    assert {path.name: path.read_bytes() for path in (cache / "cifar-10-batches-py").iterdir()} == batches


# Numbers for the network


def test_normalise() -> None:
    result = dataset.normalise(np.array([[0, 51, 255]], np.uint8))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.array([[0, 0.2, 1]], np.float32))


def test_one_hot() -> None:
    result = dataset.one_hot(np.array([9, 0, 3]))
    assert result.dtype == np.float32
    assert result.tolist() == [[0.0] * 9 + [1.0], [1.0] + [0.0] * 9, [0.0] * 3 + [1.0] + [0.0] * 6]


# Splitting


def test_default_split(train_set: dataset.Batch) -> None:
    train, validation = dataset.split(train_set.labels)
    assert (len(train), len(validation)) == (48_000, 2_000)
    assert np.array_equal(np.union1d(train, validation), np.arange(50_000))
    assert np.bincount(train_set.labels[validation]).tolist() == [200] * 10
    for indices in (train, validation):
        assert indices.dtype == np.int64
        assert (np.diff(indices) > 0).all()
    # Shipped models were chosen on these images: another version of anything must not move them.
    assert validation[:6].tolist() == [41, 52, 65, 66, 90, 133]


def test_validation_images_do_not_depend_on_how_many_train(train_set: dataset.Batch) -> None:
    labels = train_set.labels
    expected = dataset.split(labels).validation
    for images in (2_001, 2_005, 10_000, 49_995, 49_999):
        train, validation = dataset.split(labels, images=images)
        assert np.array_equal(validation, expected)
        assert len(np.unique(train)) == len(train) == images - 2_000
        assert not np.isin(train, validation).any()
        assert (np.diff(train) > 0).all()
    assert np.bincount(labels[dataset.split(labels, images=10_000).train]).tolist() == [800] * 10


def test_the_seed_decides(train_set: dataset.Batch) -> None:
    one, again, other = (dataset.split(train_set.labels, images=5_000, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.train, again.train)
    assert np.array_equal(one.validation, again.validation)
    assert np.isin(one.validation, other.validation).mean() < 0.2
    assert np.isin(one.train, other.train).mean() < 0.2


def test_few_or_no_validation_images(train_set: dataset.Batch) -> None:
    train, validation = dataset.split(train_set.labels, validation_images=0)
    assert np.array_equal(train, np.arange(50_000))
    assert validation.shape == (0,)
    assert validation.dtype == np.int64
    train, validation = dataset.split(train_set.labels, images=11, validation_images=10)
    assert sorted(train_set.labels[validation]) == list(range(10))
    assert len(train) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"images": 50_001}, "50,001"),
        ({"images": 0, "validation_images": 0}, "not 0"),
        ({"images": -1}, "-1"),
        ({"validation_images": -10}, "-10"),
        ({"validation_images": 9}, "not 9"),
        ({"images": 2_000}, "none to train on"),
        ({"images": 2_000, "validation_images": 2_500}, "none to train on"),
        ({"seed": -1}, "-1"),
        ({"seed": 2**32}, "4,294,967,296"),
    ],
)
def test_impossible_splits(wrong: dict[str, int], told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        dataset.split(np.arange(50_000) % 10, **wrong)
    assert told in str(caught.value)


def test_import_is_light() -> None:
    code = "import sys, cifar_core.dataset; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "numpy" in loaded
    assert not {"sklearn", "scipy", "pooch", "requests", "tensorflow", "keras", "streamlit"} & set(loaded)
