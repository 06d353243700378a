"""Whom the app may ask for a visitor."""

import pytest

from cifar_core.deploy.access import opened_here, refuse_unless_allowed
from cifar_core.deploy.serving import parse
from cifar_core.errors import ServingError

LOCAL = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}


@pytest.mark.parametrize(
    ("peer", "headers", "here"),
    [
        (None, LOCAL, True),
        ("127.0.0.1", {"host": "127.0.0.1:8501"}, True),
        ("::1", {"Host": "[::1]:8501"}, True),
        ("192.0.2.7", LOCAL, False),
        (None, {}, False),
        (None, {"Host": "lab.example.org"}, False),
        (None, {"Host": "localhost.example.org"}, False),
        (None, {**LOCAL, "Origin": "https://lab.example.org"}, False),
        (None, {**LOCAL, "Origin": "null"}, False),
        (None, {**LOCAL, "X-Forwarded-For": "192.0.2.7"}, False),
        (None, {**LOCAL, "Via": "1.1 proxy"}, False),
    ],
)
def test_opened_here(peer: str | None, headers: dict[str, str], here: bool) -> None:
    assert opened_here(peer, headers) is here


@pytest.mark.parametrize(
    ("url", "named", "here"),
    [
        ("http://localhost:8501", None, True),
        ("http://127.0.0.1:8501/v1/models/quick", None, True),
        ("http://[::1]:8501", None, True),
        ("http://serving:8501", "serving:8501", False),
        ("http://SERVING:8501", " other:1 , Serving ", False),
    ],
)
def test_allowed(url: str, named: str | None, here: bool) -> None:
    refuse_unless_allowed(parse(url), named, here)


@pytest.mark.parametrize(
    ("url", "named", "here"),
    [
        ("http://localhost:8501", None, False),
        ("http://localhost:8501", "", True),
        ("http://localhost:8501", "serving:8501", True),
        ("http://serving:8500", "serving:8501", False),
        ("http://serving.example.org:8501", "serving", False),
        ("http://169.254.169.254:80", None, True),
        ("http://10.0.0.1:8501", None, True),
        ("http://127.1:8501", None, True),
        ("http://2130706433:8501", None, True),
        ("http://localhost.example.org:8501", None, True),
    ],
)
def test_refused(url: str, named: str | None, here: bool) -> None:
    with pytest.raises(ServingError, match="This app may not ask"):
        refuse_unless_allowed(parse(url), named, here)


def test_the_port_must_be_said() -> None:
    with pytest.raises(ServingError, match="Give the port"):
        refuse_unless_allowed(parse("http://localhost"), None, True)
