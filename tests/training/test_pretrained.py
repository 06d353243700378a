"""Where VGG16's ImageNet weights come from: files of a few bytes pass for them here."""

import hashlib
import random
from pathlib import Path

import pytest

from cifar_core import connections
from cifar_core.errors import CifarLabError
from cifar_core.training import pretrained
from tests.servers import FileServer, refusing_proxy, secured

WEIGHTS = random.Random(0).randbytes(300_000)


@pytest.fixture
def server(cache: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """A server that has them, where neither a setting nor Keras does."""
    monkeypatch.delenv("VGG16_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(cache.parent / "keras"))
    monkeypatch.setattr(pretrained, "MD5", hashlib.md5(WEIGHTS).hexdigest())
    monkeypatch.setattr(pretrained, "URL", f"{file_server.url}/weights")
    file_server.bodies["weights"] = WEIGHTS
    return file_server


def failed() -> str:
    with pytest.raises(CifarLabError) as caught:
        pretrained.vgg16_weights()
    told = str(caught.value)
    assert told.startswith("VGG16's ImageNet weights could not be downloaded from http")
    assert told.endswith("VGG16_WEIGHTS may name a file of yours, too.")
    return told


def test_they_are_downloaded_once(cache: Path, server: FileServer) -> None:
    for _ in range(2):
        path = pretrained.vgg16_weights()
        assert path == cache / pretrained.NAME
        assert path.read_bytes() == WEIGHTS
    assert len(server.requests) == 1


def test_keras_own_copy_is_taken_where_it_is_whole_and_left_alone_where_not(
    cache: Path, server: FileServer
) -> None:
    copy = cache.parent / "keras" / "models" / pretrained.NAME
    copy.parent.mkdir(parents=True)
    copy.write_bytes(WEIGHTS)
    assert pretrained.vgg16_weights() == copy
    assert not server.requests
    copy.write_bytes(b"half")
    assert pretrained.vgg16_weights() == cache / pretrained.NAME
    assert copy.read_bytes() == b"half"


@pytest.mark.usefixtures("server")
def test_the_file_of_the_setting_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGG16_WEIGHTS", "~/weights.h5")
    assert pretrained.vgg16_weights() == tmp_path / "home" / "weights.h5"


def test_what_breaks_off_goes_on(server: FileServer) -> None:
    server.cuts["weights"] = 100_000
    assert "the connection broke off. Try again." in failed()
    server.cuts["weights"] = 200_000
    assert "the connection broke off. Try again." in failed()
    server.cuts.clear()
    assert pretrained.vgg16_weights().read_bytes() == WEIGHTS
    assert server.spans[0] is None
    assert server.spans[-1] == "bytes=200000-"


def test_another_file_or_a_page(cache: Path, server: FileServer) -> None:
    server.bodies["weights"] = WEIGHTS[::-1]
    assert "it has another file there" in failed()
    server.bodies["weights"] = b"<html>Please log in</html>"
    assert "a web page came instead" in failed()
    assert not list(cache.glob("*.h5*"))


def test_a_certificate_or_a_proxy(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured(tmp_path) as (secure, _), refusing_proxy(407) as proxy:
        monkeypatch.setattr(pretrained, "URL", f"{secure.url}/weights")
        told = failed()
        assert "its certificate is not trusted. Let this machine trust it, then try again." in told
        assert connections.CERTIFICATES in told
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", "")
        told = failed()
        assert "the proxy refuses (407). Log in to the proxy" in told
        assert "HTTPS_PROXY" in told
    assert not server.requests
