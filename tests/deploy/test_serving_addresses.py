"""Addresses of servers and their models: kept whole, or refused."""

from typing import Any

import pytest

from cifar_core.deploy import serving
from cifar_core.deploy.serving import Client
from cifar_core.errors import ServingError


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://localhost:8501", ("http://localhost:8501", "localhost", 8501, "", "")),
        (" https://Example.org/ ", ("https://example.org", "example.org", None, "", "")),
        ("http://[::1]:8501/v1/models/quick", ("http://[::1]:8501", "::1", 8501, "quick", "")),
        ("http://h:1/v1/models/quick/versions/3:predict", ("http://h:1", "h", 1, "quick", "versions/3")),
        ("http://h:1/v1/models/quick/labels/stable/", ("http://h:1", "h", 1, "quick", "labels/stable")),
        ("https://h/team-a/serving", ("https://h/team-a/serving", "h", None, "", "")),
        ("https://h/a/v1/models/quick/versions/3", ("https://h/a", "h", None, "quick", "versions/3")),
        ("https://h/v10-models/v1/models/v1", ("https://h/v10-models", "h", None, "v1", "")),
    ],
)
def test_addresses(url: str, parts: tuple[Any, ...]) -> None:
    address = serving.parse(url)
    assert (address.server, address.host, address.port, address.model, address.which) == parts
    assert serving.parse(address.url) == address, "nothing is lost"


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost:8501", "ftp://localhost:8501", "http://:8501", "http://h:port", "http://h:99999"),
        *(
            "http://user@h:8501",
            "http://:secret@h:8501",
            "http://h:0",
            "http://h 1:8501",
            "http://h:8501/\na",
        ),
        *("http://h:8501?x=1", "http://h:8501?", "http://h:8501#x", "http://h:8501/v1/models/a#b"),
        *(
            "http://h:8501/v1/models/a/../b",
            "http://h/a/../v1/models/b",
            "http://h/v1/models/..",
            "http://h//a",
        ),
        *("http://h:8501/v1/models", "http://h:8501/v1/model/quick", "http://h:8501/v2/models/quick"),
        *(
            "http://h/v1/models/a/versions",
            "http://h/v1/models/a/versions/new",
            "http://h/v1/models/a/labels/",
        ),
        *("http://h/v1/models/a/versions/1/labels/b", "http://h/v1/models/a:classify", "http://h/a%2f..;b"),
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ServingError, match="is not an endpoint's address"):
        serving.parse(url)


@pytest.mark.parametrize("model", ["", "a/b", "a?b", "a:b", ".."])
def test_what_is_no_model(model: str) -> None:
    with pytest.raises(ServingError, match="Say which model"):
        Client("http://localhost:8501", model)
