"""What a node of a cluster is told."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cifar_core.datasets import cifar10
from cifar_core.errors import ScaleError
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


def test_a_folder_without_cifar10_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    assert cluster.environment()["CIFAR10_DIR"] == str(tmp_path.resolve())


@contextlib.contextmanager
def listening() -> Iterator[int]:
    """A port at which somebody takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with listening() as port:
        return port


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_dead_cluster_is_said_at_once(scheme: str) -> None:
    began = time.monotonic()
    with (
        pytest.raises(ScaleError, match=r"No Ray cluster answers at .*: Connection refused; check"),
        cluster.connected(f"{scheme}127.0.0.1:{free_port()}"),
    ):
        pytest.fail("it answers")
    assert time.monotonic() - began < 20


def test_who_is_no_cluster_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster._CALL_SECONDS + cluster._SECONDS < 20
    monkeypatch.setattr(cluster, "_SECONDS", 3.0)
    with (
        listening() as port,
        pytest.raises(ScaleError, match="it says nothing for 3 s"),
        cluster.connected(f"127.0.0.1:{port}"),
    ):
        pytest.fail("it answers")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "HOST:PORT or `auto`"),
        ("127.0.0.1:port", "No Ray cluster answers at 127.0.0.1:port: "),
        ("nonsense", "Invalid address format: nonsense; check"),
    ],
)
def test_what_is_no_address_is_one_sentence(address: str, message: str) -> None:
    with pytest.raises(ScaleError, match=message) as error, cluster.connected(address):
        pytest.fail("it answers")
    assert "\n" not in str(error.value)
