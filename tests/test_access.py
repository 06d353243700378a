"""What a visitor may do, from what the settings say."""

import socket

import pytest

from cifar_core import access, settings
from cifar_core.deploy.serving import parse
from cifar_core.errors import AccessError, JobError

NAMED = "Ada@example.org, bo@example.org"


def set_to(monkeypatch: pytest.MonkeyPatch, setting: str | None) -> None:
    monkeypatch.delenv(settings.OPERATORS.name, raising=False)
    if setting is not None:
        monkeypatch.setenv(settings.OPERATORS.name, setting)


@pytest.mark.parametrize(
    ("setting", "email", "here"),
    [
        (None, None, True),
        ("everybody", None, False),
        (" Everybody ", "eve@example.org", False),
        (NAMED, "ada@example.org", False),
        (NAMED, "BO@example.org", True),
    ],
)
def test_who_may(monkeypatch: pytest.MonkeyPatch, setting: str | None, email: str | None, here: bool) -> None:
    set_to(monkeypatch, setting)
    access.refuse_unless_operator(email, here=here)


@pytest.mark.parametrize("here", [False, True])
@pytest.mark.parametrize(
    ("setting", "email", "message"),
    [
        (NAMED, None, "log in"),
        (NAMED, "eve@example.org", "eve@example.org may not train"),
        (NAMED, "a@example.org", "may not train"),
        ("nobody", "ada@example.org", "switched off"),
        ("", "ada@example.org", "switched off"),
        ("off", None, "switched off"),
        ("all", None, "switched off"),  # what is set wrongly allows nothing
        ("everybody, nobody", None, "switched off"),
    ],
)
def test_who_may_not(
    monkeypatch: pytest.MonkeyPatch, setting: str, email: str | None, message: str, here: bool
) -> None:
    set_to(monkeypatch, setting)
    with pytest.raises(AccessError, match=message):
        access.refuse_unless_operator(email, here=here)


@pytest.mark.parametrize("email", [None, "ada@example.org"])
def test_where_nothing_is_set_a_stranger_may_not(monkeypatch: pytest.MonkeyPatch, email: str | None) -> None:
    set_to(monkeypatch, None)
    with pytest.raises(AccessError, match=r"look and classify.* CIFAR_LAB_OPERATORS=everybody"):
        access.refuse_unless_operator(email, here=False)


def test_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(settings.TRAINING_MINUTES.name, raising=False)
    assert access.time_limit() is None
    monkeypatch.setenv(settings.TRAINING_MINUTES.name, "2.5")
    assert access.time_limit() == 150
    for wrong in ("", "0", "-1", "nan", "inf", "ten"):
        monkeypatch.setenv(settings.TRAINING_MINUTES.name, wrong)
        with pytest.raises(JobError, match="must be a number of minutes"):
            access.time_limit()


# Whom the app may ask for a visitor

LOCAL = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}


@pytest.mark.parametrize(
    ("peer", "headers", "here"),
    [
        (None, LOCAL, True),
        ("127.0.0.1", {"host": "127.0.0.1:8501"}, True),
        ("::1", {"Host": "[::1]:8501"}, True),
        ("::ffff:127.0.0.1", LOCAL, True),  # IPv4 on a socket of both, as `streamlit run` has by default
        ("127.0.0.2", LOCAL, True),
        ("::ffff:192.0.2.7", LOCAL, False),
        ("localhost", LOCAL, False),
        ("192.0.2.7", LOCAL, False),
        (None, {}, False),
        (None, {"Host": "lab.example.org"}, False),
        (None, {"Host": "localhost.example.org"}, False),
        (None, {**LOCAL, "Origin": "https://lab.example.org"}, False),
        (None, {**LOCAL, "Origin": "null"}, False),
        (None, {**LOCAL, "Origin": "http://["}, False),
        (None, {"Host": "[::1"}, False),
        (None, {"Host": "localhost@lab.example.org"}, False),
        (None, {**LOCAL, "X-Forwarded-For": "192.0.2.7"}, False),
        (None, {**LOCAL, "Via": "1.1 proxy"}, False),
    ],
)
def test_opened_here(peer: str | None, headers: dict[str, str], here: bool) -> None:
    assert access.opened_here(peer, headers) is here


FOREIGN = {"Host": "lab.example.org:8501"}


@pytest.mark.parametrize(
    "peer", [None, "127.0.0.1", "::ffff:127.0.0.1", "192.168.1.7", "100.64.0.9", "fe80::1"]
)
@pytest.mark.parametrize(
    "host",
    ["lab.example.org", "LAB.example.org.:8501", "localhost.example.org", "127.0.0.1.example.org", "a.de"],
)
def test_a_foreign_name_that_leads_here(peer: str | None, host: str) -> None:
    found = access.foreign_name(peer, {"Host": host})
    assert found == host.lower().partition(":")[0].rstrip(".")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "localhost:8501",
            "app.localhost",
            "127.0.0.1",
            "192.168.1.7:80",
            "[::1]:8501",
            "[fd00::7]",
            "[",
        ),
        *("lab", "lab.local:8501", "host.docker.internal", "lab.home.arpa", "Lab7.example.org"),
    ],
)
def test_a_name_or_address_of_our_own(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "lab7.Example.org")
    assert access.foreign_name("192.168.1.7", {"Host": host}) is None


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("10.0.0.3", {**FOREIGN, "X-Forwarded-For": "192.0.2.7"}),  # as a host's proxies say
        (None, {**FOREIGN, "Via": "1.1 proxy"}),
        ("8.8.8.8", FOREIGN),  # straight from the internet, as to a rented machine
        ("::ffff:8.8.8.8", FOREIGN),
        ("2001:4860:4860::8888", FOREIGN),
    ],
)
def test_a_foreign_name_where_it_is_usual(peer: str | None, headers: dict[str, str]) -> None:
    assert access.foreign_name(peer, headers) is None


def ask(monkeypatch: pytest.MonkeyPatch, url: str, named: str | None, here: bool) -> None:
    monkeypatch.delenv(settings.SERVING_HOSTS.name, raising=False)
    if named is not None:
        monkeypatch.setenv(settings.SERVING_HOSTS.name, named)
    address = parse(url)
    access.refuse_host(address.host, address.port, here)


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
def test_allowed(monkeypatch: pytest.MonkeyPatch, url: str, named: str | None, here: bool) -> None:
    ask(monkeypatch, url, named, here)


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
def test_refused(monkeypatch: pytest.MonkeyPatch, url: str, named: str | None, here: bool) -> None:
    with pytest.raises(AccessError, match="This app may not ask"):
        ask(monkeypatch, url, named, here)


def test_the_port_must_be_said() -> None:
    with pytest.raises(AccessError, match="Give the port"):
        access.refuse_host("localhost", None, here=True)
