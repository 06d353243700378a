"""Every picture is made here, so each test knows which colours must come out."""

import base64
import io
import os
import struct
import threading
import time
import tracemalloc
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, features

from cifar_core import images
from cifar_core.errors import ImageError

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


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def noise(*shape: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


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


# What comes out of each format


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "MPO", *AVIF])
def test_every_format_keeps_its_colours(format: str) -> None:
    image = images.read(encode(quarters(), format))
    assert (image.mode, image.size) == ("RGB", (64, 32))
    assert close(corners(image), [RED, GREEN, BLUE, BLACK])


@pytest.mark.parametrize("format", ["EPS", "PDF", "ICO", "TGA", "DDS", "PCX", "SGI", "JPEG2000"])
def test_other_decoders_are_out_of_reach(format: str) -> None:
    with pytest.raises(ImageError, match="save it again as JPEG or PNG"):
        images.read(encode(quarters(), format))


def test_the_uploader_offers_exactly_what_can_be_decoded() -> None:
    Image.init()
    offered = {Image.registered_extensions()[f".{suffix}"] for suffix in images.SUFFIXES}
    assert offered == set(images.FORMATS)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
@pytest.mark.parametrize("how", ["crop", "whole"])
def test_32_by_32_comes_through_bit_for_bit(format: str, how: images.How) -> None:
    array = noise(32, 32, 3)
    options = {"lossless": True} if format == "WEBP" else {}
    _, result = images.load(encode(Image.fromarray(array), format, **options), how)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, array)


# Orientation

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


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "MPO", *AVIF])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation(format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = images.read(encode(quarters(), format, exif=exif))
    assert image.size == ((64, 32) if orientation < 5 else (32, 64))
    assert close(corners(image), UPRIGHT[orientation])


def test_orientation_survives_transparency_and_16_bits() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    transparent = quarters().convert("RGBA")
    transparent.putpixel((0, 0), (0, 0, 0, 0))
    assert corners(images.read(encode(transparent, "PNG", exif=exif))) == UPRIGHT[3]
    deep = Image.fromarray(np.repeat(np.array([[0, 65535]], dtype=np.uint16), 2, axis=0))
    assert np.asarray(images.read(encode(deep, "PNG", exif=exif)))[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0" + b"\xff" * 40, b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0", b"junk"]
)
def test_damaged_exif_does_not_cost_the_picture(exif: bytes) -> None:
    assert close(corners(images.read(encode(quarters(), "JPEG", exif=exif))), UPRIGHT[1])


def test_metadata_is_left_behind() -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    image = images.read(encode(quarters(), "JPEG", exif=exif, comment=b"private"))
    assert image.info == {}
    assert not image.getexif()


# Modes


@pytest.mark.parametrize(
    ("mode", "format", "colour", "expected"),
    [
        ("1", "PNG", 1, WHITE),
        ("1", "TIFF", 0, BLACK),
        ("L", "PNG", 77, (77, 77, 77)),
        ("L", "JPEG", 77, (77, 77, 77)),
        ("LA", "PNG", (50, 255), (50, 50, 50)),
        ("LA", "PNG", (50, 0), WHITE),
        ("LA", "TIFF", (0, 127), (128, 128, 128)),
        ("PA", "TIFF", (0, 0), WHITE),
        ("RGBA", "PNG", (255, 0, 0, 255), RED),
        ("RGBA", "PNG", (255, 0, 0, 0), WHITE),
        ("RGBA", "PNG", (255, 0, 0, 127), (255, 128, 128)),
        ("RGBA", "WEBP", (255, 0, 0, 0), WHITE),
        ("RGBA", "TIFF", (0, 0, 255, 127), (128, 128, 255)),
        ("CMYK", "TIFF", (255, 0, 0, 0), (0, 255, 255)),
        ("CMYK", "JPEG", (255, 0, 0, 0), (0, 255, 255)),
        ("CMYK", "JPEG", (0, 0, 0, 255), BLACK),
        ("CMYK", "JPEG", (0, 0, 0, 0), WHITE),
        ("YCbCr", "TIFF", (76, 85, 255), RED),
        ("YCbCr", "JPEG", (76, 85, 255), RED),
        ("LAB", "TIFF", (255, 128, 128), WHITE),
        ("I;16", "PNG", 32768, (128, 128, 128)),
        ("I;16", "PNG", 65535, WHITE),
        ("I;16", "PNG", 257 * 40, (40, 40, 40)),
        ("I;16", "TIFF", 32768, (128, 128, 128)),
        ("I;16B", "TIFF", 32768, (128, 128, 128)),
        ("I;16B", "TIFF", 255, BLACK),
        ("I;16", "PPM", 32768, (128, 128, 128)),
        ("I", "TIFF", 32768, (128, 128, 128)),
        ("I", "TIFF", 65535, WHITE),
        ("F", "TIFF", 0.5, (128, 128, 128)),
        ("F", "TIFF", 100.0, (100, 100, 100)),
        ("F", "TIFF", 32768.0, (128, 128, 128)),
        ("F", "TIFF", -5.0, BLACK),
        ("F", "TIFF", float("nan"), BLACK),
        ("F", "TIFF", float("inf"), WHITE),
    ],
)
def test_every_mode_keeps_its_colour(mode: str, format: str, colour: Any, expected: Any) -> None:
    data = encode(Image.new(mode, (16, 16), colour), format)
    assert close(pixel(data), expected, 3 if format == "JPEG" else 1)


def test_premultiplied_grey() -> None:
    data = bytearray(encode(Image.new("LA", (4, 4), (64, 128)), "TIFF"))
    entry = data.index(struct.pack("<HHI", 338, 3, 1))  # ExtraSamples: from unassociated to premultiplied
    data[entry + 8] = 1
    assert close(pixel(bytes(data)), (191, 191, 191), 2)  # half of 128, half of white


@pytest.mark.parametrize("mode", ["I", "F"])
def test_unusual_ranges_are_stretched(mode: str) -> None:
    values = np.array([[-100_000, 0, 100_000]], dtype=np.int32 if mode == "I" else np.float32)
    row = np.asarray(images.read(encode(Image.fromarray(values), "TIFF")))[0, :, 0]
    assert row.tolist() == [0, 128, 255]


def test_floats_survive_holes_and_extremes() -> None:
    values = np.array([[0, np.nan, 1, np.inf, -np.inf]], dtype=np.float32)
    row = np.asarray(images.read(encode(Image.fromarray(values), "TIFF")))[0, :, 0]
    assert row.tolist() == [0, 0, 255, 255, 0]
    limits = np.array([[-3.4e38, 3.4e38]], dtype=np.float32)
    assert np.asarray(images.read(encode(Image.fromarray(limits), "TIFF")))[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("depth", "kind", "row", "key", "expected"),
    [
        (1, 0, b"\x00", struct.pack(">H", 0), WHITE),
        (2, 0, b"\x40", struct.pack(">H", 1), WHITE),
        (2, 0, b"\x40", struct.pack(">H", 2), (85, 85, 85)),
        (4, 0, b"\x50", struct.pack(">H", 5), WHITE),
        (8, 0, b"\x07", struct.pack(">H", 7), WHITE),
        (8, 0, b"\x07", struct.pack(">H", 8), (7, 7, 7)),
        (16, 0, b"\x12\x34", struct.pack(">H", 0x1234), WHITE),
        (16, 0, b"\x12\x34", struct.pack(">H", 0x4321), (18, 18, 18)),
        (8, 2, bytes(RED), struct.pack(">HHH", *RED), WHITE),
        (8, 2, bytes(RED), struct.pack(">HHH", *BLUE), RED),
        (16, 2, b"\x80\x01\x40\x02\x20\x03", struct.pack(">HHH", 0x8001, 0x4002, 0x2003), WHITE),
        (16, 2, b"\x80\x01\x40\x02\x20\x03", struct.pack(">HHH", 1, 2, 3), (128, 64, 32)),
        (8, 3, b"\x01", b"\xff\x00", WHITE),
        (8, 3, b"\x01", b"\x00\xff", BLUE),
        (8, 3, b"\x01", b"\x40\x7f", (128, 128, 255)),
        (2, 3, b"\x40", b"\xff\x00", WHITE),
        (16, 4, b"\x20\x00\xff\xff", b"", (32, 32, 32)),
        (16, 6, b"\x20\x00\x40\x00\x80\x00\x00\x00", b"", WHITE),
    ],
)
def test_png_transparency(depth: int, kind: int, row: bytes, key: bytes, expected: Any) -> None:
    palette = [chunk(b"PLTE", bytes(RED + BLUE))] if kind == 3 else []
    extra = [*palette, chunk(b"tRNS", key)] if key else palette
    assert close(pixel(png(1, 1, depth, kind, b"\0" + row, *extra)), expected, 1)


def test_transparent_gif() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([*RED, *BLUE])
    assert pixel(encode(image, "GIF")) == BLUE
    assert pixel(encode(image, "GIF", transparency=1)) == WHITE


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", *AVIF])
def test_first_frame_of_many(format: str) -> None:
    first, *rest = (Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE, GREEN))
    data = encode(first, format, save_all=True, append_images=rest)
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == 3
    assert close(pixel(data), RED)


# Sizes


def test_a_phone_photo_is_accepted_and_shrunk() -> None:
    photo = Image.new("RGB", (8192, 6144), RED)  # 50 megapixels
    photo.paste(BLUE, (0, 0, 4096, 6144))
    jpeg = encode(photo, "JPEG"), (1024, 768)  # decoded at an eighth, the least there is
    screen = photo.resize((7680, 4320))
    lossless = encode(screen, "PNG", compress_level=1), (960, 540)
    for data, size in (jpeg, lossless):
        image = images.read(data)
        assert image.size == size
        assert close([image.getpixel((9, 9)), image.getpixel((image.width - 9, 9))], [BLUE, RED], 3)
        picture, array = images.load(data)
        assert max(picture.size) == 512
        assert close(array[:, :15], BLUE, 3)
        assert close(array[:, 17:], RED, 3)


def test_shrinking_early_changes_nothing_that_the_network_sees() -> None:
    x, y = np.meshgrid(np.arange(3000), np.arange(2400))
    waves = np.stack([np.sin(x / 150), np.sin(y / 200), np.sin((x + y) / 300)], axis=-1)
    photo = Image.fromarray((127.5 + 127.5 * waves).astype(np.uint8))
    expected = images.to_array(photo)
    for data in (encode(photo, "JPEG", quality=95), encode(photo, "PNG", compress_level=1)):
        assert close(images.to_array(images.read(data)), expected, 4)


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (31, 33), (513, 511)])
@pytest.mark.parametrize("how", ["crop", "whole"])
def test_odd_sizes(size: tuple[int, int], how: images.How) -> None:
    picture, array = images.load(encode(Image.new("RGB", size, RED), "PNG"), how)
    assert array.shape == (32, 32, 3)
    assert array.dtype == np.uint8
    assert max(picture.size) == min(max(size), 512)
    if how == "crop":
        assert (array == RED).all()


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
        began = time.perf_counter()
        with pytest.raises(ImageError, match="over 64,000,000 pixels"):
            images.read(data)
        seconds, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds < 1
    assert peak < 2_000_000


def test_text_bombs_are_harmless() -> None:
    bomb = zlib.compress(bytes(200_000_000), 9)
    for kind, data in (
        (b"zTXt", b"k\0\0" + bomb),
        (b"iTXt", b"k\0\1\0\0\0" + bomb),
        (b"iCCP", b"k\0\0" + bomb),
    ):
        tracemalloc.start()
        try:
            with pytest.raises(ImageError):
                images.read(png(1, 1, 8, 2, b"\0" + bytes(RED), chunk(kind, data)))
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


def test_endless_jpeg_scans_are_rejected_at_once() -> None:
    image = encode(Image.new("RGB", (4000, 4000), RED), "JPEG", progressive=True)
    assert pixel(image)[0] > 250
    start = image.rindex(b"\xff\xda")
    began = time.perf_counter()
    with pytest.raises(ImageError):
        images.read(image[:start] + image[start:-2] * 20_000 + image[-2:])
    assert time.perf_counter() - began < 1


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
    with pytest.raises(ImageError):
        images.read(tmp_path / "pipe")


def test_threads_leave_the_warning_filters_alone() -> None:
    data = encode(Image.fromarray(noise(300, 300, 3)), "PNG")
    before = list(warnings.filters)
    sizes: list[tuple[int, int]] = []
    threads = [
        threading.Thread(target=lambda: sizes.extend(images.read(data).size for _ in range(10)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [(300, 300)] * 80
    assert list(warnings.filters) == before


# Square, shrink, enlarge


def test_crop_keeps_the_centre() -> None:
    image = Image.new("RGB", (90, 30), RED)
    image.paste(BLUE, (30, 0, 60, 30))
    for turned in (image, image.transpose(Image.Transpose.ROTATE_90)):
        assert images.square(turned).size == (30, 30)
        assert (images.to_array(turned) == BLUE).all()


@pytest.mark.parametrize("size", [(64, 32), (32, 64), (20, 10), (400, 300)])
def test_whole_keeps_everything_stretched(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    array = images.to_array(image, "whole")
    assert close(array[:, :13], RED)
    assert close(array[:, 19:], BLUE)
    assert image.size == size  # the caller's picture is left as it was


@pytest.mark.parametrize("side", [48, 64, 100, 500])
def test_shrinking_averages_and_does_not_alias(side: int) -> None:
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    checks = np.repeat((((x + y) % 2) * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    array = images.to_array(Image.fromarray(checks))
    assert close(array[2:-2, 2:-2], 128, 30)  # picking single pixels would give 0 and 255


def test_shrinking_does_not_ring() -> None:
    image = Image.new("RGB", (256, 256), (50, 50, 50))
    image.paste((200, 200, 200), (128, 0, 256, 256))
    array = images.to_array(image)
    assert (array.min(), array.max()) == (50, 200)


def test_enlarging_is_smooth() -> None:
    row = images.to_array(Image.fromarray(np.array([[[0] * 3, [255] * 3]] * 2, dtype=np.uint8)))[16, :, 0]
    assert len(set(row.tolist())) > 8  # nearest neighbour would give two values
    assert (np.diff(row.astype(int)) >= 0).all()


def test_to_png_makes_crisp_blocks() -> None:
    array = noise(4, 6, 3)
    with Image.open(io.BytesIO(images.to_png(array))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), array)
    with Image.open(io.BytesIO(images.to_png(array, scale=5))) as image:
        assert image.size == (30, 20)
        enlarged = np.asarray(image)
    np.testing.assert_array_equal(enlarged, np.kron(array, np.ones((5, 5, 1), dtype=np.uint8)))


def test_to_jpeg_shrinks_and_leaves_the_picture_alone() -> None:
    picture = Image.new("RGB", (100, 50), RED)
    with Image.open(io.BytesIO(images.to_jpeg(picture, 20))) as image:
        assert (image.format, image.size) == ("JPEG", (20, 10))
        assert close(np.asarray(image.convert("RGB")), RED)
    assert picture.size == (100, 50)


def test_data_url_holds_the_whole_file() -> None:
    file = images.to_png(noise(4, 6, 3))
    kind, _, content = images.data_url(file, "png").partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == file


def test_augmented_variants_are_mirrored_and_shifted_windows() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    variants = images.augmented(picture, 8, seed=3)
    assert variants.shape == (8, 32, 32, 3)
    for epoch, variant in enumerate(variants):
        upright = variant[:, ::-1] if epoch % 2 else variant
        offsets = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            # Away from the border a shift moves every pixel, whatever fills the border.
            if np.array_equal(upright[2:-2, 2:-2], np.roll(picture, (down, right), (0, 1))[2:-2, 2:-2])
        ]
        assert len(offsets) == 1
    assert not np.array_equal(variants, images.augmented(picture, 8, seed=4))
