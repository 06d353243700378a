"""CIFAR-10 from an archive or a folder of batches that a visitor has, and from what is neither."""

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from cifar_core.datasets import cifar10, download_status, imported, store
from cifar_core.datasets.download_status import DownloadStatus
from cifar_core.errors import DatasetError
from tests.datasets.archives import official, pack, refused
from tests.sources.made import PNG, folder, tabled


def test_an_archive(cache: Path, tmp_path: Path, batches: dict[str, bytes]) -> None:
    path = tmp_path / "some name"
    path.write_bytes(official(batches))
    for copy in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        found = imported.take(copy)
        assert found == cifar10.find() == cache / "cifar-10-batches-py"
        assert {file.name: file.read_bytes() for file in found.iterdir()} == batches
        shutil.rmtree(found)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"./cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert imported.take(plain) == cifar10.find()


def test_an_archive_that_differs(cache: Path, batches: dict[str, bytes]) -> None:
    right = official(batches)
    batches["data_batch_4"] = batches["data_batch_4"][:-1] + b"!"
    assert "six official batches, whole" in refused(cache, official(batches))
    del batches["data_batch_4"]
    assert "six official batches, whole" in refused(cache, official(batches))
    for content in (right[: len(right) // 2], b"", b"GIF89a", b"PK\3\4 and so on", pack({"readme": b""})):
        assert "six official batches, whole" in refused(cache, content)


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-py"])
def test_a_folder_of_batches(inner: str, cache: Path, tmp_path: Path, batches: dict[str, bytes]) -> None:
    own = tmp_path / "own" / inner
    own.mkdir(parents=True)
    for name, content in batches.items():
        (own / name).write_bytes(content)
    found = imported.take(tmp_path / "own")
    assert found == cifar10.find() == cache / "cifar-10-batches-py"
    assert {file.name: file.read_bytes() for file in found.iterdir()} == batches
    shutil.rmtree(found)
    (own / "test_batch").write_bytes(b"something else")
    message = refused(cache, tmp_path / "own")
    assert f"{own / 'test_batch'} is not the official file" in message
    assert "delete" not in message
    (own / "test_batch").unlink()
    assert f"{own / 'test_batch'} cannot be read" in refused(cache, tmp_path / "own")


def test_nothing_and_too_much(cache: Path, tmp_path: Path) -> None:
    assert "it is taken from" in refused(cache)
    assert "nowhere cannot be read (No such file" in refused(cache, tmp_path / "nowhere")
    assert "one thing at a time" in refused(cache, tmp_path, tmp_path)
    assert "one thing at a time" in refused(cache, tmp_path, b"something")


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make links")
@pytest.mark.parametrize("name", ["train.parquet", "train.PARQUET", "a blob", "a.PNG"])
def test_files_of_a_linked_folder_are_found_whatever_their_name(
    cache: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "given").mkdir()
    folder(tmp_path / "elsewhere", {"._a.png": b"of macOS"})
    tabled(tmp_path / "elsewhere" / name, [PNG])
    (tmp_path / "given" / "link").symlink_to("../elsewhere", target_is_directory=True)
    assert "60,000 pictures, and 1 are there" in refused(cache, tmp_path / "given")


def test_while_something_is_downloaded(cache: Path, batches: dict[str, bytes]) -> None:
    with store.writing(), pytest.raises(DatasetError, match="being downloaded or taken in just now"):
        imported.take(official(batches))
    assert imported.take(official(batches)).parent == cache


def test_what_a_download_left_is_no_longer_needed(cache: Path, batches: dict[str, bytes]) -> None:
    (cache / "download").mkdir(parents=True)
    (cache / "download" / "cifar-10-python.tar.gz.part").write_bytes(b"some")
    download_status.write(DownloadStatus("failed", error="No network."))
    imported.take(official(batches))
    assert not (cache / "download").exists()
    assert download_status.read().state == "none"
