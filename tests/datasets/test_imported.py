"""CIFAR-10 from copies of its own that a visitor has, made here from the real one."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cifar_core.datasets import cifar10, download, imported, official_order, sources
from cifar_core.datasets.dataset import Batch
from cifar_core.datasets.sources import File, Source
from tests.datasets.archives import refused
from tests.servers import FileServer

Picture = tuple[bytes, int]  # a PNG file and its class


@pytest.fixture(scope="module")
def originals(cifar10_folder: Path) -> dict[str, Batch]:
    return {"train": cifar10.load_train(cifar10_folder), "test": cifar10.load_test(cifar10_folder)}


@pytest.fixture(scope="module")
def pictures(originals: dict[str, Batch]) -> dict[str, list[Picture]]:
    """All pictures as PNG files, in the official order."""
    return {
        part: [(png(image), int(label)) for image, label in zip(batch.images, batch.labels, strict=True)]
        for part, batch in originals.items()
    }


@pytest.fixture(scope="module")
def folder(pictures: dict[str, list[Picture]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """They in a folder a class, numbered within it, as the usual tools write them."""
    root = tmp_path_factory.mktemp("pictures")
    counted: Counter[str] = Counter()
    for part, files in pictures.items():
        for name in cifar10.CLASS_NAMES:
            (root / part / name).mkdir(parents=True)
        for content, label in files:
            target = f"{part}/{cifar10.CLASS_NAMES[label]}"
            counted[target] += 1
            (root / target / f"{counted[target]:04}.png").write_bytes(content)
    return root


@pytest.fixture(scope="module")
def tables(pictures: dict[str, list[Picture]]) -> dict[str, bytes]:
    """They in two Parquet files, as Hugging Face has them."""
    return {f"{part}-00000-of-00001.parquet": parquet(files) for part, files in pictures.items()}


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def parquet(files: list[Picture], plain: bool = False) -> bytes:
    cells = [content if plain else {"bytes": content, "path": None} for content, _ in files]
    table = pa.table({"image" if plain else "img": cells, "label": [label for _, label in files]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=1_000)
    return buffer.getvalue()


def is_original(found: Path, originals: dict[str, Batch]) -> bool:
    assert found == cifar10.find()
    cifar10.verify(found)
    read = {"train": cifar10.load_train(), "test": cifar10.load_test()}
    return all(
        np.array_equal(read[part].images, batch.images) and np.array_equal(read[part].labels, batch.labels)
        for part, batch in originals.items()
    )


# The order


def test_the_table_of_the_order_is_that_of_the_official_batches(
    originals: dict[str, Batch],
) -> None:
    table = np.load(official_order._TABLE)
    assert table.dtype == np.uint32
    assert len(np.unique(table)) == len(table) == 60_000
    assert official_order._TABLE.stat().st_size < 300_000
    hashes = [
        official_order.short_hash(image, int(label))
        for batch in originals.values()
        for image, label in zip(batch.images, batch.labels, strict=True)
    ]
    assert table.tolist() == hashes


# Pictures in folders


def test_a_folder_of_pictures(cache: Path, folder: Path, originals: dict[str, Batch]) -> None:
    calls: list[tuple[int, int]] = []
    damaged = cache / "cifar-10-batches-py"
    damaged.mkdir(parents=True)
    for name in cifar10.BATCH_MD5:
        (damaged / name).touch()
    found = imported.take(folder, progress=lambda done, total: calls.append((done, total)))
    assert found == cache / "cifar-10-arrays"
    assert is_original(found, originals)
    assert calls[-1] == (60_000, 60_000)
    assert len(calls) > 50
    assert {path.name for path in cache.iterdir()} <= {"cifar-10-arrays", "download.lock"}


@pytest.fixture
def one(folder: Path) -> Iterator[Path]:
    """One of the pictures, which may be changed and moved."""
    path = folder / "test" / "airplane" / "0007.png"
    content = path.read_bytes()
    yield path
    for left in (folder / "test").glob("*/0007b.png"):
        left.unlink()
    path.write_bytes(content)


def test_one_pixel(cache: Path, folder: Path, one: Path) -> None:
    pixels = np.array(Image.open(one))
    pixels[3, 4, 1] ^= 1
    one.write_bytes(png(pixels))
    name = Path("test", "airplane", "0007.png")
    assert f"{name} is none of CIFAR-10's pictures of the class airplane" in refused(cache, folder)
    one.write_bytes(one.read_bytes()[:1_000])
    assert f"{name} is none of CIFAR-10's pictures" in refused(cache, folder)
    one.unlink()
    assert "CIFAR-10 has 60,000 pictures, and 59,999 are there" in refused(cache, folder)


@pytest.mark.parametrize("other", ["automobile", "airplane"])
def test_one_label(other: str, cache: Path, folder: Path, one: Path) -> None:
    (folder / "test" / other / "0007b.png").write_bytes(one.read_bytes())
    assert "60,001 are there" in refused(cache, folder)
    if other == "airplane":  # there twice, for which another lacks
        (folder / "test" / other / "0008.png").rename(hidden := folder / "test" / "0008")
        message = refused(cache, folder)
        hidden.rename(folder / "test" / other / "0008.png")
    else:
        one.unlink()
        message = refused(cache, folder)
    assert f"0007b.png is none of CIFAR-10's pictures of the class {other}, or is there twice" in message


def test_folders_of_other_names(
    cache: Path, tmp_path: Path, pictures: dict[str, list[Picture]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own" / "teapot").mkdir(parents=True)
    (tmp_path / "own" / "teapot" / "1.png").write_bytes(pictures["test"][0][0])
    monkeypatch.setattr(official_order, "SIZE", 1)
    assert f"{Path('teapot', '1.png')} is in no folder of a class" in refused(cache, tmp_path / "own")
    (tmp_path / "empty").mkdir()
    assert "does not hold CIFAR-10; it is taken from" in refused(cache, tmp_path / "empty")


# Parquet


def test_two_parquet_files_as_uploads_in_another_order(
    cache: Path, pictures: dict[str, list[Picture]], originals: dict[str, Batch]
) -> None:
    everything = [picture for files in pictures.values() for picture in files]
    shuffled = [everything[index] for index in np.random.default_rng(0).permutation(60_000)]
    files = [io.BytesIO(parquet(shuffled[:20_000])), io.BytesIO(parquet(shuffled[20_000:], plain=True))]
    assert is_original(imported.take(*files), originals)
    assert not any(file.closed for file in files), "they belong to who gave them"
    assert cache.exists()


def test_parquet_files_that_differ(
    cache: Path, tmp_path: Path, tables: dict[str, bytes], pictures: dict[str, list[Picture]]
) -> None:
    train, test = tables.values()
    assert "60,000 pictures, and 50,000 are there" in refused(cache, train)
    assert "60,000 pictures, and 70,000 are there" in refused(cache, test, train, test)
    assert "is damaged" in refused(cache, test[:4] + b"\0" * 1_000)
    assert "is damaged" in refused(cache, test[:-1_000], train)
    middle = len(test) // 100  # within the first hundreds of pictures
    assert "Parquet" in refused(cache, test[:middle] + bytes(2_000) + test[middle + 2_000 :], train)
    assert "These files are not CIFAR-10" in refused(cache, test, b"something else")
    content, label = pictures["test"][57]
    for changed, told in (
        ((content, (label + 1) % 10), "Picture 58 of Parquet file 1 is none of CIFAR-10's pictures"),
        ((content[:1_000], label), "Picture 58 of Parquet file 1 is none of CIFAR-10's pictures"),
        ((content, 10), "Picture 58 of Parquet file 1 lacks a PNG file in `img` or a class"),
    ):
        files = [*pictures["test"][:57], changed, *pictures["test"][58:]]
        assert told in refused(cache, parquet(files), train)
    own = tmp_path / "own" / "data"
    own.mkdir(parents=True)
    (own / "a.parquet").write_bytes(test)
    (own / "b.parquet").write_bytes(test)
    assert "60,000 pictures, and 20,000 are there" in refused(cache, own.parent)
    nothing = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"] * 60_000}), nothing)
    assert "Picture 1 of Parquet file 1 lacks a PNG file in `img`" in refused(cache, nothing)


def test_a_source_of_parquet_files(
    cache: Path,
    tables: dict[str, bytes],
    originals: dict[str, Batch],
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file_server.bodies |= tables
    train, test = tables
    files = ((train, File("train.parquet", 100)), (test, File("test.parquet", 100)))
    source = Source(tuple((f"{file_server.url}/{name}", file) for name, file in files))
    monkeypatch.setattr(sources, "SOURCES", (source, source))
    file_server.cuts[test] = len(tables[test]) // 2
    monkeypatch.setattr(file_server, "cuts", _Once(file_server.cuts))
    calls: list[tuple[int, int]] = []
    found = download.download_cifar10(lambda done, total: calls.append((done, total)))
    assert found == cache / "cifar-10-arrays"
    assert is_original(found, originals)
    assert file_server.requests == [train, test, test]
    assert file_server.spans == [None, None, f"bytes={len(tables[test]) // 2}-"]
    assert calls[-1] == (size := sum(map(len, tables.values())), size)
    assert download.download_cifar10() == found
    assert len(file_server.requests) == 3


class _Once(dict[str, int]):
    """What is asked for is there once only."""

    def get(self, key: str, default: int = 0) -> int:  # type: ignore[override]
        return self.pop(key, default)
