"""What a node of a cluster is told."""

from pathlib import Path

import pytest

from cifar_core.scale import cluster


def test_a_node_is_given_absolute_paths(
    tmp_path: Path, cifar10_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_DIR", str(cifar10_folder.resolve()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VGG16_WEIGHTS", "vgg16.h5")
    monkeypatch.setenv("CIFAR_LAB_RUNS", "runs")
    assert cluster.environment() == {
        "CIFAR10_DIR": str(cifar10_folder.resolve()),
        "VGG16_WEIGHTS": str(tmp_path.resolve() / "vgg16.h5"),
        "CIFAR_LAB_RUNS": str(tmp_path.resolve() / "runs"),
    }
    monkeypatch.delenv("VGG16_WEIGHTS")
    assert "VGG16_WEIGHTS" not in cluster.environment()
