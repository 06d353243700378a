"""Pictures made for a test, so that it knows which colours must come out."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, features

from cifar_core import images

RED, BLUE, GREEN, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255), (0, 0, 0)
AVIF = [
    pytest.param("AVIF", marks=pytest.mark.skipif(not features.check("avif"), reason="no AVIF in Pillow"))
]


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", header), *extra, pixels, chunk(b"IEND", b"")])


def noise(*shape: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def photo(width: int, height: int, seed: int | None = None) -> Image.Image:
    """A picture with large shapes and fine noise, as a camera takes it."""
    rng = np.random.default_rng(width * height if seed is None else seed)
    shapes = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(shapes).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray((smooth + rng.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8))


def photos(count: int) -> npt.NDArray[np.uint8]:
    """So many pictures as a network takes them, no two alike."""
    return np.stack([np.asarray(photo(32, 32, seed)) for seed in range(count)])


def quarters(side: int = 64) -> Image.Image:
    """Red and green above, blue and black below: no two of the eight orientations look alike."""
    image = Image.new("RGB", (side, side // 2), BLACK)
    for colour, corner in ((RED, (0, 0)), (GREEN, (side // 2, 0)), (BLUE, (0, side // 4))):
        image.paste(colour, (*corner, corner[0] + side // 2, corner[1] + side // 4))
    return image


def corners(image: Image.Image) -> list[tuple[int, int, int]]:
    """Colours in the middle of the four quarters, from the top left, row by row."""
    array, (width, height) = np.asarray(image), image.size
    return [tuple(array[height * y // 4, width * x // 4].tolist()) for y in (1, 3) for x in (1, 3)]


def close(got: Any, expected: Any, tolerance: int = 12) -> bool:
    return bool(np.abs(np.asarray(got, dtype=int) - np.asarray(expected, dtype=int)).max() <= tolerance)


def pixel(data: bytes) -> tuple[int, ...]:
    image = images.read(data)
    assert image.mode == "RGB"
    return tuple(np.asarray(image)[0, 0].tolist())


# What a reader sees after the camera's note is honoured, quarter by quarter, for a file that stores
# red, green / blue, black.
UPRIGHT = {
    1: [RED, GREEN, BLUE, BLACK],
    2: [GREEN, RED, BLACK, BLUE],
    3: [BLACK, BLUE, GREEN, RED],
    4: [BLUE, BLACK, RED, GREEN],
    5: [RED, BLUE, GREEN, BLACK],
    6: [BLUE, RED, BLACK, GREEN],
    7: [BLACK, GREEN, BLUE, RED],
    8: [GREEN, BLACK, RED, BLUE],
}
