"""JPEG and PNG files without what their pixels do not need, so that it costs and breaks nothing.

Texts, colour profiles, previews, a camera's notes and an animation's further pictures are left out before
anything is decoded; of the notes only EXIF's orientation is read, as browsers do. On a server
`cifar_core.training.server_images` follows the same rules.
"""

import struct
from collections.abc import Iterator

from cifar_core.errors import ImageError

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
MAX_PIECES = 20_000  # chunks or segments; a picture of 20 MB in pieces of 8 kB, a usual size, has 2,500
MAX_ENTRIES = 1_000  # of an EXIF directory
ORIENTATION = 0x0112  # EXIF's number for it
TOO_MANY = "This picture takes too much time to decode; save it smaller, or again as JPEG or PNG."

_EXIF = b"Exif\0\0"
END = b"\0\0\0\0IEND\xaeB`\x82"
_ALONE = {0, 1, *range(0xD0, 0xDA)}  # JPEG's kinds of segments that have no length
_NOTES = {*range(0xE0, 0xF0), 0xFE}  # those that applications write, and comments
_NOTE_BYTES = 16  # of a whole note on colours: JFIF's and Adobe's


def bare(data: bytes) -> tuple[bytes, int | None]:
    """Return a picture file with only what its pixels need, and its EXIF orientation, 1 to 8.

    Files that are neither JPEG nor PNG come back as they are, and their orientation as None.

    Raises
    ------
    ImageError
        The file consists of over `MAX_PIECES` pieces.
    """
    if data.startswith(PNG):
        content, exif = _bare_png(data)
    elif data.startswith(JPEG):
        content, exif = _bare_jpeg(data)
    else:
        return data, None
    return content, orientation(exif.removeprefix(_EXIF))


def orientation(exif: bytes) -> int:
    """Read EXIF's orientation, a whole number of two or four bytes; 1, upright, where there is none."""
    order = "<" if exif.startswith(b"I") else ">"

    def number(form: str, at: int) -> int:
        size = struct.calcsize(form)
        return int(struct.unpack(order + form, exif[at : at + size].ljust(size, b"\0"))[0])

    directory = number("I", 4)
    for entry in range(min(number("H", directory), MAX_ENTRIES)):
        at = directory + 2 + 12 * entry
        kind = number("H", at + 2)
        if number("H", at) == ORIENTATION and kind in (3, 4) and number("I", at + 4) == 1:
            value = number("H" if kind == 3 else "I", at + 8)
            return value if 1 <= value <= 8 else 1
    return 1


def _bare_png(data: bytes) -> tuple[bytes, bytes]:
    """Keep header, palette, transparency and the first run of pixel data; return the EXIF data beside it."""
    if data[8:16] != b"\0\0\0\rIHDR":
        raise ValueError("its first chunk is no header")
    colour = data[25]
    found: dict[bytes, tuple[int, int]] = {}
    for kind, start, end in _chunks(data):
        first, headers = kind not in found, b"IDAT" not in found
        if kind == b"IDAT" and not first and found[kind][1] == start:
            found[kind] = found[kind][0], end
        elif first and (
            kind in (b"IDAT", b"eXIf")
            or (kind == b"PLTE" and headers)
            or (kind == b"tRNS" and headers and (colour != 3 or b"PLTE" in found))
        ):
            found[kind] = start, end
    part = {kind: data[start:end] for kind, (start, end) in found.items()}
    palette, transparency = part.get(b"PLTE", b""), part.get(b"tRNS", b"")
    colours, rest = divmod(len(palette) - 12, 3)
    if colour == 3 and (colours < 1 or rest):
        raise ValueError("its colours are missing")
    # Where a decoder would not believe it, there is no transparency.
    if not _is_transparency(len(transparency) - 12, colour, colours):
        transparency = b""
    pixels = part.get(b"IDAT", b"")
    return b"".join([data[:33], palette, transparency, pixels, END]), part.get(b"eXIf", b"")[8:-4]


def _is_transparency(length: int, colour: int, colours: int) -> bool:
    """Tell whether a chunk of transparency has the length that the type of colour asks for."""
    return 0 < length <= colours if colour == 3 else length == {0: 2, 2: 6}.get(colour)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk of a PNG file: its kind, where it starts and where it ends, checksum included."""
    at = len(PNG)
    for _ in range(MAX_PIECES):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at, at + 12 + length
        if kind == b"IEND":
            return
        at += 12 + length
    raise ImageError(TOO_MANY)


def _bare_jpeg(data: bytes) -> tuple[bytes, bytes]:
    """Keep tables and frames, and the two notes that say how colours are stored; return the EXIF data too."""
    kept, exif, at = [data[:2]], b"", 2
    for _ in range(MAX_PIECES):
        if at + 2 > len(data) or data[at : at + 2] == b"\xff\xda":  # the picture itself
            return b"".join([*kept, data[at:]]), exif
        kind = data[at + 1]
        if data[at] != 0xFF or kind == 0xFF:  # what fills, or belongs nowhere
            at += 1
        elif kind in _ALONE:
            at += 2
        else:
            segment = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
            if kind == 0xE1 and segment[4:10] == _EXIF:
                exif += segment[10:]
            elif (kind in (0xE0, 0xEE) and len(segment) >= _NOTE_BYTES) or kind not in _NOTES:
                kept.append(segment)
            at += len(segment)
    raise ImageError(TOO_MANY)
