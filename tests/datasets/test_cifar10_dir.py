"""The folder that `CIFAR10_DIR` names: the user's own, which nothing here touches."""

from pathlib import Path

import pytest

from cifar_core.datasets import cifar10
from cifar_core.errors import DatasetError

COMMAND = "python -m cifar_core data download"
NAMES = list(cifar10.BATCH_MD5)


def test_cifar10_dir_goes_before_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    for folder in (own, cache / "cifar-10-batches-py"):
        folder.mkdir(parents=True)
        for name in NAMES:
            (folder / name).touch()
    monkeypatch.setenv("CIFAR10_DIR", str(own))
    assert cifar10.find() == own
    (own / "data_batch_4").unlink()
    with pytest.raises(DatasetError) as caught:
        cifar10.find()
    assert all(words in str(caught.value) for words in (str(own), "data_batch_4", "CIFAR10_DIR", COMMAND))
    assert "data_batch_3" not in str(caught.value)


def test_cifar10_dir_may_name_the_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in NAMES:
        (folder / name).touch()
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    assert cifar10.find() == folder
    (folder / "test_batch").unlink()
    with pytest.raises(DatasetError, match="lacks test_batch"):
        cifar10.find()


@pytest.mark.parametrize("nested", [False, True])
def test_a_wrong_batch_of_the_users_own_stays(
    nested: bool,
    cache: Path,
    tmp_path: Path,
    batches: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "own" / (cifar10.FOLDER if nested else "")
    folder.mkdir(parents=True)
    for name in batches:
        (folder / name).write_bytes(b"the user's")
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path / "own"))
    with pytest.raises(DatasetError) as caught:
        cifar10.load_test()
    cure = f"let CIFAR10_DIR name another folder, or unset it and run `{COMMAND}`."
    assert str(caught.value).endswith(cure)
    assert not any(word in str(caught.value) for word in ("delete", "remove", "put", "replace"))
    assert {path.read_bytes() for path in folder.iterdir()} == {b"the user's"}
    assert not cache.exists()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("nowhere", "does not exist"),
        ("~nobody-of-that-name/x", "does not exist"),
        ("cifar-10-python.tar.gz", f"is a file, which `{COMMAND} --from FILE` takes"),
        ("cifar-10-python.tar.gz/x", "does not exist"),
        ("x" * 5_000, "cannot be read (File name too long)"),
    ],
)
def test_cifar10_dir_that_names_no_folder(
    name: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cifar-10-python.tar.gz").touch()
    monkeypatch.setenv("CIFAR10_DIR", name)
    with pytest.raises(DatasetError) as caught:
        cifar10.find()
    assert f", which {fault}" in str(caught.value)
    assert str(caught.value).endswith(f"or unset it and run `{COMMAND}`.")
    assert len(str(caught.value)) < 600


def test_cifar10_dir_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", forbidden)
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    with pytest.raises(DatasetError, match=r"which cannot be read \(Permission denied\): let it name"):
        cifar10.find()
