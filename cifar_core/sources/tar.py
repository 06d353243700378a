"""Pictures in a tar archive, compressed or not."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from cifar_core.errors import ImageError, SourceError
from cifar_core.images import MAX_BYTES
from cifar_core.sources.source import (
    HEAD,
    Listing,
    Picture,
    digest,
    distinct,
    is_hidden,
    is_picture,
    readable,
)

_UNPACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x5d\0\0": lzma.open,  # its older form
}
PACKED = tuple(_UNPACKED)
_FACTOR, _ALWAYS = 100, 1 << 30  # what an archive may unpack to: so many times its size, or this
_HEADERS = 1 << 20  # what names and attributes of one member may take
_CHUNK = 1 << 16


class TarArchive:
    """The regular files of a tar archive, and hard links to them; other links and devices are other files."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        with readable(path), path.open("rb") as file:
            head = file.read(8)
        self.packed_by = next((magic for magic in PACKED if head.startswith(magic)), b"")
        self.one_pass = bool(self.packed_by)

    def listing(self) -> Listing:
        """Say what there is; a picture whose name comes again gets a number behind it."""
        pictures: list[Picture] = []
        others: list[str] = []
        by_name: dict[str, Picture] = {}
        with readable(self.path), self._open() as file:
            walked = _Walked(file, max(_ALWAYS, _FACTOR * self.path.stat().st_size), self.path)
            for member in walked.members():
                name = str(PurePosixPath(member.name))
                if is_hidden(name) or member.isdir():
                    continue
                picture = self._picture(name, member, walked, by_name)
                if picture:
                    by_name[name] = picture
                    pictures.append(picture)
                else:
                    others.append(name)
        if self.one_pass:  # a hard link comes behind what it means, not where it stands
            pictures.sort(key=lambda picture: picture.start)
        names = distinct([picture.name for picture in pictures])
        return Listing([p._replace(name=name) for p, name in zip(pictures, names, strict=True)], others)

    def read(self, pictures: Sequence[Picture]) -> Iterator[bytes | ImageError]:
        """Yield the content of members, each as soon as it is reached."""
        start, content = -1, b""
        with readable(self.path), self._open() as file:
            for picture in pictures:
                size = min(picture.size, MAX_BYTES + 1)
                if picture.start != start:
                    start = file.seek(picture.start)
                    content = file.read(size)
                cut = ImageError("This member of the archive is cut off.")
                yield content if len(content) == size else cut

    def identity(self) -> str:
        """Return the digest of the archive."""
        return digest(self.path)

    def _open(self) -> IO[bytes]:
        return cast(IO[bytes], _UNPACKED.get(self.packed_by, open)(self.path, "rb"))

    @staticmethod
    def _picture(
        name: str, member: tarfile.TarInfo, walked: "_Walked", by_name: dict[str, Picture]
    ) -> Picture | None:
        if member.islnk():
            target = by_name.get(str(PurePosixPath(member.linkname)))
            return target and target._replace(name=name)
        if not member.isreg() or member.issparse():
            return None
        if is_picture(name) or is_picture(name, walked.peek(min(member.size, HEAD))):
            return Picture(name, member.offset_data, member.size)
        return None


class _Walked(io.RawIOBase):
    """A tar archive whose headers `tarfile` reads, within bounds that it does not have itself.

    Alone, `tarfile` would read a name of gigabytes into memory. At a damaged header, and where a second
    archive follows the first, it would end as if nothing came after.
    """

    def __init__(self, file: IO[bytes], most: int, path: Path) -> None:
        self._file, self._most, self._path = file, most, path
        self._left, self._ahead, self._last = _HEADERS, b"", b""

    def members(self) -> Iterator[tarfile.TarInfo]:
        """Yield the members of all archives that there are, one behind the other."""
        found = 0
        while self._find_block():
            self._left = _HEADERS
            archive = tarfile.TarFile(fileobj=self)
            while member := archive.next():
                found += 1
                yield member
                archive.members.clear()  # type: ignore[attr-defined]  # or it would keep them all
                self._left = _HEADERS
            if any(self._last):  # an archive ends with a block of zeros, or with the file
                where = f"at byte {archive.offset:,}, after {found:,} files"
                raise SourceError(f"{self._path} is damaged {where}; get it again.")

    def peek(self, size: int) -> bytes:
        """Read the next bytes, of a member just found."""
        return self._file.read(size)

    def read(self, size: int = -1, /) -> bytes:
        """Read what a header needs, within bounds."""
        self._left -= size
        if size < 0 or self._left < 0:
            raise SourceError(f"{self._path} has a file name of over {_HEADERS:,} bytes; get it again.")
        ahead, self._ahead = self._ahead[:size], self._ahead[size:]
        self._last = ahead + self._file.read(size - len(ahead))
        return self._last

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go on to a byte, unless too much would have to be unpacked to get there."""
        if offset > self._most:
            raise SourceError(f"{self._path} unpacks to over {self._most:,} bytes; pack it with less in it.")
        self._ahead = b""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return where the next byte comes from."""
        return self._file.tell() - len(self._ahead)

    def _find_block(self) -> bool:
        """Skip blocks of zeros; False if nothing else is left. To go back would unpack all of it again."""
        while block := self._file.read(tarfile.BLOCKSIZE):
            if any(block):
                self._ahead = block
                return True
            if self._file.tell() > self._most:
                self.seek(self._file.tell())
        return False
