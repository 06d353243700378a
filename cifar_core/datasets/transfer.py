"""One file from one address, in parts: what came stays, and the next attempt asks for the rest only."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

SLOW_RATE = 500_000  # bytes per second, below which
SLOW_SECONDS = 10.0  # over so long another source is worth a try
TIMEOUT_SECONDS = 10.0  # of silence
_CHUNK = 2**16


@dataclass(eq=False)
class SourceError(Exception):
    """A source did not give the file.

    `reason` says why in a few words, `advice` what whoever runs this machine can do. `rate` is what it gave
    meanwhile, in bytes per second; 0 if nothing. A `final` one is not worth another try. Where the server has
    not `answered`, it will not for another file either.
    """

    reason: str
    advice: str = ""
    rate: float = 0.0
    final: bool = False
    answered: bool = True


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
        except OSError as error:  # every RequestException is one, and so is a missing file of certificates
            raise _explained(error) from error
        with response:
            if have and response.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()  # the file that it was of has become shorter
                return fetch(url, target, size, may_leave, progress)
            have, total = _agreed(response, have)
            if size and total not in (0, size):
                raise SourceError("it has another file there", final=True)
            with part.open("ab" if have else "wb", buffering=0) as file:
                for chunk in _chunks(response, have, total, may_leave):
                    file.write(chunk)
                    have += len(chunk)
                    progress(have, total)
        if size and have > size:
            part.unlink()
            raise SourceError("it has another file there", final=True)
    part.replace(target)
    return None


def _agreed(response: requests.Response, have: int) -> tuple[int, int]:
    """Return where in the file the answer begins, and the size of the file, 0 if that is not said."""
    headers, status = response.headers, response.status_code
    if status == requests.codes.partial_content:
        span, _, total = headers.get("Content-Range", "").partition("/")
        if span.startswith(f"bytes {have}-"):
            return have, int(total) if total.isdecimal() else 0
    if status == requests.codes.ok:  # it does not know ranges, or was not asked for one
        length = headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else 0
    if status == requests.codes.proxy_authentication_required:
        raise _proxy()
    raise SourceError(f"the server answered {status}", final=status < 500)


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
            raise _explained(error, rate((began, at_first))) from error
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
            raise SourceError("it is slow", rate=speed)
    if have < total:
        raise SourceError("the connection broke off", rate=rate((began, at_first)))


def _explained(error: Exception, rate: float = 0.0) -> SourceError:
    """Say in a few words why there is no answer, or no more of it."""
    text = f"{type(error).__name__}: {error}"
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate bundle" in text:
        return SourceError(
            "its certificate is not trusted",
            "Where a network puts its own certificate in between, REQUESTS_CA_BUNDLE has to name the file of "
            "certificates that its administrators give; SSL_CERT_FILE is not read.",
            rate,
            answered=False,
        )
    if "Proxy" in text:
        return _proxy()
    if "SSLError" in text:
        return SourceError("no secure connection", rate=rate, answered=False)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return SourceError("no answer in time", rate=rate, answered=False)
    broken = "Connection aborted" in text or isinstance(error, urllib3.exceptions.HTTPError)
    return SourceError("the connection broke off" if broken else "no connection", rate=rate, answered=False)


def _proxy() -> SourceError:
    return SourceError(
        "the proxy refuses",
        "HTTPS_PROXY names the proxy: correct it, or unset it if none is needed.",
        answered=False,
    )
