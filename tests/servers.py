"""A server of files whose faults a test decides, also behind TLS, a proxy, and free ports for others."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class FileServer(ThreadingHTTPServer):
    """Serves `bodies` by name, an empty one where there is none, and keeps the names it was asked for.

    A POST gets the same as a GET.
    """

    cut = 0  # bytes promised but not sent
    ranges = True  # whether it sends parts of a file if asked to
    lengths = True  # whether it says how long a file is

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.headers: dict[str, dict[str, str]] = {}  # more of them, by name
        self.cuts: dict[str, int] = {}  # the byte of the body, by name, where the connection breaks off
        self.silences: dict[str, int] = {}  # the byte of the body, by name, where it falls silent
        self.speeds: dict[str, float] = {}  # bytes per second, by name
        self.requests: list[str] = []
        self.spans: list[str | None] = []  # the ranges that the requests asked for
        self.posted: list[bytes] = []
        self.requested, self.released = threading.Event(), threading.Event()  # it answers once released
        self.released.set()
        self.over = threading.Event()

    def shutdown(self) -> None:
        self.over.set()
        super().shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_POST(self) -> None:
        self.server.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()

    def do_GET(self) -> None:
        name, span = self.path[1:], self.headers.get("Range")
        self.server.requests.append(name)
        self.server.spans.append(span)
        self.server.requested.set()
        self.server.released.wait(600)
        body = self.server.bodies.get(name, b"")
        first = int(span.removeprefix("bytes=").rstrip("-")) if span and self.server.ranges else 0
        status = self.server.statuses.get(name, 206 if first else 200)
        self.send_response(416 if first and first >= len(body) else status)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        if self.server.lengths:
            self.send_header("Content-Length", str(max(len(body) - first, 0)))
        for header, value in self.server.headers.get(name, {}).items():
            self.send_header(header, value)
        last = min(self.server.cuts.get(name, len(body)), len(body) - self.server.cut)
        with suppress(ConnectionError):  # the client may have given up
            self.end_headers()
            self._send(body, first, last, name)

    def _send(self, body: bytes, first: int, last: int, name: str) -> None:
        silence = self.server.silences.get(name)
        while first < last and not self.server.over.is_set():
            speed = self.server.speeds.get(name)  # which a test may change meanwhile
            step = max(int(speed / 20), 1) if speed else 2**16
            if silence is not None and first + step > silence:
                self.wfile.write(body[first:silence])
                self.server.over.wait(600)
                return
            self.wfile.write(body[first : min(first + step, last)])
            first += step
            if speed:
                time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def secured(folder: Path, host: str = "127.0.0.1", days: int = 2) -> Iterator[tuple[FileServer, Path]]:
    """Give a server behind TLS, and the file of its certificate, which names a host and nobody trusts."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    _write_certificate(certificate, key, host, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with FileServer() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.url = server.url.replace("http:", "https:")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server, certificate
        finally:
            server.shutdown()
            thread.join()


def _write_certificate(certificate: Path, key: Path, host: str, days: int) -> None:
    private, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days)
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(9))
        .not_valid_after(end)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=True
        )
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    certificate.write_bytes(made.public_bytes(pem))
    plain = serialization.NoEncryption()
    key.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


@contextmanager
def refusing_proxy(status: int) -> Iterator[str]:
    """Give the address of a proxy that answers every request with a status; 0 only hangs up."""

    class Refusing(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            if status:
                self.send_error(status)

        do_GET = do_CONNECT  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
