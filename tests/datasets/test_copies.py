"""Copies that other libraries keep."""

from pathlib import Path

import pytest

from cifar_core.datasets import cifar10

KEPT = (
    ".keras/datasets/cifar-10-batches-py",  # Keras 2
    ".keras/datasets/cifar-10-batches-py-target/cifar-10-batches-py",  # Keras 3
    ".keras/datasets/cifar-10-batches-py_extracted/cifar-10-batches-py",
    "data/cifar-10-batches-py",  # torchvision, root="~/data"
    "work/data/cifar-10-batches-py",  # torchvision, root="./data"
    ".cache/torch/cifar-10-batches-py",
)


@pytest.fixture
def home(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, with another one in it that is worked in, and an empty cache."""
    assert not cache.exists()
    home = Path.home()
    (home / "work").mkdir(parents=True)
    monkeypatch.chdir(home / "work")
    return home


def put(folder: Path, batches: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in batches.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("where", KEPT)
def test_it_is_found_without_any_setting(where: str, home: Path, batches: dict[str, bytes]) -> None:
    assert cifar10.find() is None
    put(home / where, batches)
    found = cifar10.find()
    assert found
    assert found.samefile(home / where)


def test_what_is_not_whole_is_passed_over(home: Path, batches: dict[str, bytes]) -> None:
    first, second = (home / where for where in KEPT[:2])
    put(first, batches)
    put(second, batches)
    assert cifar10.find() == first
    (first / "test_batch").write_bytes(batches["test_batch"][:-1])
    assert cifar10.find() == second
    (second / "data_batch_3").unlink()
    assert cifar10.find() is None
    (first / "test_batch").write_bytes(batches["test_batch"])
    assert cifar10.find() == first


def test_the_cache_goes_before_it(home: Path, cache: Path, batches: dict[str, bytes]) -> None:
    put(home / KEPT[0], batches)
    put(cache / cifar10.FOLDER, batches)
    assert cifar10.find() == cache / cifar10.FOLDER


def test_a_home_of_nobody(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nobody)
    assert cifar10.find() is None
    assert home.exists()


def test_keras_folder_may_have_another_place(
    home: Path, batches: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / "elsewhere" / "datasets" / cifar10.FOLDER, batches)
    monkeypatch.setenv("KERAS_HOME", "~/elsewhere")
    assert cifar10.find() == home / "elsewhere" / "datasets" / cifar10.FOLDER
