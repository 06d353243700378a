"""Files of every kind of PNG and JPEG that the world sends, over 500, each of its own small picture."""

import functools
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.pictures import chunk, encode, photo

_PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def exif(orientation: int, order: str = "<", kind: int = 3, entries: int = 2) -> bytes:
    """EXIF data with a maker's name before the orientation, of two (3) or four (4) bytes, in either order."""
    begin = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, entries)
    maker = struct.pack(f"{order}HHI4s", 0x010F, 2, 4, b"Cam\0")
    value = struct.pack(f"{order}HH", orientation, 0) if kind == 3 else struct.pack(f"{order}I", orientation)
    return begin + maker + struct.pack(f"{order}HHI", 0x0112, kind, 1) + value + bytes(4)


def interlaced(samples: npt.NDArray[np.uint16], depth: int, passes: bool) -> bytes:
    """Samples [H, W, channels] as PNG lays them out, in one piece or in seven passes."""
    bits = ((samples[..., None] >> np.arange(depth)[::-1]) & 1).astype(np.uint8)
    parts = [bits[y::dy, x::dx] for x, y, dx, dy in _PASSES] if passes else [bits]
    return b"".join(b"\0" + np.packbits(row).tobytes() for part in parts if part.shape[1] for row in part)


def png(samples: npt.NDArray[np.uint16], depth: int, colour: int, passes: bool, *chunks: bytes) -> bytes:
    """A PNG file with the given chunks between header and pixels; the pixels in three, one empty."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(passes))
    pixels = zlib.compress(interlaced(samples, depth, passes))
    data = [chunk(b"IDAT", part) for part in (pixels[:50], b"", pixels[50:])]
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", header), *chunks, *data, chunk(b"IEND", b"")])


def of_colour(
    picture: Image.Image, colour: int, depth: int
) -> tuple[npt.NDArray[np.uint16], list[bytes], dict[str, bytes]]:
    """A picture's samples [H, W, channels], the chunks they need, and its ways to be transparent."""
    if colour == 3:
        few = picture.quantize(2**depth)
        palette = bytes(few.getpalette() or [])[: 3 * 2**depth]
        shades = bytes(range(0, 256, 256 // 2**depth))
        ways = {"": b"", ", one hole": b"\xff\0", ", shades": shades[: len(palette) // 3]}
        return np.asarray(few, np.uint16)[..., None], [chunk(b"PLTE", palette)], ways
    array = np.asarray(picture.convert("L") if colour in (0, 4) else picture, np.uint16)
    array = array.reshape(*array.shape[:2], -1)
    if colour >= 4:
        array = np.concatenate([array, array[..., :1][::-1, ::-1]], axis=-1)
    samples = (array * 257 >> (16 - depth)).astype(np.uint16)
    key = samples[5, 2].astype(">u2").tobytes()
    # One colour of 16 bits in three channels is refused by a server.
    ways = {"": b""} if colour >= 4 or (colour, depth) == (2, 16) else {"": b"", ", one hole": key}
    return samples, [], ways


def pngs() -> Iterator[tuple[str, bytes]]:
    seed = 0
    for colour, depths in _DEPTHS.items():
        for depth in depths:
            for width, height in ((41, 28), (3, 50), (64, 97), (20, 20)):
                for passes in (False, True):
                    picture = photo(width, height, seed := seed + 1)
                    samples, needed, ways = of_colour(picture, colour, depth)
                    for way, alpha in ways.items():
                        name = f"PNG {colour}, {depth} bits, {width}×{height}{', passes' * passes}{way}"
                        holes = [chunk(b"tRNS", alpha)] if alpha else []
                        yield name, png(samples, depth, colour, passes, *needed, *holes)


def damaged(piece: bytes) -> bytes:
    """A chunk whose checksum is wrong."""
    return piece[:-1] + bytes([piece[-1] ^ 1])


BOMB = zlib.compress(bytes(3_000_000))
ODD: dict[str, bytes] = {
    "a large text": chunk(b"zTXt", b"workflow\0\0" + BOMB),
    "a large text in Unicode": chunk(b"iTXt", b"workflow\0\1\0\0\0" + BOMB),
    "a large colour profile": chunk(b"iCCP", b"profile\0\0" + BOMB),
    "a text of 9 MB": chunk(b"tEXt", b"prompt\0" + b"cat, " * 1_800_000),
    "a packed text that is none": chunk(b"zTXt", b"k\0\0no zlib"),
    "a text packed another way": chunk(b"zTXt", b"k\0\7" + BOMB),
    "a colour profile packed another way": chunk(b"iCCP", b"k\0\7" + BOMB),
    "a short gamma": chunk(b"gAMA", b"\0"),
    "a gamma": chunk(b"gAMA", struct.pack(">I", 10_000)),
    "significant bits": chunk(b"sBIT", b"\1\1\1"),
    "a background": chunk(b"bKGD", b"\0"),
    "a wrong checksum": damaged(chunk(b"tEXt", b"k\0v")),
    "an unknown chunk that matters": chunk(b"ABCD", b"?"),
    "an unknown chunk": chunk(b"abCd", b"?"),
    "a name in another alphabet": chunk(b"tEXt", b"\xd0\xb8\0" + b"\xff" * 9),
    "a resolution cut off": chunk(b"pHYs", b"\0\0"),
    "an animation": chunk(b"acTL", struct.pack(">II", 1, 0))
    + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 9, 9, 0, 0, 1, 1, 0, 0)),
    "an animation cut off": chunk(b"acTL", b"\0"),
    "transparency too long": chunk(b"tRNS", bytes(300)),
    "no transparency": chunk(b"tRNS", b""),
    "EXIF data, turned": chunk(b"eXIf", exif(6)),
    "EXIF data that say so twice": chunk(b"eXIf", b"Exif\0\0" + exif(8, ">", 4)),
    "EXIF data that are none": chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
    "an orientation elsewhere": chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'),
}


def odd_pngs() -> Iterator[tuple[str, bytes]]:
    for number, (what, piece) in enumerate(ODD.items()):
        for colour, depth in ((0, 1), (2, 8), (3, 2), (6, 8)):
            samples, needed, _ = of_colour(photo(40, 31, number), colour, depth)
            before, after = [*needed, piece], [piece, *needed]
            # libpng believes no transparency that comes before the palette, whatever its length.
            content = png(samples, depth, colour, False, *(before if number % 2 else after))
            yield f"PNG {colour} with {what}", content
        if piece[4:8] not in (b"acTL", b"tRNS"):
            yield f"PNG with {what} behind", content[:-12] + piece + content[-12:]
    samples, needed, _ = of_colour(photo(40, 31, 99), 3, 2)
    hole = chunk(b"tRNS", b"\0")
    yield "PNG, transparency before the palette", png(samples, 2, 3, False, hole, *needed)
    yield "PNG, transparency twice", png(samples, 2, 3, False, *needed, hole, chunk(b"tRNS", b"\xff\0"))
    yield "PNG, a colour that the palette lacks", png(samples, 2, 3, False, needed[0], hole)
    yield "PNG, a short palette", png(samples, 2, 3, False, chunk(b"PLTE", needed[0][8:14]))
    plain = png(samples, 2, 3, False, *needed)
    yield "PNG, transparency behind", plain[:-12] + hole + plain[-12:]
    yield "PNG without an end", plain[:-12]
    yield "PNG with something behind", plain + b"\0" * 99


def segment(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + struct.pack(">H", 2 + len(content)) + content


def jpegs() -> Iterator[tuple[str, bytes]]:
    """Every orientation, typed either way, in either order of bytes, with fill bytes before it."""
    seed = 1_000
    for order in "<>":
        for kind in (3, 4):
            for fill in (0, 1, 3):
                for turned in range(10):
                    data = encode(photo(41, 28, seed := seed + 1), "JPEG", quality=90)
                    notes = b"\xff" * fill + segment(0xE1, b"Exif\0\0" + exif(turned, order, kind))
                    name = f"JPEG, orientation {turned}, kind {kind}{order}, {fill} bytes before"
                    yield name, data[:2] + notes + data[2:]


def odd_jpegs() -> Iterator[tuple[str, bytes]]:
    data = encode(photo(41, 28, 7), "JPEG", quality=90)
    whole = exif(6)
    pieces: dict[str, bytes] = {
        "a comment before": segment(0xFE, b"hello") + segment(0xE1, b"Exif\0\0" + whole),
        "EXIF data in two parts": segment(0xE1, b"Exif\0\0" + whole[:20])
        + segment(0xE1, b"Exif\0\0" + whole[20:]),
        "EXIF data twice": segment(0xE1, b"Exif\0\0" + whole) + segment(0xE1, b"Exif\0\0" + exif(3)),
        "EXIF data that say so twice": segment(0xE1, b"Exif\0\0Exif\0\0" + whole),
        "EXIF data cut off": segment(0xE1, b"Exif\0\0" + whole[:28]),
        "EXIF data that end early": segment(0xE1, b"Exif\0\0" + exif(6, entries=1)),
        "EXIF data that go on": segment(0xE1, b"Exif\0\0" + exif(6, entries=999)),
        "no EXIF data": segment(0xE1, b"Exif\0\0"),
        "an orientation as text": segment(0xE1, b"Exif\0\0" + exif(6, kind=2)),
        "an orientation as a fraction": segment(0xE1, b"Exif\0\0" + exif(6, kind=5)),
        "an orientation elsewhere": segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'),
        "no orientation that there is": segment(0xE1, b"Exif\0\0" + exif(65_537, kind=4)),
        "bytes that belong nowhere": segment(0xFE, b"")
        + b"\0\1\2\xff\0"
        + segment(0xE1, b"Exif\0\0" + whole),
        "a mark without a length": b"\xff\x01" + segment(0xE1, b"Exif\0\0" + whole),
        "a short note of JFIF": segment(0xE0, b"JFIF\0"),
        "a short note of Adobe": segment(0xEE, b"Adobe"),
        "a short note of Photoshop": segment(0xED, b"Photoshop 3.0\x008BIM\3\xed"),
        "a resolution cut off": segment(0xED, b"Photoshop 3.0\x008BIM\3\xed\0\0\0\0\0\1x"),
        "a short colour profile": segment(0xE2, b"ICC_PROFILE\0"),
        "several pictures that there are not": segment(0xE2, b"MPF\0MM\0*\0\0\0\x08\xff\xff"),
        "a colour profile of 1 MB": b"".join(
            segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 17]) + bytes(60_000)) for n in range(1, 18)
        ),
    }
    for what, piece in pieces.items():
        yield f"JPEG with {what}", data[:2] + piece + data[2:]
    transformed = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    yield "JPEG whose colours are red, green, blue", data[:2] + transformed + data[20:]
    yield "JPEG without JFIF's note", data[:2] + data[20:]
    yield "JPEG with something behind", data + b"\0" * 99
    yield from samplings()


def samplings() -> Iterator[tuple[str, bytes]]:
    """Colours stored for two or four pixels at once, side by side or above each other; grey; progressive."""
    ways: dict[str, Callable[[bytes], bytes]] = {
        "4:2:0": lambda data: data,
        "4:1:1": lambda data: data.replace(b"\3\1\x22\0", b"\3\1\x41\0"),
        "4:4:0": lambda data: data.replace(b"\3\1\x21\0", b"\3\1\x12\0"),
    }
    for number, (way, change) in enumerate(ways.items()):
        for side in (32, 64, 576):
            stored = "4:2:2" if way == "4:4:0" else "4:2:0"
            data = encode(photo(side, side, number), "JPEG", subsampling=stored, quality=90)
            yield f"JPEG, {way}, {side} pixels", change(data)
    for number, mode in enumerate(("RGB", "L")):
        picture = photo(57, 33, number).convert(mode)
        yield f"JPEG, progressive, {mode}", encode(picture, "JPEG", progressive=True, quality=90)
        yield f"JPEG, restarts, {mode}", encode(picture, "JPEG", restart_marker_rows=1)


@functools.cache
def files() -> dict[str, bytes]:
    """All of them, by what they are."""
    return dict([*pngs(), *odd_pngs(), *jpegs(), *odd_jpegs()])
