"""Pictures in a ZIP archive.

Its table of contents is read once. After that each member is read where it stands, which takes as long in a
large archive as in a small one. It is unpacked no further than asked for; `zipfile` does not promise that for
every method.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

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

_HEADER = struct.Struct("<4s2xHH16xHH")  # signature, flags, method, lengths of name and extra field
_SLACK = 1 << 16  # what deflating adds to that which cannot be deflated


class ZipArchive:
    """The files of a ZIP archive, stored or deflated."""

    one_pass = False

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def listing(self) -> Listing:
        """Say what there is; a picture whose name comes again gets a number behind it."""
        with readable(self.path), zipfile.ZipFile(self.path) as archive, self.path.open("rb") as file:
            members = [member for member in archive.infolist() if not _is_folder(member)]
            self._refuse_overlap(members)
            pictures, others = [], []
            for member in members:
                name = _name(member)
                if is_hidden(name):
                    continue
                picture = Picture(name, member.header_offset, member.compress_size, f"{member.CRC:08x}")
                if _is_link(member) or not (is_picture(name) or is_picture(name, _head(file, picture))):
                    others.append(name)
                else:
                    pictures.append(picture)
        names = distinct([picture.name for picture in pictures])
        return Listing([p._replace(name=name) for p, name in zip(pictures, names, strict=True)], others)

    def read(self, pictures: Sequence[Picture]) -> Iterator[bytes | ImageError]:
        """Yield the content of members."""
        with readable(self.path), self.path.open("rb") as file:
            for picture in pictures:
                try:
                    yield _content(file, picture)
                except ImageError as error:
                    yield error
                except (struct.error, zlib.error) as error:
                    yield ImageError(f"This member of the archive is damaged: {error}.")

    def identity(self) -> str:
        """Return the digest of the archive."""
        return digest(self.path)

    def _refuse_overlap(self, members: Sequence[zipfile.ZipInfo]) -> None:
        """Refuse members that share bytes: with them, a small archive could hold any amount."""
        end = 0
        for member in sorted(members, key=lambda member: member.header_offset):
            if member.header_offset < end:
                raise SourceError(f"{self.path} is damaged: its files overlap; get it again.")
            end = member.header_offset + _HEADER.size + member.compress_size


def _name(member: zipfile.ZipInfo) -> str:
    # .NET and others on Windows have put backslashes where slashes belong.
    name = member.filename.replace("\\", "/") if member.create_system == 0 else member.filename
    return str(PurePosixPath(name))


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return member.filename.endswith(("/", "\\"))


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _head(file: BinaryIO, picture: Picture) -> bytes:
    try:
        return _content(file, picture, HEAD)
    except (ImageError, struct.error, zlib.error):
        return b""


def _content(file: BinaryIO, picture: Picture, most: int = MAX_BYTES + 1) -> bytes:
    file.seek(picture.start)
    signature, flags, method, name, extra = _HEADER.unpack(file.read(_HEADER.size))
    if signature != b"PK\x03\x04":
        raise ImageError("This member of the archive is damaged: it has no header.")
    if flags & 1:
        raise ImageError("This member of the archive is encrypted; unpack it first.")
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ImageError("This member is packed in an unusual way; pack the archive again with “deflate”.")
    file.seek(name + extra, 1)
    packed = file.read(min(picture.size, most + _SLACK))
    content = packed[:most]
    if method == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    if len(content) < most and f"{zlib.crc32(content):08x}" != picture.stamp:
        raise ImageError("This member of the archive is damaged or cut off.")
    return content
