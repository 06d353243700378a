"""The client, against a server that answers as TensorFlow Serving's documents say, or misbehaves."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifar_core import connections, images
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.deploy import serving
from cifar_core.deploy.check import compare
from cifar_core.deploy.serving import Client
from cifar_core.errors import ServingError
from cifar_core.inference.runtime import Classifier
from cifar_core.runs import catalogue
from tests.deploy.conftest import MODEL, in_the_app
from tests.servers import free_port, secured


class Scripted:
    """A server that gives one answer to everything, or misbehaves as told, and keeps what it was asked."""

    def __init__(self, port: int = 0) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.behave = "answer"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._handle(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, status: int, body: Any, path: str = "") -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = (status, content)

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        content = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.asked.append((handler.command, handler.path, json.loads(content or b"null")))
        if self.behave == "die":
            handler.connection.close()
            return
        if self.behave == "hang":
            time.sleep(3)
            return
        status, body = self.answers.get(handler.path.rpartition("/")[2]) or self.answers[""]
        handler.send_response(status)
        if status == 302:
            handler.send_header("Location", "http://127.0.0.1:1/secret")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.behave == "stop halfway":
            handler.wfile.write(body[: len(body) // 2])
            handler.connection.close()
        elif self.behave == "drip":
            for byte in body:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.1)
        else:
            handler.wfile.write(body)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


def test_status(server: Scripted) -> None:
    def version(number: str, state: str, message: str = "") -> dict[str, Any]:
        return {
            "version": number,
            "state": state,
            "status": {"error_code": "OK", "error_message": message},
        }

    versions = [version("9", "END", "no memory"), version("10", "AVAILABLE")]
    server.answer(200, {"model_version_status": versions})
    assert Client(server.url, "my_model").status() == [(10, "AVAILABLE", ""), (9, "END", "no memory")]
    assert server.asked == [("GET", "/v1/models/my_model", None)]


def test_metadata(server: Scripted) -> None:
    signatures = {
        "serving_default": {"inputs": {}, "outputs": {}, "method_name": "tensorflow/serving/predict"}
    }
    server.answer(
        200,
        {
            "model_spec": {"name": "my_model", "signature_name": "", "version": "1"},
            "metadata": {"signature_def": {"signature_def": signatures}},
        },
    )
    assert Client(server.url, "my_model").metadata() == signatures
    assert server.asked == [("GET", "/v1/models/my_model/metadata", None)]


def test_what_is_sent(server: Scripted, test_images: np.ndarray) -> None:
    client = Client(server.url, "my_model")
    server.answer(200, {"predictions": [[0.1] * 10] * 2})
    client.predict(test_images[:2])
    row = {"class": "cat", "classes": CLASS_NAMES, "none_of_these": False, "probabilities": [0.1] * 10}
    server.answer(200, {"predictions": [row]})
    client.classify_files([b"\xff\x00"])
    (_, path, first), (_, _, second) = server.asked
    assert path == "/v1/models/my_model:predict"
    assert first["signature_name"] == "serving_default"
    sent = np.float32(first["instances"])
    np.testing.assert_allclose(sent, test_images[:2] / np.float32(255), atol=1e-7)
    encoded = {"b64": base64.b64encode(b"\xff\x00").decode()}
    assert second == {"signature_name": "classify_bytes", "instances": [encoded]}


def test_compare_uses_what_the_server_has(server: Scripted, pictures: list[Path], here: Classifier) -> None:
    """Where the server says that it takes files, files are sent too."""
    ready = {"version": "3", "state": "AVAILABLE", "status": {}}
    server.answer(200, {"model_version_status": [ready]}, "my_model")
    signatures: dict[str, Any] = {"serving_default": {}, "classify_bytes": {}}
    server.answer(200, {"metadata": {"signature_def": {"signature_def": signatures}}}, "metadata")
    content = pictures[0].read_bytes()
    [answer] = in_the_app([images.load(content)[1]])
    server.answer(200, {"predictions": [answer.probabilities.tolist()]}, "my_model:predict")
    with pytest.raises(ServingError, match="probabilities and their classes"):
        compare(Client(server.url, "my_model"), catalogue.find(MODEL), here, [("one.png", content)])
    assert server.asked[-1][2]["signature_name"] == "classify_bytes"


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (
            400,
            {"error": "JSON Parse error:\n Missing a comma"},
            "refused the input: JSON Parse error: Missing a",
        ),
        (
            404,
            {"error": "Servable not found for request: Latest(m)"},
            "has no model “m” .*: Servable not found",
        ),
        (429, {"error": "queue full"}, "still loading or overloaded; .*: queue full"),
        (503, {"error": "unavailable"}, "still loading or overloaded"),
        (500, b"<html>", "failed with status 500$"),
        (400, b"<html>The plain HTTP request was sent to HTTPS port", "failed with status 400$"),
        (302, b"", "sends elsewhere; give the address that it sends to: http://127.0.0.1:1/secret"),
        (200, b"<html>Welcome to nginx!</html>", "did not answer with JSON"),
        (200, [1], "did not answer with JSON"),
        (200, {"hello": 1}, "did not answer with 1 predictions"),
        (200, {"predictions": [[0.1] * 10, [0.1] * 10]}, "did not answer with 1 predictions"),
        (200, {"predictions": [[1.0]]}, "did not answer with probabilities"),
        (200, {"predictions": [1.0]}, "did not answer with probabilities"),
        (200, {"predictions": [[3.0] * 10]}, "did not answer with probabilities"),
        (200, {"predictions": [["a"] * 10]}, "did not answer with probabilities"),
        (200, {"predictions": [{"scores": [0.1] * 10}]}, "did not answer with probabilities"),
        (200, {"predictions": [[-0.5, 1.5]]}, "did not answer with probabilities"),
        (200, {"predictions": [[10**400, 1]]}, "did not answer with probabilities"),
        (200, b'{"predictions": [[NaN, 1]]}', "did not answer with probabilities"),
        (200, b'{"predictions": ' + b"[" * 200_000, "did not answer with JSON"),
        (200, b" " * (serving.MAX_ANSWER + 1), "more than a classifier has to say"),
    ],
)
def test_answers_that_are_none(server: Scripted, status: int, body: Any, told: str) -> None:
    server.answer(status, body)
    with pytest.raises(ServingError, match=told):
        Client(server.url, "m").predict(np.zeros((1, 32, 32, 3), np.uint8))
    assert len(server.asked) == 1, "asked once only"


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("die", "broke off before it had answered"),
        ("stop halfway", "broke off before it had answered"),
        ("hang", "did not answer within 1 seconds"),
        ("drip", "did not answer within 1 seconds"),
    ],
)
def test_a_server_that_dies_or_hangs(server: Scripted, behaviour: str, told: str) -> None:
    server.behave = behaviour
    server.answer(200, {"predictions": [[0.1] * 10]})
    with pytest.raises(ServingError, match=told):
        Client(server.url, "m", seconds=1).predict(np.zeros((1, 32, 32, 3), np.uint8))
    assert len(server.asked) == 1, "a request that was sent is never sent again"


def test_nobody_there() -> None:
    with pytest.raises(ServingError, match="Nothing answers at http://127"):
        Client(f"http://127.0.0.1:{free_port()}", "m").status()


def told(url: str) -> str:
    with pytest.raises(ServingError) as caught:
        Client(url, "m", seconds=5).status()
    return str(caught.value)


def test_a_certificate_that_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with secured(tmp_path) as (secure, certificate):
        secure.bodies["v1/models/m"] = b'{"model_version_status": []}'
        sentence = told(secure.url)
        assert "was not asked, its certificate is not trusted; let this machine trust it. Where a" in sentence
        assert connections.CERTIFICATES in sentence
        monkeypatch.setenv(connections.CERTIFICATES, str(certificate))
        assert Client(secure.url, "m").status() == []
        monkeypatch.setenv(connections.CERTIFICATES, str(tmp_path / "nowhere"))
        assert "the file of trusted certificates cannot be read; correct its name" in told(secure.url)


def test_a_proxy_is_not_asked(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.answer(200, {"model_version_status": []})
    assert Client(server.url, "m").status() == []


def test_a_server_without_tls(server: Scripted) -> None:
    sentence = told(server.url.replace("http:", "https:"))
    assert "offers no secure connection; perhaps its address begins with http://." in sentence


def test_a_server_that_comes_up_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is refused is tried again, after a pause; in this one the server comes up."""
    port, late = free_port(), list[Scripted]()

    def pause(_: float) -> None:
        late.append(Scripted(port))
        late[0].answer(200, {"model_version_status": []})

    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", pause)
        assert Client(f"http://127.0.0.1:{port}", "m").status() == []
    late[0].close()


@pytest.mark.parametrize("prefix", ["", "/team/serving"])
@pytest.mark.parametrize("which", ["", "/versions/3", "/labels/stable"])
def test_who_names_a_version_asks_that_one(server: Scripted, prefix: str, which: str) -> None:
    whole = f"{prefix}/v1/models/quick{which}"
    client = Client(f"{server.url}{whole}", "another")
    server.answer(200, {"predictions": [[0.1] * 10]})
    client.predict(np.zeros((1, 32, 32, 3), np.uint8))
    server.answer(200, {"metadata": {"signature_def": {"signature_def": {}}}})
    client.metadata()
    server.answer(200, {"model_version_status": []})
    client.status()
    assert [path for _, path, _ in server.asked] == [f"{whole}:predict", f"{whole}/metadata", whole]
    server.answer(404, {"error": "Servable not found"})
    with pytest.raises(ServingError, match=f"no model “quick”{f' as {which[1:]}' if which else ''} that"):
        client.status()
