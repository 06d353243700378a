"""CIFAR-10 as arrays, in which it is kept where the pictures came without the batches."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch
from cifar_core.errors import DatasetError


@pytest.fixture(scope="module")
def test_set(cifar10_folder: Path) -> Batch:
    return cifar10.load_test(cifar10_folder)


@pytest.fixture
def arrays(tmp_path: Path, test_set: Batch, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the real test set and a small training set that passes for the real one."""
    folder = tmp_path / "arrays"
    folder.mkdir()
    few = Batch(test_set.images[:50], test_set.labels[:50])
    for part, batch in (("train", few), ("test", test_set)):
        np.savez(folder / f"{part}.npz", images=batch.images, labels=batch.labels.astype(np.uint8))
    hashes = {**cifar10.CONTENT_SHA256, "train": cifar10.content_sha256(few)}
    monkeypatch.setattr(cifar10, "CONTENT_SHA256", hashes)
    return folder


def test_the_hashes_of_the_content(cifar10_folder: Path, test_set: Batch) -> None:
    assert cifar10.content_sha256(cifar10.load_train(cifar10_folder)) == cifar10.CONTENT_SHA256["train"]
    assert cifar10.content_sha256(test_set) == cifar10.CONTENT_SHA256["test"]


def test_arrays_are_read_like_the_batches(
    arrays: Path, test_set: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_DIR", str(arrays))
    assert cifar10.find() == arrays
    cifar10.verify(arrays)
    for found, expected in ((cifar10.load_test(), 10_000), (cifar10.load_train(), 50)):
        assert found.images.dtype == np.uint8
        assert found.labels.dtype == np.int64
        assert np.array_equal(found.images, test_set.images[:expected])
        assert np.array_equal(found.labels, test_set.labels[:expected])


def test_arrays_in_the_cache(cache: Path, arrays: Path) -> None:
    shutil.copytree(arrays, cache / "cifar-10-arrays")
    assert cifar10.find() == cache / "cifar-10-arrays"
    (cache / "cifar-10-arrays" / "train.npz").unlink()
    assert cifar10.find() is None


@pytest.mark.parametrize("where", ["images", "labels"])
def test_arrays_with_one_byte_that_differs_are_refused(where: str, arrays: Path) -> None:
    path = arrays / "test.npz"
    content = dict(np.load(path))
    content[where].reshape(-1)[4_711] ^= 1
    np.savez(path, **content)
    for load in (cifar10.load_test, cifar10.verify):
        with pytest.raises(DatasetError, match=r"test\.npz does not hold CIFAR-10's pictures"):
            load(arrays)


def test_arrays_that_are_damaged_are_refused(arrays: Path) -> None:
    path = arrays / "test.npz"
    path.write_bytes(path.read_bytes()[:1_000_000])
    with pytest.raises(DatasetError, match=r"test\.npz is damaged"):
        cifar10.load_test(arrays)
    np.savez(path, images=np.zeros(3))
    with pytest.raises(DatasetError, match=r"test\.npz is damaged \(lacks labels\)"):
        cifar10.load_test(arrays)
