"""Streamlit's own login, against a real OpenID provider: who is named may train, who is not may not."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from cifar_core import settings
from tests.browser.conftest import Server, StartServer
from tests.model_directories import until
from tests.servers import free_port

PEOPLE = [
    {"sub": "ada", "email": "ada@example.org", "email_verified": True},
    {"sub": "eve", "email": "eve@example.org", "email_verified": True},
    {"sub": "mallory", "email": "ada@example.org", "email_verified": False},
]
SECRETS = """
[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "a secret of this test"
client_id = "cifar-lab"
client_secret = "another"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    port = free_port()
    people = [argument for person in PEOPLE for argument in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *people]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def guarded(start_server: StartServer, provider: str, tmp_path_factory: pytest.TempPathFactory) -> Server:
    secrets = tmp_path_factory.mktemp("secrets") / "secrets.toml"
    server = start_server(
        **{settings.OPERATORS.name: "Ada@example.org", "STREAMLIT_SECRETS_FILES": str(secrets)}
    )
    secrets.write_text(SECRETS.format(app=server.url, provider=provider))
    return server


def log_in(page: Page, server: Server, name: str) -> None:
    page.goto(f"{server.url}/train")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("textbox").first.fill(name)
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"{server.url}/**")
    page.goto(f"{server.url}/train")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("ada", None),
        ("eve", "eve@example.org may not train"),
        ("mallory", "Only some people may train"),  # whose provider has not verified the address
    ],
)
def test_only_who_is_named_may_train(guarded: Server, page: Page, name: str, word: str | None) -> None:
    page.goto(f"{guarded.url}/train")
    expect(page.get_by_text("Only some people may train and export on this app; log in.")).to_be_visible()
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_have_count(0)
    log_in(page, guarded, name)
    if word is None:
        expect(start).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("button", name="End session").click()
        page.wait_for_url(f"{guarded.url}/**")
        page.goto(f"{guarded.url}/train")
        word = "Only some people may train"
    expect(page.get_by_text(word)).to_be_visible()
    expect(start).to_have_count(0)
