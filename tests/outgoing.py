"""What a process and its children ask of other machines, and what they leave in the user's home."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cifar_core import QUIET
from tests.command_line import ROOT

# Python runs this at the start of each process, so that what goes past the proxy is seen as well.
HOOK = """
import os, sys

def note(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "localhost", "0.0.0.0", "::", "::1") and not host.startswith("127."):
        with open(os.environ["OUTGOING"], "a") as log:
            log.write(f"{event} {host}\\n")

sys.addaudithook(note)
"""
# Libraries are silent of their own accord where one of these is set (ONNX Runtime reads all of them).
CI = (
    "CI",
    "TF_BUILD",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "CIRCLECI",
    "TRAVIS",
    "JENKINS_URL",
    "CODEBUILD_BUILD_ID",
    "BUILDKITE",
    "TEAMCITY_VERSION",
    "APPVEYOR",
)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class _Proxy(BaseHTTPRequestHandler):
    """Notes what is asked for and refuses it; compiled libraries come here too."""

    log: Path

    def do_CONNECT(self) -> None:
        with self.log.open("a") as log:
            log.write(f"{self.requestline}\n")
        self.send_error(502)

    do_GET = do_POST = do_PUT = do_HEAD = do_CONNECT  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Outgoing:
    """The variables of a process that is watched, its home folder, and where what it asks is noted."""

    variables: dict[str, str | None]
    home: Path
    log: Path

    def check(self) -> None:
        """Fail if it asked another machine, or left a file in the home folder."""
        asked = self.log.read_text().splitlines() if self.log.exists() else []
        left = [str(file.relative_to(self.home)) for file in self.home.rglob("*") if file.is_file()]
        assert not asked, f"asked {asked}"
        assert not left, f"left {left}"


@contextmanager
def watched(folder: Path) -> Iterator[Outgoing]:
    """Watch the processes that get these variables; the folder is for what that needs."""
    home, log, hook = folder / "home", folder / "outgoing.txt", folder / "hook"
    home.mkdir()
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK)
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"log": log})) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Outgoing(
                {
                    **dict.fromkeys(QUIET),  # this process has them; those watched must set them themselves
                    **dict.fromkeys(CI),
                    **dict.fromkeys(PROXIES, f"http://127.0.0.1:{proxy.server_port}"),
                    **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost"),
                    "PYTHONPATH": os.pathsep.join([str(hook), str(ROOT)]),
                    "OUTGOING": str(log),
                    "HOME": str(home),
                    "USERPROFILE": str(home),
                    "XDG_CACHE_HOME": str(home / "cache"),
                    "XDG_CONFIG_HOME": str(home / "config"),
                },
                home,
                log,
            )
        finally:
            proxy.shutdown()
            thread.join()
