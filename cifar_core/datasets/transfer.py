"""One file from one address, in parts: what came stays, and the next attempt asks for the rest only."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from cifar_core import connections, formats
from cifar_core.connections import Fault
from cifar_core.errors import DatasetError

SLOW_RATE = 500_000  # bytes per second, below which
SLOW_SECONDS = 10.0  # over so long another source is worth a try
TIMEOUT_SECONDS = 10.0  # of silence
_CHUNK = 2**16
_LOG_IN = "open any web page in a browser, in case the network asks to log in"
_BEFORE_A_PAGE = b"\xef\xbb\xbf \t\r\n"  # a mark of UTF-8, or blanks


class DownloadError(DatasetError):
    """A file could not be had; `advice` is for whoever runs this machine, and may name variables."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(eq=False)
class SourceError(Exception):
    """A source did not give the file: what was in the way.

    `rate` is what it gave meanwhile, in bytes per second; 0 if nothing. A `final` one is not worth another
    try, unless the source asked to `wait` for so many seconds.
    """

    fault: Fault
    rate: float = 0.0
    final: bool = False
    wait: float = 0.0

    def download_error(self, what: str) -> DownloadError:
        """Return the sentence about a file that nobody else has; `what` begins it."""
        cure = self.fault.cure
        again = f"{cure[0].upper()}{cure[1:]}, then try again" if cure else "Try again"
        return DownloadError(f"{what}: {self.fault.reason}. {again}.", self.fault.advice)


def another_file() -> SourceError:
    """Return what is wrong where a source has something else under the address."""
    return SourceError(Fault("it has another file there"), final=True)


def fetch(url: str, target: Path, size: int, may_leave: bool, progress: Callable[[int, int], None]) -> None:
    """Download `url` to `target`; meanwhile, and if it fails, what has come is in `target` with `.part`.

    Parameters
    ----------
    size : int
        The size that the file has to have, 0 if any will do.
    may_leave : bool
        Whether to give up when it is slow and would take long.
    progress : callable
        Called with (bytes done, bytes in all); the second is 0 if the server does not tell.

    Raises
    ------
    SourceError
        It cannot be had from there, or not now.
    OSError
        It cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    have = part.stat().st_size if part.exists() else 0
    if not size or have != size:
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        try:
            response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
        # Every RequestException is an OSError, and so is a missing file of certificates; a proxy's address
        # that cannot be read is a ValueError.
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise SourceError(connections.explain(error, url)) from error
        with response:
            if have and response.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()  # the file that it was of has become shorter
                return fetch(url, target, size, may_leave, progress)
            have, total = _agreed(response, have)
            chunks = _chunks(response, have, total, may_leave)
            first = next(chunks, b"")
            # Before what has come is written over: a network that asks to log in answers all with its page.
            if not have and first.lstrip(_BEFORE_A_PAGE).startswith(b"<"):
                raise SourceError(
                    Fault(f"a web page came instead{_elsewhere(response)}", _LOG_IN), final=True
                )
            if size and total not in (0, size):
                raise another_file()
            with part.open("ab" if have else "wb", buffering=0) as file:
                for chunk in chain([first] if first else [], chunks):
                    file.write(chunk)
                    have += len(chunk)
                    progress(have, total)
        if size and have > size:
            part.unlink()
            raise another_file()
    part.replace(target)
    return None


def _agreed(response: requests.Response, have: int) -> tuple[int, int]:
    """Return where in the file the answer begins, and the size of the file, 0 if that is not said."""
    headers, status = response.headers, response.status_code
    if status == requests.codes.partial_content:
        span, _, total = headers.get("Content-Range", "").partition("/")
        if span.startswith(f"bytes {have}-"):
            return have, _number(total)
    if status == requests.codes.ok:  # it does not know ranges, or was not asked for one
        return 0, _number(headers.get("Content-Length", ""))
    raise _refused(response)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def _refused(response: requests.Response) -> SourceError:
    """Return what an answer without the file means."""
    status = response.status_code
    if status == requests.codes.proxy_authentication_required:
        return SourceError(connections.refused_by_proxy(str(status)))
    reason = f"the server answered {status}{_elsewhere(response)}"
    if status == requests.codes.network_authentication_required:
        return SourceError(Fault(reason, _LOG_IN), final=True)
    wait = 0.0
    with suppress(urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        wait = urllib3.Retry().parse_retry_after(response.headers.get("Retry-After", ""))  # 6 h at most
    if wait:
        reason += f" and asks to wait {formats.duration(wait)}"
    return SourceError(Fault(reason), final=status < 500, wait=wait)


def _elsewhere(response: requests.Response) -> str:
    """Return the host that was asked in the end, if the first one sent there."""
    first, last = (urlsplit(answer.url).netloc for answer in ([*response.history, response][0], response))
    return f" from {last}, where it sends" if first != last else ""


def _chunks(response: requests.Response, have: int, total: int, may_leave: bool) -> Iterator[bytes]:
    """Yield what comes, as it comes; SourceError when it ends too early or may be left and is slow."""
    began = time.monotonic()
    window = deque([(began, have)])  # when, and how much there was: of the last SLOW_SECONDS
    at_first = have

    def rate(since: tuple[float, int]) -> float:
        return (have - since[1]) / max(time.monotonic() - since[0], 1e-3)

    while True:
        try:
            # Not `read`, which waits until the chunk is full: for ever, if it trickles.
            chunk = response.raw.read1(_CHUNK, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            fault = connections.explain(error, response.url)
            raise SourceError(fault, rate((began, at_first))) from error
        if not chunk:
            break
        yield chunk
        have += len(chunk)
        window.append((time.monotonic(), have))
        while window[1][0] <= window[-1][0] - SLOW_SECONDS:
            window.popleft()
        speed = rate(window[0])
        left = (total - have) / max(speed, 1) if total else math.inf
        if may_leave and window[-1][0] - began >= SLOW_SECONDS and speed < SLOW_RATE and left > SLOW_SECONDS:
            raise SourceError(Fault("it is slow"), speed)
    if have < total:
        raise SourceError(connections.BROKEN, rate((began, at_first)))
