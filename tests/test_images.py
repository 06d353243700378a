"""What becomes of a picture's colours, orientation and size when it is read."""

import io
import struct
import threading
import warnings
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifar_core import images
from cifar_core.errors import ImageError
from tests.pictures import (
    AVIF,
    BLACK,
    BLUE,
    GREEN,
    RED,
    UPRIGHT,
    WHITE,
    chunk,
    close,
    corners,
    encode,
    noise,
    pixel,
    png,
    quarters,
)

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
@pytest.mark.parametrize("how", ["both", "crop", "whole"])
def test_32_by_32_comes_through_bit_for_bit(format: str, how: images.How) -> None:
    array = noise(32, 32, 3)
    options = {"lossless": True} if format == "WEBP" else {}
    _, result = images.load(encode(Image.fromarray(array), format, **options), how)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, array[None])


# Orientation


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
        picture, looks = images.load(data)
        assert max(picture.size) == 512
        assert len(looks) == 2
        assert close(looks[:, :, :15], BLUE, 3)
        assert close(looks[:, :, 17:], RED, 3)


def test_shrinking_early_changes_nothing_that_the_network_sees() -> None:
    x, y = np.meshgrid(np.arange(3000), np.arange(2400))
    waves = np.stack([np.sin(x / 150), np.sin(y / 200), np.sin((x + y) / 300)], axis=-1)
    photo = Image.fromarray((127.5 + 127.5 * waves).astype(np.uint8))
    expected = images.to_array(photo)
    for data in (encode(photo, "JPEG", quality=95), encode(photo, "PNG", compress_level=1)):
        assert close(images.to_array(images.read(data)), expected, 4)


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (31, 33), (513, 511)])
@pytest.mark.parametrize("how", ["both", "crop", "whole"])
def test_odd_sizes(size: tuple[int, int], how: images.How) -> None:
    picture, looks = images.load(encode(Image.new("RGB", size, RED), "PNG"), how)
    assert looks.shape == (2 if how == "both" and size != (1, 1) else 1, 32, 32, 3)
    assert looks.dtype == np.uint8
    assert max(picture.size) == min(max(size), 512)
    assert how == "whole" or (looks[0] == RED).all()


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
