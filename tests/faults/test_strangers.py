"""A real server and who comes to it: foreign websites, neighbours, proxies, who sits at the machine."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from websockets import Origin, Subprotocol
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from benchmarks.browser import Server
from benchmarks.crowd import Visitor
from cifar_core import settings
from tests.model_directories import LONG

FOREIGN, NEIGHBOUR = "lab.example.org", "192.168.1.7"
PROXY = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # As `streamlit run` listens by default: with one socket for IPv4 and IPv6.
    with Server(variables={settings.OPERATORS.name: None}, options=["--server.address", "::"]) as started:
        yield started


def train_page(server: Server, name: str, headers: dict[str, str] = {}) -> str:  # noqa: B006 - never changed
    """Open Train as a browser does whom this name led to 127.0.0.1, and return what it is sent."""
    port = int(server.url.rpartition(":")[2])
    with (
        closing(socket.create_connection(("127.0.0.1", port), timeout=LONG)) as led_here,
        connect(
            f"ws://{name}:{port}/_stcore/stream",
            sock=led_here,
            origin=Origin(f"http://{name}:{port}"),
            subprotocols=[Subprotocol("streamlit")],
            additional_headers=headers,
            max_size=None,
            ping_interval=None,
            open_timeout=LONG,
        ) as opened,
    ):
        return Visitor(0, server.url, opened).open("train", "")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_who_sits_at_the_machine_may_train(server: Server, name: str) -> None:
    assert 'label: "Start"' in train_page(server, name)


@pytest.mark.parametrize(
    ("name", "headers"), [(NEIGHBOUR, {}), ("lab", {}), (FOREIGN, PROXY), ("localhost", PROXY)]
)
def test_others_may_look_and_are_told_who_may_train(
    server: Server, name: str, headers: dict[str, str]
) -> None:
    sent = train_page(server, name, headers)
    assert "All may look and classify here" in sent
    assert 'label: "Start"' not in sent


@pytest.mark.parametrize("name", [FOREIGN, "localhost.example.org"])
def test_a_website_that_leads_its_name_here_gets_nothing(server: Server, name: str) -> None:
    with pytest.raises(InvalidStatus, match="421"):
        train_page(server, name)
    for path in ("/", "/train", "/_stcore/host-config"):
        answer = requests.get(f"{server.url}{path}", headers={"Host": name}, timeout=LONG)
        assert answer.status_code == 421
        assert f"--server.allowedHosts {name}" in answer.text


@pytest.mark.parametrize(
    ("host", "headers"),
    [("localhost:8501", {}), (NEIGHBOUR, {}), ("[::1]", {}), ("lab.local", {}), (FOREIGN, PROXY)],
)
def test_the_door_is_there_under_plain_streamlit_run(
    server: Server, host: str, headers: dict[str, str]
) -> None:
    answer = requests.get(server.url, headers={"Host": host, **headers}, timeout=LONG)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers.get("X-Frame-Options") == (None if headers else "SAMEORIGIN")
