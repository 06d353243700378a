"""Why there was no answer: servers and proxies of our own, each with its fault."""

from pathlib import Path

import pytest
import requests

from cifar_core import connections
from cifar_core.connections import Fault
from tests.servers import FileServer, free_port, refusing_proxy, secured


def fault(url: str) -> Fault:
    """Ask, which is to fail, and return what is said of it."""
    with pytest.raises((OSError, ValueError)) as caught:
        requests.get(url, timeout=0.5).raise_for_status()
    return connections.explain(caught.value, url)


def test_a_certificate_of_ones_own_is_trusted_where_the_setting_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured(tmp_path) as (server, certificate):
        told = fault(server.url)
        assert told.reason == "its certificate is not trusted"
        assert connections.CERTIFICATES in told.advice
        assert not told.answered
        monkeypatch.setenv(connections.CERTIFICATES, str(certificate))
        assert requests.get(server.url, timeout=5).ok


@pytest.mark.parametrize(
    ("host", "days", "reason", "cure"),
    [
        ("127.0.0.1", -1, "its certificate is no longer valid", "check this machine's date"),
        ("127.0.0.1", 11, "its certificate is not valid yet", "check this machine's date"),
        ("127.0.0.2", 2, "its certificate is another server's", "log in to the network"),
    ],
)
def test_a_certificate_that_no_setting_makes_right(
    host: str, days: int, reason: str, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured(tmp_path, host, days) as (server, certificate):
        monkeypatch.setenv(connections.CERTIFICATES, str(certificate))
        told = fault(server.url)
    assert told.reason == reason
    assert told.cure.startswith(cure)
    assert not told.advice


@pytest.mark.parametrize("name", ["nowhere", "~/nowhere", "no certificate"])
def test_a_file_of_certificates_that_is_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no certificate").write_text("no certificate")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(connections.CERTIFICATES, name)
    with secured(tmp_path) as (server, _):
        told = fault(server.url)
    assert told.reason == "the file of trusted certificates cannot be read"
    assert connections.CERTIFICATES in told.advice


@pytest.mark.parametrize(
    ("status", "reason", "advice"),
    [
        (403, "the proxy refuses (403)", "NO_PROXY"),
        (407, "the proxy refuses (407)", "USER:PASSWORD"),
        (502, "the proxy refuses (502)", "NO_PROXY"),
        (0, "the connection broke off", "NO_PROXY"),
    ],
)
def test_a_proxy_that_refuses(status: int, reason: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_proxy(status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        told = fault("https://example.invalid/CERTIFICATE")
    assert told.reason == reason
    assert "HTTPS_PROXY" in told.advice
    assert advice in told.advice
    assert not told.answered


@pytest.mark.parametrize(
    "name", ["http://127.0.0.1:1", "http://127.0.0.1:x", "socks5://127.0.0.1:1", "http://[1", "ftp://h"]
)
def test_a_proxy_that_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", name)
    told = fault("https://example.invalid/")
    assert told.reason == "the proxy cannot be used"
    assert "HTTPS_PROXY" in told.advice


def test_a_name_with_proxy_in_it_is_no_proxy() -> None:
    assert fault(f"http://127.0.0.1:{free_port()}/ProxyError/SSLError") == connections.NOBODY
    assert fault("http://proxy.invalid/") == connections.NOBODY


def test_a_server_without_tls(file_server: FileServer) -> None:
    assert fault(file_server.url.replace("http:", "https:")) == connections.INSECURE


def test_a_server_that_is_silent_or_breaks_off(file_server: FileServer) -> None:
    file_server.bodies["file"], file_server.cut = bytes(1_000), 500
    assert fault(f"{file_server.url}/file") == connections.BROKEN
    file_server.released.clear()
    assert fault(f"{file_server.url}/file") == connections.LATE


def test_a_network_that_lets_out_through_a_proxy_only() -> None:
    assert "HTTPS_PROXY" in fault(f"http://127.0.0.1:{free_port()}").advice


@pytest.mark.parametrize("where", ["loop", "ftp://127.0.0.1/file", "http://[1/"])
def test_a_server_that_only_sends_elsewhere(where: str, file_server: FileServer) -> None:
    file_server.statuses["loop"], file_server.headers["loop"] = 302, {"Location": where}
    told = fault(f"{file_server.url}/loop")
    assert told.reason == "it only sends elsewhere"
    assert told.answered


def test_a_server_that_sends_to_one_that_is_gone_names_it(file_server: FileServer) -> None:
    elsewhere = f"http://localhost:{free_port()}/file"
    file_server.statuses["file"], file_server.headers["file"] = 302, {"Location": elsewhere}
    assert fault(f"{file_server.url}/file").reason == "no connection at localhost, where it sends"
