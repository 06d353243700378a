"""Deploy, as a user sees it: export, the commands, the check of a running server, the files."""

import base64
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import rest
from cifar_core import images
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.runs import catalogue
from tests.browser import no_exception
from tests.browser.conftest import Server, StartServer

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.slow]


class Endpoint(ThreadingHTTPServer):
    """TensorFlow Serving's REST API around the model `quick`, version 3."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        directory = catalogue.find("quick")
        self.classifier, self.calibration = Classifier(directory.onnx_path), calibration_of(directory)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []

    def answer(self, path: str, request: Any) -> Any:
        self.asked.append(path)
        match path.removeprefix("/v1/models/quick"):
            case "":
                return {"model_version_status": [{"version": "3", "state": "AVAILABLE", "status": {}}]}
            case "/metadata":
                signatures: dict[str, Any] = {"serving_default": {}, "classify_bytes": {}}
                return {"metadata": {"signature_def": {"signature_def": signatures}}}
        if request["signature_name"] == "serving_default":
            arrays = (np.array(request["instances"]) * 255).round().astype(np.uint8)
            return {"predictions": [a.probabilities.tolist() for a in self.classify(list(arrays[:, None]))]}
        files = [base64.b64decode(item["b64"]) for item in request["instances"]]
        rows = [
            {**a.to_dict(), "classes": a.class_names, "probabilities": a.probabilities.tolist()}
            for a in self.classify([images.load(file)[1] for file in files])
        ]
        return {"predictions": rows}

    def classify(self, pictures: list[np.ndarray]) -> Any:
        return classify(self.classifier, self.calibration, pictures)


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_GET(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        content = json.dumps(self.server.answer(self.path, request)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def check(page: Page, url: str) -> None:
    box = page.get_by_label("Endpoint", exact=True)
    box.fill(url)
    box.press("Tab")
    page.get_by_role("button", name="Check", exact=True).click()


def downloaded(page: Page, button: str) -> bytes:
    found = page.get_by_role("button", name=button)
    found.wait_for()  # TensorFlow may have to make the file first
    rest(page)  # a file that is made when clicked is gone once the page is drawn anew
    with page.expect_download() as waiting:
        found.click()
    return Path(waiting.value.path()).read_bytes()


def test_from_the_dashboard_into_tensorflow_serving(page: Page, server: Server, endpoint: Endpoint) -> None:
    page.goto(f"{server.url}/deploy?model=quick")
    expect(page.get_by_text("-e MODEL_NAME=quick")).to_be_visible()
    page.get_by_text("Compose", exact=True).click()
    expect(page.get_by_text("docker compose -f serving/quick.compose.yaml up")).to_be_visible()

    # The request to download is one that the server understands, and what the page says of it is the answer.
    request = json.loads(downloaded(page, "request.json"))
    [row] = endpoint.answer("/v1/models/quick:predict", request)["predictions"]
    expect(page.get_by_text(f'"class": "{row["class"]}"')).to_be_visible()

    # The server is found to be the same model, and a dead one to be dead.
    endpoint.asked.clear()
    check(page, endpoint.url)
    expect(page.get_by_text("The server answers as “quick” does here.")).to_be_visible()
    expect(page.get_by_test_id("stMetric").filter(has_text="Version")).to_contain_text("3")
    expect(page.get_by_test_id("stMetric").filter(has_text="Same class")).to_contain_text("100.0 %")
    assert endpoint.asked.count("/v1/models/quick:predict") == 1 + 8
    check(page, "http://127.0.0.1:9")
    expect(page.get_by_text("Nothing answers at")).to_be_visible()
    # A server elsewhere is not asked, by whatever name.
    for elsewhere in ("http://169.254.169.254:80", f"http://127.1:{endpoint.server_port}"):
        endpoint.asked.clear()
        check(page, elsewhere)
        expect(page.get_by_text(f"This app may not ask {elsewhere.removeprefix('http://')}")).to_be_visible()
        assert not endpoint.asked
    no_exception(page)

    page.get_by_role("button", name="Make the SavedModel").click()
    archive = zipfile.ZipFile(io.BytesIO(downloaded(page, "Download quick-serving.zip")))
    assert {
        "serving/quick/1/saved_model.pb",
        "serving/quick/1/variables/variables.index",
        "serving/quick/1/assets.extra/tf_serving_warmup_requests",
        "serving/quick.compose.yaml",
        "serving/quick.website.yaml",
        "serving/batching.config",
        "serving/website/templates/index.html",
    } <= set(archive.namelist())

    page.get_by_text("Files", exact=True).click()
    quick = catalogue.find("quick")
    assert downloaded(page, "Download quick.onnx") == quick.onnx_path.read_bytes()
    assert downloaded(page, "Download quick.keras") == quick.keras_path.read_bytes()
    no_exception(page)
    assert not [entry for entry in server.process.memory_maps() if "tensorflow" in entry.path.lower()]


def test_a_hosted_app_asks_only_whom_it_was_told(
    page: Page, start_server: StartServer, endpoint: Endpoint
) -> None:
    server = start_server(CIFAR_LAB_SERVING_HOSTS=f"127.0.0.1:{endpoint.server_port}")
    page.goto(f"{server.url}/deploy?model=quick")
    check(page, f"http://localhost:{endpoint.server_port}")
    expect(page.get_by_text("This app may not ask")).to_be_visible()
    assert not endpoint.asked
    check(page, endpoint.url)
    expect(page.get_by_text("The server answers as “quick” does here.")).to_be_visible()
    # A server that is told to stop while it still draws a page waits for that page.
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    rest(page)
