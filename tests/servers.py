"""A server of files whose faults a test decides, and free ports for others."""

import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class FileServer(ThreadingHTTPServer):
    """Serves `bodies` by name, an empty one where there is none, and keeps the names it was asked for."""

    cut = 0  # bytes promised but not sent
    ranges = True  # whether it sends parts of a file if asked to

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.cuts: dict[str, int] = {}  # the byte of the body, by name, where the connection breaks off
        self.silences: dict[str, int] = {}  # the byte of the body, by name, where it falls silent
        self.speeds: dict[str, float] = {}  # bytes per second, by name
        self.requests: list[str] = []
        self.spans: list[str | None] = []  # the ranges that the requests asked for
        self.requested, self.released = threading.Event(), threading.Event()  # it answers once released
        self.released.set()
        self.over = threading.Event()

    def shutdown(self) -> None:
        self.over.set()
        super().shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

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
        self.send_header("Content-Length", str(max(len(body) - first, 0)))
        last = min(self.server.cuts.get(name, len(body)), len(body) - self.server.cut)
        with suppress(ConnectionError):  # the client may have given up
            self.end_headers()
            self._send(body, first, last, name)

    def _send(self, body: bytes, first: int, last: int, name: str) -> None:
        silence, speed = self.server.silences.get(name), self.server.speeds.get(name)
        step = max(int(speed / 20), 1) if speed else 2**16
        while first < last and not self.server.over.is_set():
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
