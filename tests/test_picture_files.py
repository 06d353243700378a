"""A whole picture is read, whatever stands beside its pixels."""

import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifar_core import images, picture_files
from cifar_core.errors import ImageError
from tests.picture_kinds import ODD, exif, files, odd_jpegs, segment
from tests.pictures import AVIF, BLUE, RED, chunk, close, encode, photo, pixel, png, quarters

LARGE = zlib.compress(bytes(200_000_000), 9)


@pytest.mark.parametrize("what", ODD)
def test_no_chunk_that_pixels_do_not_need_costs_a_png(what: str) -> None:
    plain = photo(40, 31)
    data = encode(plain, "PNG")
    for at in (33, len(data) - 12):
        read = images.read(data[:at] + ODD[what] + data[at:])
        if "turned" not in what and "twice" not in what:
            np.testing.assert_array_equal(np.asarray(read), np.asarray(plain))


@pytest.mark.parametrize("what", [what for what, _ in odd_jpegs()])
def test_no_note_costs_a_jpeg(what: str) -> None:
    images.read(files()[what])


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_text_bombs_are_harmless(kind: bytes) -> None:
    data = png(
        1, 1, 8, 2, b"\0" + bytes(RED), chunk(kind, b"k\0\1\0\0\0"[: 6 if kind == b"iTXt" else 3] + LARGE)
    )
    tracemalloc.start()
    try:
        assert pixel(data) == RED
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", *AVIF])
def test_a_large_colour_profile_and_long_notes_cost_no_picture(format: str) -> None:
    large = bytes(2_000_000)
    options: dict[str, dict[str, Any]] = {
        "WEBP": {"xmp": large},
        "AVIF": {"xmp": large},
        "TIFF": {"description": "cat " * 500_000},
    }
    turned = Image.Exif()
    turned[0x0112] = 6
    data = encode(quarters(), format, icc_profile=large[:900_000], exif=turned, **options.get(format, {}))
    assert close(np.asarray(images.read(data))[5, 5], BLUE), "turned as its notes say"


def test_a_long_comment_costs_no_gif() -> None:
    data = encode(quarters().quantize(4), "GIF", comment=b"cat " * 500_000)
    assert images.read(data).size == (64, 32)


def test_a_palette_that_is_missing_is_damage() -> None:
    for palette in ([], [chunk(b"PLTE", b"")], [chunk(b"PLTE", bytes(7))]):
        with pytest.raises(ImageError, match="damaged"):
            images.read(png(2, 1, 8, 3, b"\0\0\1", *palette))


def test_millions_of_pieces_are_refused() -> None:
    data, pieces = encode(quarters(), "PNG"), picture_files.MAX_PIECES
    assert images.read(data[:33] + chunk(b"tEXt", b"k\0") * (pieces - 10) + data[33:]).size == (64, 32)
    jpeg = encode(quarters(), "JPEG")
    assert images.read(jpeg[:2] + segment(0xFE, b"") * (pieces - 20) + jpeg[2:]).size == (64, 32)
    for many in (
        data[:33] + chunk(b"tEXt", b"k\0") * pieces + data[33:],
        jpeg[:2] + segment(0xFE, b"") * pieces + jpeg[2:],
    ):
        with pytest.raises(ImageError, match="too much time"):
            images.read(many)


@pytest.mark.parametrize(("kind", "expected"), [(2, 1), (3, 6), (4, 6), (5, 1), (12, 1)])
def test_an_orientation_is_a_whole_number(kind: int, expected: int) -> None:
    for order in "<>":
        assert picture_files.orientation(exif(6, order, kind)) == expected


def test_other_formats_come_back_as_they_are() -> None:
    data = encode(Image.new("L", (3, 3)), "BMP")
    assert picture_files.bare(data) == (data, None)
