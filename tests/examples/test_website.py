"""The website that asks a served model: hostile pictures, and hostile answers."""

import base64
import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import google.auth
import pytest
import requests
from flask.testing import FlaskClient
from google.auth import credentials
from packaging.requirements import Requirement
from PIL import Image
from werkzeug.test import TestResponse

from cifar_core import paths
from examples.website import app as website
from tests.pictures import encode
from tests.servers import FileServer
from tests.test_requirements import pins, version

FOLDER = paths.code_root() / "examples" / "website"
NAME = "v1/models/m:predict"
JPEG = encode(Image.new("RGB", (40, 30), "teal"), "JPEG")
ROW: dict[str, Any] = {
    "class": "cat",
    "classes": ["dog", "cat", "ship"],
    "none_of_these": False,
    "probabilities": [0.125, 0.8749, 0.0001],
}


@pytest.fixture
def server(file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """The model's server, which answers `ROW`."""
    monkeypatch.setattr(website, "predict_url", f"{file_server.url}/{NAME}")
    file_server.bodies[NAME] = answered()
    return file_server


@pytest.fixture
def visitor() -> FlaskClient:
    return website.app.test_client()


def answered(**changed: Any) -> bytes:
    return json.dumps({"predictions": [{**ROW, **changed}]}).encode()


def sent(visitor: FlaskClient, picture: bytes, name: str = "a.jpg", **headers: str) -> TestResponse:
    form = requests.Request("POST", "http://localhost", files={"picture": (name, picture)}).prepare()
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return visitor.post("/", data=form.body, content_type=form.headers["Content-Type"], headers=given)


def told(page: TestResponse) -> str:
    """What the page shows in the answer's place."""
    [answer] = re.findall(r'<section id="answer".*?</section>', page.text, re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer)).split())


def is_a_sentence(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Z][^.]*(\d\.\d[^.]*)*\.", text))


def test_it_says_class_confidence_and_what_else_it_may_be(visitor: FlaskClient, server: FileServer) -> None:
    page = sent(visitor, JPEG)
    assert page.status_code == 200
    assert told(page) == ("cat , 87.5 % The model chose among 3 classes. cat 87.5 % dog 12.5 % ship < 0.1 %")
    [request] = map(json.loads, server.posted)
    assert request["signature_name"] == "classify_bytes"
    assert base64.b64decode(request["instances"][0]["b64"]) == JPEG


def test_it_says_its_doubt(visitor: FlaskClient, server: FileServer) -> None:
    server.bodies[NAME] = answered(none_of_these=True)
    said = told(sent(visitor, JPEG))
    assert said.startswith(
        "probably none of these It looks like nothing the model was trained on; nearest is cat"
    )


BAD_FILES = {
    "nothing": (b"", 422, "Choose a picture first."),
    "text": (b"cat", 415, "This file is no JPEG or PNG; save the picture as one of these."),
    "a page": (
        b"<script>alert(1)</script>",
        415,
        "This file is no JPEG or PNG; save the picture as one of these.",
    ),
    "GIF": (b"GIF89a", 415, "This file is no JPEG or PNG; save the picture as one of these."),
    "huge": (JPEG + bytes(11 * 1024**2), 413, "This picture is too large; choose one of 10 MB at most."),
}


@pytest.mark.parametrize(("content", "status", "sentence"), BAD_FILES.values(), ids=BAD_FILES)
def test_what_is_no_picture_is_refused_in_a_sentence(
    visitor: FlaskClient, server: FileServer, content: bytes, status: int, sentence: str
) -> None:
    page = sent(visitor, content)
    assert (page.status_code, told(page)) == (status, sentence)
    assert not server.requests


@pytest.mark.parametrize("path", ["/elsewhere", "/../app.py", "/static/app.py"])
def test_there_is_one_page(visitor: FlaskClient, path: str) -> None:
    page = visitor.get(path)
    assert page.status_code == 404
    assert is_a_sentence(told(page))
    assert visitor.delete("/").status_code == 405
    assert (
        visitor.post("/", data=b"\xff" * 99, content_type="multipart/form-data; boundary=x").status_code
        == 422
    )


def test_no_picture_is_kept(
    visitor: FlaskClient, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    large = JPEG + bytes(5 * 1024**2)  # which Werkzeug puts into a file
    assert sent(visitor, large, "../../evil.jpg").status_code == 200
    assert len(server.posted[0]) > 5 * 1024**2
    assert not list(tmp_path.iterdir())


NONSENSE = {
    "nothing": b"",
    "a page": b"<html><body>nginx</body></html>",
    "no text": b"\xff\xfe\x00",
    "null": b"null",
    "a list": b"[]",
    "no predictions": b"{}",
    "none": b'{"predictions": []}',
    "two": b'{"predictions": [%s, %s]}' % ((json.dumps(ROW).encode(),) * 2),
    "numbers only": b'{"predictions": [[0.1, 0.9]]}',
    "very deep": b'{"predictions": ' + b"[" * 200_000,
    "very long number": answered(probabilities=[1, 0, 0]).replace(b"[1,", b"[" + b"1" * 5_000 + b","),
    "huge": answered() + b" " * website.MAX_ANSWER,
    "not numbers": answered(probabilities=[float("nan"), 0.9, 0.1]),
    "infinite": answered(probabilities=[float("inf"), 0.9, 0.1]),
    "negative": answered(probabilities=[-0.5, 1, 0.5]),
    "too much": answered(probabilities=[0.9, 0.95, 0.9]),
    "numbers as text": answered(probabilities=["0.1", "0.8", "0.1"]),
    "a number less": answered(probabilities=[0.1, 0.9]),
    "no classes": answered(classes=[], probabilities=[]),
    "classes that are numbers": answered(classes=[1, 2, 3]),
    "half a character": answered(classes=["dog", "cat", "\ud800"]),
    "a class of its own": answered(**{"class": "tiger"}),
    "not the likeliest": answered(**{"class": "dog"}),
    "a class that is a list": answered(**{"class": ["cat"]}),
    "doubt in words": answered(none_of_these="no"),
    "no doubt": answered(none_of_these=None),
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_not_believed(visitor: FlaskClient, server: FileServer, content: bytes) -> None:
    server.bodies[NAME] = content
    page = sent(visitor, JPEG)
    assert (page.status_code, told(page)) == (502, website.NONSENSE)


def test_a_class_is_text_however_long_it_is(visitor: FlaskClient, server: FileServer) -> None:
    evil = "<script>alert(1)</script>" * 1_000
    server.bodies[NAME] = answered(classes=["dog", evil, "ship"], **{"class": evil})
    page = sent(visitor, JPEG)
    assert page.status_code == 200
    assert page.text.count("<script") == 1  # its own
    assert "<script>alert(1)</script>" in told(page)
    assert len(page.text) < 10_000


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, (422, website.UNREADABLE)),
        (404, (503, website.BUSY)),
        (413, (413, website.TOO_LARGE)),
        (429, (503, website.BUSY)),
        (503, (503, website.BUSY)),
        (302, (502, website.NONSENSE)),
        (401, (502, website.NONSENSE)),
        (500, (502, website.NONSENSE)),
    ],
)
def test_what_the_server_refuses_is_said_in_other_words(
    visitor: FlaskClient, server: FileServer, status: int, answer: tuple[int, str]
) -> None:
    server.statuses[NAME] = status
    server.headers[NAME] = {"Location": f"{server.url}/elsewhere"}
    page = sent(visitor, JPEG)
    assert (page.status_code, told(page)) == answer
    assert is_a_sentence(told(page))
    assert server.requests == [NAME]  # and nothing is asked that it sends to


def test_a_server_that_is_silent_slow_cut_off_or_stopped(
    visitor: FlaskClient, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(website, "SECONDS", 0.5)
    for fault in ({"silences": {NAME: 0}}, {"silences": {NAME: 5}}, {"speeds": {NAME: 100.0}}):
        for kind, value in fault.items():
            monkeypatch.setattr(server, kind, value)
        page = sent(visitor, JPEG)
        assert (page.status_code, told(page)) == (504, website.LATE)
        server.silences, server.speeds = {}, {}
    server.cuts[NAME] = 5
    assert sent(visitor, JPEG).status_code == 502
    monkeypatch.setattr(website, "predict_url", "http://127.0.0.1:9")
    page = sent(visitor, JPEG)
    assert (page.status_code, told(page)) == (
        502,
        "The model's server does not answer; try again in a minute.",
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # no browser
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://behind-a-proxy.example"}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
def test_another_website_cannot_send_pictures(
    visitor: FlaskClient, server: FileServer, headers: dict[str, str], status: int
) -> None:
    page = sent(visitor, JPEG, **headers)
    assert page.status_code == status
    assert bool(server.requests) == (status == 200)


def test_the_page_loads_nothing_from_elsewhere(visitor: FlaskClient) -> None:
    page = visitor.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"https?://|<style|style=|\son\w+=|<script>", page.text)
    parts = re.findall(r'(?:href|src)="(/[^"]+)"', page.text)
    assert len(parts) == 2
    for part in parts:
        with visitor.get(part) as file:
            assert file.status_code == 200


class Token(credentials.Credentials):  # type: ignore[misc]
    """Credentials that need not ask anybody."""

    def refresh(self, request: Any) -> None:  # noqa: ARG002
        self.token = "token"


def test_vertex_is_asked_with_its_credentials(visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google.auth, "default", lambda scopes: (Token(), scopes))
    address = (
        "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/endpoints/1"
    )
    session, url = website.connect(address)
    monkeypatch.setattr(website, "session", session)
    monkeypatch.setattr(website, "predict_url", url)
    asked: list[requests.PreparedRequest] = []

    def send(request: requests.PreparedRequest, **_: Any) -> None:
        asked.append(request)
        raise requests.ConnectionError

    monkeypatch.setattr(session, "send", send)
    assert sent(visitor, JPEG).status_code == 502
    [request] = asked
    assert request.url == f"{address}:rawPredict"
    assert request.headers["Authorization"] == "Bearer token"
    assert isinstance(request.body, bytes)
    assert json.loads(request.body)["signature_name"] == "classify_bytes"


def test_it_needs_flask_and_requests_only() -> None:
    code = "import sys; sys.path.insert(0, '.'); import app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=FOLDER, check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert {"flask", "requests"} <= loaded
    assert not loaded & {"cifar_core", "numpy", "PIL", "google.auth"}


def test_its_requirements_are_ranges_around_what_is_tested() -> None:
    lines = (FOLDER / "requirements.txt").read_text().splitlines()
    wanted = {each.name: each for each in (Requirement(line.partition("#")[0]) for line in lines)}
    assert set(wanted) == {"flask", "requests", "waitress"}
    tested = pins("requirements-dev.txt")
    for name in wanted.keys() & tested.keys():
        assert wanted[name].specifier.contains(version(tested[name]))
