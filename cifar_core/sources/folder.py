"""Pictures as the files of a folder."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cifar_core.errors import ImageError, SourceError
from cifar_core.images import MAX_BYTES
from cifar_core.sources.source import HEAD, Listing, Picture, is_hidden, is_picture


class Folder:
    """The files of a folder at any depth, named by their path in it, hidden ones left out.

    A linked folder is followed, but none is looked into twice.
    """

    one_pass = False

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def listing(self) -> Listing:
        """Say what there is, sorted by name."""
        pictures, others = [], []
        for name in sorted(self.names()):
            if self.is_picture(name):
                pictures.append(self._stamped(name))
            else:
                others.append(name)
        return Listing(pictures, others)

    def read(self, pictures: Sequence[Picture]) -> Iterator[bytes | ImageError]:
        """Yield the content of files."""
        for picture in pictures:
            path = self.path / picture.name
            try:
                if not path.is_file():  # a pipe might never end
                    raise FileNotFoundError(2, "it is no longer there, or a link to nothing")
                with path.open("rb") as file:
                    yield file.read(MAX_BYTES + 1)
            except OSError as error:
                if not self.path.is_dir():  # a disk that is gone spoils no picture
                    raise SourceError(
                        f"There is no folder {self.path} here; every machine must see it."
                    ) from error
                yield ImageError(f"This file cannot be read: {error.strerror or error}.")

    def identity(self) -> str:
        """Return the path; that no picture has changed, its own stamp says."""
        return f"folder {self.path}"

    def names(self) -> Iterator[str]:
        """Yield the path of each file, in no particular order; SourceError at a folder that is closed."""
        seen: set[tuple[int, int]] = set()
        linked = [self.path]
        while linked:  # behind the folders themselves, so that a folder's own name comes before a link's
            for folder, below, files in os.walk(linked.pop(0), onerror=_refuse):
                state = Path(folder).stat()
                if (state.st_dev, state.st_ino) in seen:
                    below.clear()
                    continue
                seen.add((state.st_dev, state.st_ino))
                below[:] = sorted(name for name in below if not is_hidden(name))
                linked += [path for name in below if (path := Path(folder, name)).is_symlink()]
                for name in files:
                    if not is_hidden(name):
                        yield Path(folder, name).relative_to(self.path).as_posix()

    def head(self, name: str) -> bytes:
        """Return how a file begins; nothing if it is no file or cannot be read."""
        path = self.path / name
        try:
            if path.is_file():
                with path.open("rb") as file:
                    return file.read(HEAD)
        except OSError:
            pass
        return b""

    def is_picture(self, name: str) -> bool:
        """Whether a file is meant to be a picture."""
        return is_picture(name) or is_picture(name, self.head(name))

    def _stamped(self, name: str) -> Picture:
        try:
            state = (self.path / name).stat()
        except OSError:  # a link to nothing
            return Picture(name)
        return Picture(name, size=state.st_size, stamp=f"{state.st_size}-{state.st_mtime_ns}")


def _refuse(error: OSError) -> None:
    raise SourceError(f"{error.filename} cannot be read: {error.strerror}.") from error
