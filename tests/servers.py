"""A server of files whose faults a test decides, and free ports for others."""

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class FileServer(ThreadingHTTPServer):
    """Serves `bodies` by name, an empty one where there is none, and keeps the names it was asked for."""

    cut = 0  # bytes promised but not sent

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.requests: list[str] = []
        self.requested, self.released = threading.Event(), threading.Event()  # it answers once released
        self.released.set()


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        name = self.path[1:]
        self.server.requests.append(name)
        self.server.requested.set()
        self.server.released.wait(600)
        body = self.server.bodies.get(name, b"")
        self.send_response(self.server.statuses.get(name, 200))
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # the client may have given up
            self.end_headers()
            self.wfile.write(body[: len(body) - self.server.cut])

    def log_message(self, *_: object) -> None:
        pass
