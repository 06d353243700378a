"""What a node of a cluster is told."""

from pathlib import Path

import pytest

from cifar_core.datasets import cifar10
from cifar_core.scale import cluster


def test_a_node_is_given_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in cifar10.BATCH_MD5:
        (data / name).touch()
    monkeypatch.setenv("CIFAR10_DIR", "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VGG16_WEIGHTS", "vgg16.h5")
    monkeypatch.setenv("CIFAR_LAB_RUNS", "runs")
    assert cluster.environment() == {
        "CIFAR10_DIR": str(data.resolve()),
        "VGG16_WEIGHTS": str(tmp_path.resolve() / "vgg16.h5"),
        "CIFAR_LAB_RUNS": str(tmp_path.resolve() / "runs"),
    }
    monkeypatch.delenv("VGG16_WEIGHTS")
    assert "VGG16_WEIGHTS" not in cluster.environment()


@pytest.mark.parametrize("name", ["", "nowhere", "x" * 5_000])
def test_a_folder_without_cifar10_is_no_hindrance(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path / name))
    assert cluster.environment()["CIFAR10_DIR"] == str(tmp_path.resolve() / name)
