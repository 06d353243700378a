"""CIFAR-10 from the first source that gives it in good time into the user's cache.

A source is left for the next when it is slow, breaks off, sends something else or does not answer; when all
have been tried, the fastest goes on. What came of a file stays, whatever happens, and is not asked for again.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from cifar_core.datasets import cifar10, imported, sources, store, transfer
from cifar_core.datasets.sources import File, Source
from cifar_core.datasets.transfer import DownloadError, SourceError
from cifar_core.errors import DatasetError

_ATTEMPTS = 5  # in vain, at a source that has given something before
_PAUSE_SECONDS = 2.0  # after the first of them, then twice as long each time: half a minute in all
_PATIENCE_SECONDS = 60.0  # for a source that asks to wait
_SOMETHING = 2**14  # bytes, without which an attempt was in vain


def download_cifar10(
    progress: Callable[[int, int], None] | None = None, phase: Callable[[str, str], None] | None = None
) -> Path:
    """Download CIFAR-10 into the user's cache, unless it is there and whole; return its folder.

    Safe to call from several processes: the first one downloads, the others wait and find the result.

    Parameters
    ----------
    progress : callable, optional
        Called with (bytes done, bytes in all).
    phase : callable, optional
        Called with what begins, `downloading` or `verifying`, and the host it comes from.

    Raises
    ------
    DatasetError
        No network, no source that has it, a full disk or a folder that cannot be written. What came is kept,
        and the next call goes on from there.
    """
    with store.writing():
        if folder := cifar10.in_cache():
            with suppress(DatasetError):
                cifar10.verify(folder)
                return folder
        store.check_space()
        store.partial().mkdir(exist_ok=True)
        try:
            return _Attempts(progress or _nobody, phase or _nobody).until_one_succeeds()
        finally:
            with suppress(OSError):
                store.partial().rmdir()  # if nothing came


def _nobody(*_: object) -> None: ...


class _Attempts:
    def __init__(self, progress: Callable[[int, int], None], phase: Callable[[str, str], None]) -> None:
        self._progress, self._phase = progress, phase
        self._untried = list(sources.SOURCES)
        self._rates: dict[Source, float] = {}  # of those that give something, however slowly
        self._faults: dict[Source, SourceError] = {}
        self._vain: Counter[Source] = Counter()

    def until_one_succeeds(self) -> Path:
        while self._untried or self._rates:
            source = self._untried.pop(0) if self._untried else max(self._rates, key=self._rates.__getitem__)
            before = _arrived(source)
            try:
                return self._take(source)
            except SourceError as error:
                self._note(source, error, came=_arrived(source) > before + _SOMETHING)
        raise self._none_succeeded()

    def _note(self, source: Source, error: SourceError, came: bool) -> None:
        """Remember how a source failed, and whether to come back to it."""
        self._faults[source] = error
        self._vain[source] = 0 if came else self._vain[source] + 1
        asks_to_wait = 0 < error.wait <= _PATIENCE_SECONDS
        if (error.final and not asks_to_wait) or self._vain[source] >= _ATTEMPTS:
            self._rates.pop(source, None)
        elif came or asks_to_wait:
            self._rates[source] = error.rate
        if source in self._rates and not came and not self._untried:
            time.sleep(max(error.wait, _PAUSE_SECONDS * 2 ** (self._vain[source] - 1)))

    def _take(self, source: Source) -> Path:
        self._phase("downloading", source.host)
        done = {file: _size(file) for _, file in source.addresses}
        totals = {file: done[file] if _path(file).exists() else file.size for file in done}
        for url, file in source.addresses:

            def progress(count: int, total: int, file: File = file) -> None:
                done[file], totals[file] = count, max(total or file.size, count)
                self._progress(sum(done.values()), sum(totals.values()))

            _fetch(url, file, bool(self._untried), progress)
        self._phase("verifying", source.host)
        with ExitStack() as stack:
            files = [stack.enter_context(_path(file).open("rb")) for _, file in source.addresses]
            try:
                return imported.take_files(files)
            except DatasetError as error:
                for file in done:
                    _path(file).unlink()
                raise transfer.another_file() from error

    def _none_succeeded(self) -> DownloadError:
        faults = {source: error.fault for source, error in self._faults.items()}
        hosts: dict[str, list[str]] = {}
        for source, fault in faults.items():
            hosts.setdefault(fault.reason, []).append(source.host)
        reasons = "; ".join(f"{reason} ({', '.join(names)})" for reason, names in hosts.items())
        kept = "; what has come is kept" if any(map(_arrived, faults)) else ""
        cures = [fault.cure for fault in faults.values() if fault.cure]
        again = ", then ".join([*dict.fromkeys(cures), f"run {cifar10.COMMAND} again{kept}"])
        return DownloadError(
            f"CIFAR-10 could not be downloaded: {reasons}. {again[0].upper()}{again[1:]}.",
            next((fault.advice for fault in faults.values() if fault.advice), ""),
        )


def _fetch(url: str, file: File, may_leave: bool, progress: Callable[[int, int], None]) -> None:
    """Download a file, unless it is there, and check its hash where that is known."""
    path = _path(file)
    while True:
        resumed = _size(file) > 0
        if not path.exists():
            transfer.fetch(url, path, file.size if file.sha256 else 0, may_leave, progress)
        with path.open("rb") as content:
            if file.sha256 in (None, hashlib.file_digest(content, "sha256").hexdigest()):
                return
        path.unlink()
        # Of a file in parts, another source may have sent the wrong one: this one gets to send all of it.
        if not resumed:
            raise transfer.another_file()


def _path(file: File) -> Path:
    return store.partial() / file.name


def _size(file: File) -> int:
    """Return how much of a file has come."""
    for path in (_path(file), _path(file).with_name(f"{file.name}.part")):
        with suppress(FileNotFoundError):
            return path.stat().st_size
    return 0


def _arrived(source: Source) -> int:
    return sum(_size(file) for _, file in source.addresses)
