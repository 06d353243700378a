"""The public lists about CIFAR-10's test set: find, verify and download them; `lists` reads them.

Nothing is parsed that was not hashed, and nothing is downloaded but by `download`: to ask for a list that is
not on this machine costs no more than a look into a folder.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cifar_core import paths, settings
from cifar_core.errors import DatasetError
from cifar_core.files import scratch_folder
from cifar_core.formats import printable

GITHUB = "https://raw.githubusercontent.com"


class Source(NamedTuple):
    """A published file: what it lists, in plain words, its address, its size and its sha256."""

    title: str
    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file, here as there."""
        return self.url.rpartition("/")[2]


# Each address names the commit that brought the file, so that it cannot change under its hash.
HUMAN_VOTES = Source(
    "human votes (CIFAR-10H)",
    f"{GITHUB}/jcpeterson/cifar-10h/597cbc5f07266c9405b830ee4a53463539124c4f/data/cifar10h-counts.npy",
    800_128,
    "9b36b4550349af56c79083356312eb4af856cc5fd3caf1f669d40b9d0bbb69ff",
)
LABEL_ERRORS = Source(
    "questioned labels (label-errors)",
    f"{GITHUB}/cleanlab/label-errors/5457895eee26e49187de5c4d6617b9de6f172221/mturk/cifar10_mturk.json",
    88_252,
    "81b2c16c9eee060d6cc2390f6bbce1e0e7be0a050574be5177c9428f3596b5b5",
)
DUPLICATES = Source(
    "duplicates between test and training set (ciFAIR)",
    f"{GITHUB}/cvjena/cifair/438ab96be904963f77d07a59f82d2b35e6ab5e6e/meta/duplicates_cifar10.csv",
    9_576,
    "4cb7e99a7dfff346082c9d8fa4c2989a196e4a37d1e58f75936046696f1ba6a4",
)
SOURCES = (HUMAN_VOTES, LABEL_ERRORS, DUPLICATES)


def folder() -> Path:
    """Return the folder of the lists: the one `CIFAR10_TRUST` names, else the cache's, which may not exist.

    A DatasetError says so if `CIFAR10_TRUST` names what is not a folder.
    """
    if not (path := settings.CIFAR10_TRUST.path()):
        return paths.cache() / "trust"
    try:
        fault = "" if path.is_dir() else "which is not a folder"
    except OSError as error:  # of a folder that is not ours to look into, or a name that is none
        fault = f"which cannot be read ({error.strerror})"
    if fault:
        name = settings.CIFAR10_TRUST.name
        raise DatasetError(f"{name} names {printable(str(path))}, {fault}: correct it or unset it.")
    return path


def missing() -> list[str]:
    """Return the titles of the lists that are not on this machine, [] if all are; it looks for names only."""
    where = folder()
    return [source.title for source in SOURCES if not (where / source.name).is_file()]


def read(source: Source) -> bytes | None:
    """Return the bytes of a list if they are the published ones, or None if it is not on this machine.

    A DatasetError says so if the file cannot be read or is another one.
    """
    path = folder() / source.name
    return _verified(path, source) if path.is_file() else None


def download(progress: Callable[[int, int], None] | None = None) -> Path:
    """Download the lists that are missing or damaged into the user's cache and return their folder.

    Safe to call from several processes: the first one downloads, the others wait and find the result. A list
    that its server refuses does not keep the others away.

    Parameters
    ----------
    progress : callable, optional
        Called after each file with (bytes done, bytes in all) of what had to be downloaded.

    Raises
    ------
    DatasetError
        No network, a server error, another file than the published one, a full disk or a folder that cannot
        be written; or `CIFAR10_TRUST` names a folder that lacks a list, which is left as it is.
    """
    target = folder()
    if settings.CIFAR10_TRUST.path():
        if lacking := [source.name for source in SOURCES if read(source) is None]:
            raise DatasetError(
                f"{settings.CIFAR10_TRUST.name} names {target}, which lacks {', '.join(lacking)}: "
                "put them there, or unset it to download them."
            )
        return target
    from cifar_core.datasets import store  # here, because pages that only read the lists do without

    with store.writing("The lists about the test set", sum(source.size for source in SOURCES), "trust.lock"):
        target.mkdir(exist_ok=True)
        with scratch_folder(target.with_name("trust-download")) as scratch:
            problem = _fetch_missing(target, scratch, progress)
    if problem:
        raise problem
    return target


def _fetch_missing(
    target: Path, scratch: Path, progress: Callable[[int, int], None] | None
) -> DatasetError | None:
    """Download each list that is missing or damaged; return what the first that did not come met."""
    from cifar_core.datasets.transfer import SourceError  # for pages that only read the lists: see `download`

    problem: DatasetError | None = None
    wanted = [source for source in SOURCES if not _is_whole(target / source.name, source)]
    done, total = 0, sum(source.size for source in wanted)
    for source in wanted:
        try:
            _fetch(source, scratch).replace(target / source.name)
        except SourceError as error:
            what = f"The {source.title} could not be downloaded from {source.url}"
            problem = problem or error.download_error(what)
            problem.__cause__ = problem.__cause__ or error
            if not error.fault.answered:  # nor will it for the others
                break
        done += source.size
        if progress:
            progress(done, total)
    return problem


def _fetch(source: Source, scratch: Path) -> Path:
    """Download one file into `scratch` and return its path if it is the published one."""
    from cifar_core.datasets import transfer

    path = scratch / source.name
    transfer.fetch(source.url, path, source.size, may_leave=False, progress=lambda *_: None)
    if not _is_whole(path, source):
        raise transfer.another_file()
    return path


def _is_whole(path: Path, source: Source) -> bool:
    try:
        _verified(path, source)
    except DatasetError:
        return False
    return True


def _verified(path: Path, source: Source) -> bytes:
    """Read a file once and return its bytes if they are the published ones."""
    try:
        with path.open("rb") as file:
            content = file.read(source.size + 1)  # no more of it, however large it claims to be
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}): {_cure()}.") from error
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise DatasetError(f"{path} is not the published file (its sha256 differs): {_cure()}.")
    return content


def _cure() -> str:
    # Only what is in our own cache is ours to replace.
    if settings.CIFAR10_TRUST.path():
        return f"let {settings.CIFAR10_TRUST.name} name another folder, or unset it to download the lists"
    return "download the lists again"
