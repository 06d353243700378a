"""Nothing phones home: neither the commands nor the app's server ask other machines of their own accord."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import browser as real
from tests.command_line import answer, environment
from tests.model_directories import LONG
from tests.outgoing import watched


def test_a_command_that_classifies_asks_nobody_and_leaves_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 30), "teal").save(picture)
    with watched(tmp_path) as outgoing:
        env = environment(tmp_path / "runs", **outgoing.variables)
        assert "picture.png" in answer("classify", "quick", str(picture), env=env)
        outgoing.check()


def test_a_server_that_everybody_can_reach_starts_without_asking_for_its_address(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with watched(tmp_path) as outgoing:
        options = ("--server.address", "0.0.0.0")  # as without the option, which the server of the tests has
        with real.Server(variables=outgoing.variables, options=options, log=log) as server:
            port = server.url.rpartition(":")[2]
            deadline = time.monotonic() + real.PATIENCE
            while f"URL: http://localhost:{port}" not in log.read_text():
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        outgoing.check()


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('192.0.2.1', 9), 0.01)",
        "import socket; socket.getaddrinfo('telemetry.invalid', 443)",
        "import requests; requests.get('https://telemetry.invalid')",
        "import pathlib; (pathlib.Path.home() / 'deviceid').touch()",
        "import onnxruntime",
    ],
)
def test_the_watch_sees(code: str, tmp_path: Path) -> None:
    with watched(tmp_path) as outgoing:
        env = environment(tmp_path / "runs", **outgoing.variables)
        subprocess.run([sys.executable, "-c", code], env=env, check=False, capture_output=True, timeout=LONG)
        with pytest.raises(AssertionError):
            outgoing.check()
