"""What is in the way where the server is not: a proxy, a certificate."""

import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from cifar_core.datasets import download, sources
from tests.datasets.archives import offer
from tests.servers import FileServer

ARCHIVE = "cifar.tar.gz"


@pytest.fixture
def server(file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """A server that is the only source."""
    offer(file_server, b"", monkeypatch, ARCHIVE)
    return file_server


def advice_of_a_failed_download() -> str:
    with pytest.raises(download.DownloadError) as caught:
        download.download_cifar10()
    assert not any(name in str(caught.value) for name in ("HTTPS_PROXY", "REQUESTS_CA_BUNDLE", "CIFAR10_DIR"))
    return f"{caught.value} {caught.value.advice}"


@pytest.mark.usefixtures("cache")
def test_a_proxy_that_refuses_is_told_from_a_network_that_is_none(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure = tuple(
        source._replace(
            addresses=tuple((f"https://localhost:1/{name}", file) for name, file in source.addresses)
        )
        for source in sources.SOURCES
    )
    monkeypatch.setattr(sources, "SOURCES", secure)
    monkeypatch.setenv("HTTPS_PROXY", server.url)  # which knows GET only
    monkeypatch.setenv("NO_PROXY", "")
    assert "the proxy refuses" in (message := advice_of_a_failed_download())
    assert "HTTPS_PROXY names the proxy" in message


@pytest.mark.usefixtures("cache")
def test_a_certificate_that_is_not_trusted(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext"
    names = ["subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with FileServer() as secured:
        secured.socket = context.wrap_socket(secured.socket, server_side=True)
        secured.url = secured.url.replace("http:", "https:")
        thread = threading.Thread(target=secured.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        offer(secured, b"", monkeypatch, ARCHIVE)
        message = advice_of_a_failed_download()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere"))
        missing = advice_of_a_failed_download()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        secured.statuses[ARCHIVE] = 404
        assert "the server answered 404" in advice_of_a_failed_download()
        secured.shutdown()
        thread.join()
    assert not server.requests
    for told in (message, missing):
        assert "its certificate is not trusted" in told
        assert "REQUESTS_CA_BUNDLE" in told
