"""What do visitors notice when there are many of them: how long do they wait, and does the memory grow?

    python -m benchmarks.crowd [--visitors 20] [--minutes 10] [--pause 2] [--train RECIPE] [--maps]

Starts a server and speaks Streamlit's own protocol to it, over a WebSocket a visitor, without browsers, which
would use the cores that are to be measured. Each visitor uploads a picture of its own to Classify and opens
Evaluate, again and again; no visitor may be told the name of another's picture. With `--maps` each asks what
mattered in it, too.
"""

import itertools
import random
import re
import statistics
import threading
import time
from typing import Annotated, Any

import numpy as np
import psutil
import requests
import typer
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from benchmarks.browser import Server, Within
from benchmarks.measure import command, show
from cifar_core import formats, images
from cifar_core.datasets import cifar10
from cifar_core.errors import CifarLabError
from cifar_core.recipes import get_recipe
from cifar_core.runs import jobs

PATIENCE = 120.0  # seconds after which a visitor gives up
ARRIVAL = 20.0  # seconds within which all have come
NAME = re.compile(r"visitor-(\d+)-\d+\.png")


class Visitor:
    """One session on the server."""

    def __init__(self, number: int, url: str, socket: ClientConnection) -> None:
        self.number, self.url, self.socket, self.session, self.uploader = number, url, socket, "", ""
        self.navigation: list[str] = []

    def open(self, page: str, query: str, widgets: list[Any] = []) -> str:  # noqa: B006 - never changed
        """Open a page and return all that was sent for it, as text."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        message.rerun_script.widget_states.widgets.extend(widgets)
        self.socket.send(message.SerializeToString())
        parts = []
        while (answer := self._receive()).script_finished or not answer.HasField("script_finished"):
            if answer.HasField("new_session"):
                self.session = answer.new_session.initialize.session_id or self.session
            if answer.HasField("navigation"):
                self.navigation = [item.page_name for item in answer.navigation.app_pages]
            if answer.delta.new_element.HasField("file_uploader"):
                self.uploader = answer.delta.new_element.file_uploader.id
            if answer.delta.new_element.HasField("exception"):
                raise CifarLabError(f"{page} shows an error: {answer.delta.new_element.exception.type}")
            parts.append(str(answer.delta))
        return "".join(parts)

    def classify(self, turn: int, picture: bytes, model: str = "quick", maps: bool = False) -> str:
        """Upload a picture as a browser does, and return what the page says of it."""
        query = f"model={model}{'&why=true' if maps else ''}"
        self.open("classify", query)
        name = f"visitor-{self.number}-{turn}.png"
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.session
        self.socket.send(message.SerializeToString())
        while (answer := self._receive()).WhichOneof("type") != "file_urls_response":
            pass
        [place] = answer.file_urls_response.file_urls
        files = {name: (name, picture, "image/png")}
        requests.put(f"{self.url}{place.upload_url}", files=files, timeout=PATIENCE).raise_for_status()
        message = BackMsg()
        widget = message.rerun_script.widget_states.widgets.add(id=self.uploader)
        info = widget.file_uploader_state_value.uploaded_file_info.add(
            file_id=place.file_id, name=name, size=len(picture)
        )
        info.file_urls.CopyFrom(place)
        said = self.open("classify", query, [widget])
        shown = {int(number) for number in NAME.findall(said)}
        if shown != {self.number}:
            raise CifarLabError(f"shown the pictures of visitors {sorted(shown)}")
        if maps and f"what mattered to {model}" not in said:
            raise CifarLabError("shown no map of what mattered")
        return said

    def _receive(self) -> ForwardMsg:
        message = ForwardMsg()
        message.ParseFromString(self.socket.recv(PATIENCE))
        return message


class Crowd:
    """All visitors, what they ask, and what they noted."""

    def __init__(
        self, url: str, pictures: list[bytes], minutes: float, pause: float, model: str, maps: bool
    ) -> None:
        self.url, self.pictures, self.pause, self.model, self.maps = url, pictures, pause, model, maps
        self.end = time.monotonic() + 60 * minutes
        self.seconds: dict[str, list[float]] = {"Classify": [], "Evaluate": []}
        self.errors: list[str] = []

    def visit(self, number: int) -> None:
        """Come again and again until the end, each time in a new tab: an old one would keep its pictures."""
        generator = random.Random(number)
        try:
            time.sleep(generator.uniform(0, ARRIVAL))
            for turn in itertools.count():
                self._look(number, turn, generator.choice(self.pictures))
                if time.monotonic() > self.end:
                    return
                time.sleep(generator.uniform(0, 2 * self.pause))
        except Exception as error:  # each is a visitor who saw something break
            self.errors.append(f"visitor {number}: {type(error).__name__}: {error}")

    def _look(self, number: int, turn: int, picture: bytes) -> None:
        # A browser asks for no sign of life, and a busy server need not give one.
        with connect(
            f"{self.url.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            ping_interval=None,
            open_timeout=PATIENCE,
        ) as socket:
            visitor = Visitor(number, self.url, socket)
            began = time.monotonic()
            visitor.classify(turn, picture, self.model, self.maps)
            middle = time.monotonic()
            visitor.open("evaluate", f"model={self.model}&true=cat&predicted=dog")
            self.seconds["Classify"].append(middle - began)
            self.seconds["Evaluate"].append(time.monotonic() - middle)

    def gather(self, visitors: int, server: psutil.Process) -> list[float]:
        """Let so many visitors come until all have gone; return the server's memory, five times a second."""
        threads = [threading.Thread(target=self.visit, args=(number,)) for number in range(visitors)]
        memory = []
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            memory.append(float(server.memory_info().rss))
            time.sleep(0.2)
        return memory


def main(
    visitors: Annotated[int, typer.Option(min=1, help="How many at once.")] = 20,
    minutes: Annotated[float, typer.Option(min=0, help="How long.")] = 10,
    pause: Annotated[float, typer.Option(min=0, help="Seconds that a visitor looks, on average.")] = 2,
    train: Annotated[str | None, typer.Option(help="A recipe to train meanwhile.")] = None,
    model: Annotated[str, typer.Option(help="The model that is asked.")] = "quick",
    maps: Annotated[bool, typer.Option("--maps", help="Ask what mattered in each picture, too.")] = False,
    within: Within = "",
) -> None:
    """Let many visitors classify and evaluate at once, and print what they waited for."""
    pictures = [images.to_png(array, 8) for array in cifar10.load_test().images[:200]]
    run = jobs.start(get_recipe(train)) if train else None
    # Cross-site protection asks for a cookie, which only browsers have.
    server = Server(options=["--server.enableXsrfProtection", "false"], within=within)
    try:
        with server:
            crowd = Crowd(server.url, pictures, minutes, pause, model, maps)
            memory = crowd.gather(visitors, server.process)
            if run is not None and not (status := run.status()).active:
                raise CifarLabError(
                    f"The run “{run.name}” ended before the visits did ({status.state}); "
                    "choose a longer recipe."
                )
    finally:
        if run is not None and run.status().active:
            jobs.stop(run)
    rows = []
    for page, seconds in crowd.seconds.items():
        shares = np.percentile(seconds, [50, 90, 99, 100]) if seconds else [float("nan")] * 4
        rows.append([page, formats.count(len(seconds)), *(f"{share:.2f} s" for share in shares)])
    quarter = max(len(memory) // 4, 1)
    first, last = (statistics.median(part) for part in (memory[quarter : 2 * quarter], memory[-quarter:]))
    show(
        f"{visitors} visitors at once for {minutes:g} minutes, with {model}{' and maps' if maps else ''}"
        f"{f', while {train} trains' if train else ''}",
        ["page", "visits", "median", "90 %", "99 %", "longest"],
        rows,
        {},
        [
            f"Memory of the server: {formats.size_in_bytes(memory[0])} at the start, in the second quarter "
            f"{formats.size_in_bytes(first)}, in the last {formats.size_in_bytes(last)}, at most "
            f"{formats.size_in_bytes(max(memory))}.",
            f"Errors: {len(crowd.errors)}.",
            *crowd.errors[:5],
        ],
    )
    if crowd.errors:
        raise CifarLabError(f"{len(crowd.errors)} visitors saw something break.")


if __name__ == "__main__":
    command(main)
