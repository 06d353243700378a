"""The website in a browser, from `export` to an answer, and beside a model's server that fails.

The server is KServe's, which stands in for TensorFlow Serving. Between the two stands a relay that a test can
make slow, or have answer nonsense, or stop.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FilePayload, Page, expect

from benchmarks.browser import PATIENCE
from cifar_core import formats, images
from tests.deploy.conftest import MODEL, exported, in_the_app, kserve, kserve_python, pictures
from tests.pictures import encode, photo
from tests.servers import free_port

__all__ = ["exported", "kserve", "kserve_python", "pictures"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.kserve, pytest.mark.slow]

Theme = Literal["light", "dark"]
SECONDS = 30  # that the website waits for an answer


class Relay(ThreadingHTTPServer):
    """Hands requests on to the model's server, unless `answer` is set; waits for `open` first."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.behind, self.answer = behind, b""
        self.open = threading.Event()
        self.open.set()


class Handler(BaseHTTPRequestHandler):
    server: Relay

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.open.wait()
        status, content = 200, self.server.answer
        if not content:
            asked = {"Content-Type": "application/json"}
            there = requests.post(f"{self.server.behind}{self.path}", body, headers=asked, timeout=PATIENCE)
            status, content = there.status_code, there.content
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def relay(kserve: str) -> Iterator[Relay]:
    with Relay(kserve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.open.set()
        server.shutdown()


@pytest.fixture
def website(exported: Path, relay: Relay, tmp_path: Path) -> Iterator[str]:
    """The address of the website that `export` wrote, in a process that does not see our code."""
    port, log = free_port(), tmp_path / "website.log"
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    settings = {"MODEL_URL": f"{relay.url}/v1/models/{MODEL}", "SECONDS": str(SECONDS)}
    with log.open("w") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "flask", "run", "--port", str(port)],
            cwd=exported / "website",
            env={**ours, **settings},
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                requests.get(f"http://127.0.0.1:{port}", timeout=1)
                break
            except requests.RequestException:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.wait()


def choose(page: Page, content: bytes, name: str = "photo.jpg") -> None:
    file: FilePayload = {"name": name, "mimeType": "image/jpeg", "buffer": content}
    page.locator("input[type=file]").set_input_files(file)


def test_the_website_says_what_the_app_says(page: Page, website: str, pictures: list[Path]) -> None:
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(website)
    expect(page.get_by_text("The model's answer appears here.")).to_be_visible()
    answers = in_the_app([images.load(picture)[1] for picture in pictures])
    assert {answer.none_of_these for answer in answers} == {True, False}
    for picture, answer in zip(pictures, answers, strict=True):
        page.locator("input[type=file]").set_input_files(picture)
        verdict = f"{answer.class_name}, {formats.probability(answer.confidence)}"
        heading = page.get_by_role("heading", level=2)
        expect(heading).to_have_text("probably none of these" if answer.none_of_these else verdict)
        if answer.none_of_these:
            expect(page.get_by_text(f"nearest is {verdict}.")).to_be_visible()
        expect(page.get_by_role("row").first).to_contain_text(answer.class_name)
        expect(page.get_by_role("img", name="your picture")).to_be_visible()
    assert not wrong


def test_each_fault_is_a_sentence_and_the_next_picture_is_answered(
    page: Page, website: str, relay: Relay
) -> None:
    page.goto(website)
    picture, answer = encode(photo(640, 480), "JPEG"), page.locator("#answer")
    bars = answer.get_by_role("progressbar")
    choose(page, picture)
    expect(bars).to_have_count(5)

    choose(page, b"<script>document.title = 'evil'</script>", "<img src=x onerror=alert(1)>.jpg")
    expect(answer).to_have_text("This file is no JPEG or PNG; save the picture as one of these.")
    choose(page, picture[:100])
    expect(answer).to_have_text(
        "The model cannot read this picture; save it again as JPEG or PNG, not in CMYK."
    )
    choose(page, picture + bytes(11 * 1024**2))
    expect(answer).to_have_text("This picture is too large; choose one of 10 MB at most.")

    relay.answer = b'{"predictions": [NaN]}'
    choose(page, picture)
    expect(answer).to_have_text("The model's server did not answer as a model exported from CIFAR Lab does.")
    relay.answer = b""

    # While it waits, another picture can be chosen, and only that one is answered.
    relay.open.clear()
    choose(page, picture)
    expect(answer).to_have_text("Asking the model…")
    choose(page, b"no picture")
    expect(answer).to_have_text("This file is no JPEG or PNG; save the picture as one of these.")
    choose(page, picture)
    expect(answer).to_have_text(f"The model did not answer within {SECONDS} seconds; try again in a minute.")
    relay.open.set()
    choose(page, picture)
    expect(bars).to_have_count(5)

    relay.shutdown()
    relay.server_close()
    choose(page, picture)
    expect(answer).to_have_text("The model's server does not answer; try again in a minute.")
    expect(page).to_have_title("What is on your picture?")


def test_it_takes_what_is_dropped_and_works_without_scripts(page: Page, website: str) -> None:
    page.goto(website)
    page.evaluate(
        """numbers => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(numbers)], "photo.png", {type: "image/png"}));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
        }""",
        list(encode(photo(64, 48), "PNG")),
    )
    expect(page.get_by_role("progressbar")).to_have_count(5)
    assert page.context.browser
    with page.context.browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto(website)
        choose(plain, encode(photo(640, 480), "JPEG"))
        plain.get_by_role("button", name="Ask").click()
        expect(plain.get_by_role("progressbar")).to_have_count(5)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(page: Page, website: str, theme: Theme) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(website)
    choose(page, encode(photo(640, 480), "JPEG"))
    expect(page.get_by_role("progressbar")).to_have_count(5)
    assert not Axe().run(page).response["violations"]
    page.set_viewport_size({"width": 320, "height": 500})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
