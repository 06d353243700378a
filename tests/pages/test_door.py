"""The layer before every request, given requests as a server gives them; on a real one: tests/faults."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from streamlit import config

from cifar_core import hardware
from pages.parts import door
from pages.parts.door import Door

HERE = "127.0.0.1"
FOREIGN = {"host": "lab.example.org"}
UPLOAD = "/_stcore/upload_file/session/file"


def asked(
    headers: dict[str, str], peer: str | None = HERE, method: str = "GET", path: str = "/", behind: Any = None
) -> tuple[int, dict[str, str], str]:
    """Ask an app behind the door; return status, headers and text of the answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("the app")(scope, receive, send)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "client": peer and (peer, 50_000),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    with ThreadPoolExecutor(1) as thread:  # the tests' own may have a browser's event loop
        thread.submit(asyncio.run, (behind or Door(app))(scope, receive, send)).result()
    given = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], given, b"".join(message["body"] for message in sent[1:]).decode()


@pytest.mark.parametrize("peer", [HERE, "192.168.1.7", None])
def test_a_foreign_name_is_refused_and_told_how_it_can_be_allowed(peer: str | None) -> None:
    status, headers, text = asked(FOREIGN, peer)
    assert status == 421
    assert "--server.allowedHosts lab.example.org" in text
    assert headers["content-type"].startswith("text/plain")
    assert headers["x-content-type-options"] == "nosniff"


def test_what_was_made_up_as_a_name_is_not_echoed_whole() -> None:
    _, _, text = asked({"host": f"lab\x1b[31m{'x' * 5_000}.org"})
    assert len(text) < 1_000
    assert "\x1b" not in text


def test_where_the_names_are_set_streamlit_looks_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    option = config.get_option
    names = {"server.allowedHosts": ["lab.example.org"]}
    monkeypatch.setattr(config, "get_option", lambda name: names.get(name) or option(name))
    assert asked(FOREIGN)[0] == 200


def test_no_other_website_shows_it_in_a_frame() -> None:
    status, headers, text = asked({"host": "localhost:8501"})
    assert (status, text) == (200, "the app")
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_host_behind_whose_proxy_it_is_may_show_it_in_a_frame() -> None:
    status, headers, _ = asked({**FOREIGN, "x-forwarded-for": "192.0.2.7"}, "10.0.0.3")
    assert status == 200
    assert "x-frame-options" not in headers
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("held", "size", "free", "status"),
    [(0, 40, 100, 200), (0, 51, 100, 413), (60, 20, 100, 200), (60, 21, 100, 413), (0, 10**30, 100, 413)],
)
def test_uploads_never_hold_more_memory_than_they_leave_free(
    monkeypatch: pytest.MonkeyPatch, held: int, size: int, free: int, status: int
) -> None:
    monkeypatch.setattr(door, "_held", lambda: held)
    monkeypatch.setattr(hardware, "free_memory", lambda: free)
    headers = {"host": "localhost", "content-length": str(size)}
    assert asked(headers, method="PUT", path=UPLOAD)[0] == status
    assert asked(headers, method="PUT", path=f"/base{UPLOAD}")[0] == status
    assert asked(headers, path="/")[0] == 200


@pytest.mark.parametrize("length", [None, "", "-1", "many"])
def test_an_upload_says_its_length(length: str | None) -> None:
    headers = {"host": "localhost"} if length is None else {"host": "localhost", "content-length": length}
    assert asked(headers, method="PUT", path=UPLOAD)[0] == 411


def test_what_arrives_at_the_same_time_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_held", lambda: 0)
    monkeypatch.setattr(hardware, "free_memory", lambda: 100)
    headers = {"host": "localhost", "content-length": "30"}
    statuses: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if len(statuses) < 2:  # while the first is on its way, a second comes
            statuses.append(0)
            statuses.append(await asyncio.to_thread(lambda: asked(headers, HERE, "PUT", UPLOAD, behind)[0]))
        await PlainTextResponse("the app")(scope, receive, send)

    behind = Door(app)
    assert asked(headers, HERE, "PUT", UPLOAD, behind)[0] == 200
    assert statuses == [0, 413]
    statuses[:] = [0, 0]
    assert asked(headers, HERE, "PUT", UPLOAD, behind)[0] == 200  # both are over
