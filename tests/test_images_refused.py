"""What is no picture, or too much of one, is refused in one sentence and at no cost."""

import os
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from cifar_core import images
from cifar_core.errors import ImageError
from tests.pictures import AVIF, RED, UPRIGHT, corners, encode, noise, pixel, png, quarters


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


# Bombs


@pytest.mark.parametrize(
    "data",
    [
        png(60_000, 60_000, 8, 2, b""),
        png(8001, 8000, 8, 2, b""),
        png(10_000, 10_000, 8, 2, b""),  # where Pillow warns
        png(1, 70_000, 8, 0, b""),
        png(2**31 - 1, 2**31 - 1, 16, 6, b""),
        bmp(60_000, 60_000),
        bmp(9_000, 9_000),
        b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\x08" + bytes(9),
        b"P6 60000 60000 255\n" + b"\0" * 99,
        b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0" + b"\0" * 4 + b"\xff\xff\x3f" * 2 + b"\0" * 9,
    ],
    ids=["png", "just over", "warning", "tall", "png64", "bmp", "bmp81", "gif", "ppm", "webp"],
)
def test_bombs_are_rejected_from_the_header(data: bytes) -> None:
    # Their pixels are missing: whoever decodes before looking at the size calls them damaged instead.
    images.read(encode(quarters(), "PNG"))  # decoders are imported on first use
    tracemalloc.start()
    try:
        began = time.thread_time()
        with pytest.raises(ImageError, match="over 64,000,000 pixels"):
            images.read(data)
        seconds, (_, peak) = time.thread_time() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds < 1
    assert peak < 2_000_000


def test_endless_jpeg_scans_are_rejected_at_once() -> None:
    image = encode(Image.new("RGB", (4000, 4000), RED), "JPEG", progressive=True)
    assert pixel(image)[0] > 250
    start = image.rindex(b"\xff\xda")
    began = time.thread_time()
    with pytest.raises(ImageError, match="damaged"):
        images.read(image[:start] + image[start:-2] * 20_000 + image[-2:])
    assert time.thread_time() - began < 1


# What is no picture

BROKEN = {
    "text": b"This is not a picture.\n" * 40,
    "html": b"<!DOCTYPE html><html><img src='cat.jpg'></html>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "zeros": bytes(5000),
    "one byte": b"\xff",
    "jpeg start": b"\xff\xd8\xff\xe0",
    "png signature": b"\x89PNG\r\n\x1a\n",
    "no width": png(0, 5, 8, 2, b""),
    "no pixels": png(5, 5, 8, 2, b""),
    "gif without frames": b"GIF89a" + struct.pack("<HHBBB", 5, 5, 0, 0, 0) + b";",
    "ppm without size": b"P6\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_picture_says_so(data: bytes) -> None:
    with pytest.raises(
        ImageError, match=r"^This file is not a picture, or it is damaged.*JPEG or PNG\.$"
    ) as error:
        images.load(data)
    assert error.value.__cause__ is not None


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", *AVIF])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_off_files(format: str, share: float) -> None:
    data = encode(Image.fromarray(noise(64, 64, 3)), format)
    with pytest.raises(ImageError, match="damaged or cut off"):
        images.read(data[: int(len(data) * share)])


def test_empty_and_oversized_files() -> None:
    with pytest.raises(ImageError, match="empty"):
        images.read(b"")
    small = encode(quarters(), "PNG")
    assert images.read(small + bytes(images.MAX_BYTES - len(small))).size == (64, 32)
    with pytest.raises(ImageError, match="larger than 20 MB"):
        images.read(small + bytes(images.MAX_BYTES - len(small) + 1))


def test_iphone_photos_are_named() -> None:
    with pytest.raises(ImageError, match="HEIC"):
        images.read(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))


def test_paths(tmp_path: Path) -> None:
    path = tmp_path / "photo.gif"
    path.write_bytes(encode(quarters(), "PNG"))  # the name lies
    assert corners(images.read(path)) == UPRIGHT[1]
    for bad in (tmp_path, tmp_path / "nothing.jpg", tmp_path / ("x" * 5000), path / "below", Path("a\0b")):
        with pytest.raises(ImageError, match="check its name"):
            images.read(bad)
    path.write_bytes(bytes(images.MAX_BYTES + 1))
    with pytest.raises(ImageError, match="larger than"):
        images.read(path)
    path.write_bytes(b"")
    with pytest.raises(ImageError, match="empty"):
        images.read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes by name")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="There is no file"):
        images.read(tmp_path / "pipe")
