"""The picture decoder in TensorFlow's operations is Pillow's, pixel for pixel."""

import struct
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cifar_core import images
from cifar_core.training.server_images import LOOKS, decode_all
from tests.picture_kinds import exif, files
from tests.pictures import chunk, encode, noise, png

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def decode() -> Callable[[bytes], np.ndarray]:
    return decoder(32)


def decoder(side: int) -> Callable[[bytes], np.ndarray]:
    traced = tf.function(partial(decode_all, side=side), input_signature=[tf.TensorSpec([None], tf.string)])
    return lambda content: traced(tf.constant([content])).numpy()[0]


def seen(content: bytes, side: int = 32) -> np.ndarray:
    """The middle and the whole as the app sees them, the same twice where a picture is square."""
    return np.broadcast_to(images.load(content, side=side)[1], (LOOKS, side, side, 3))


def grain(width: int, height: int, channels: int = 3) -> Image.Image:
    """A picture in which no two pixels are alike by rule, so that one that is out of place shows."""
    return Image.fromarray(noise(height, width, channels))


def noisy_png(depth: int, colour: int, transparent: bytes = b"") -> bytes:
    """A PNG of 96×80 pixels of noise, of a kind that Pillow does not write."""
    bits = depth * {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    rows = b"".join(b"\0" + row.tobytes() for row in noise(80, 96 * bits // 8))
    return png(96, 80, depth, colour, rows, *([chunk(b"tRNS", transparent)] if transparent else []))


def rgba(width: int, height: int) -> Image.Image:
    return grain(width, height, 4)


PICTURES: dict[str, Callable[[], bytes]] = {
    "JPEG of a camera": lambda: encode(grain(640, 480), "JPEG"),
    "JPEG as the network sees it": lambda: encode(grain(32, 32), "JPEG", quality=95),
    "JPEG smaller than that": lambda: encode(grain(20, 13), "JPEG"),
    "JPEG of one pixel": lambda: encode(grain(1, 1), "JPEG"),
    "JPEG decoded at full size": lambda: encode(grain(1023, 1100), "JPEG"),
    "JPEG decoded at half size": lambda: encode(grain(1025, 1101), "JPEG"),
    "JPEG decoded at a quarter": lambda: encode(grain(2051, 2301), "JPEG"),
    "JPEG, all colour kept": lambda: encode(grain(301, 299), "JPEG", subsampling=0),
    "JPEG, progressive": lambda: encode(grain(301, 299), "JPEG", progressive=True),
    "JPEG, grey": lambda: encode(grain(301, 299).convert("L"), "JPEG"),
    "JPEG, high byte first": lambda: encode(grain(301, 200), "JPEG", exif=b"Exif\0\0" + exif(6, ">")),
    "PNG, tall": lambda: encode(grain(40, 49), "PNG"),
    "PNG, narrow": lambda: encode(grain(31, 513), "PNG"),
    "PNG, odd": lambda: encode(grain(101, 77), "PNG"),
    "PNG, small": lambda: encode(grain(31, 17), "PNG"),
    "PNG, reduced by 2": lambda: encode(grain(1025, 1101), "PNG", compress_level=1),
    "PNG, reduced by 3, turned": lambda: encode(grain(1541, 1601), "PNG", compress_level=1, exif=exif(6)),
    "PNG, see-through": lambda: encode(rgba(200, 150), "PNG"),
    "PNG, see-through and reduced": lambda: encode(rgba(1101, 1025), "PNG", compress_level=1),
    "PNG, grey and see-through": lambda: encode(rgba(200, 150).convert("LA"), "PNG"),
    "PNG, palette": lambda: encode(grain(200, 150).quantize(16), "PNG", transparency=3),
    "PNG, 1 bit": lambda: noisy_png(1, 0),
    "PNG, 2 bits, one grey see-through": lambda: noisy_png(2, 0, b"\0\1"),
    "PNG, 4 bits": lambda: noisy_png(4, 0),
    "PNG, 16 bits grey": lambda: noisy_png(16, 0),
    "PNG, 16 bits": lambda: noisy_png(16, 2),
    "PNG, 16 bits see-through": lambda: noisy_png(16, 6),
    **{
        f"{form}, orientation {o}": lambda form=form, o=o: encode(  # type: ignore[misc]
            grain(41, 28), form, exif=b"Exif\0\0" * (form == "JPEG") + exif(o)
        )
        for form in ("JPEG", "PNG")
        for o in range(10)
    },
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_server_sees_the_pixels_that_the_app_sees(
    name: str, decode: Callable[[bytes], np.ndarray]
) -> None:
    content = PICTURES[name]()
    np.testing.assert_array_equal(decode(content), seen(content))


def test_it_sees_them_in_every_kind_of_png_and_jpeg(decode: Callable[[bytes], np.ndarray]) -> None:
    assert len(files()) > 500
    wrong = [what for what, content in files().items() if not np.array_equal(decode(content), seen(content))]
    assert wrong == []


@pytest.mark.parametrize("side", [8, 48, 65])
def test_a_model_of_another_side_sees_them_too(side: int) -> None:
    decode = decoder(side)
    for name in ("JPEG of a camera", "JPEG of one pixel", "PNG, see-through", "JPEG, orientation 6"):
        content = PICTURES[name]()
        np.testing.assert_array_equal(decode(content), seen(content, side))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "neither a JPEG nor a PNG"),
        (b"GIF89a" + bytes(100), "neither a JPEG nor a PNG"),
        (encode(grain(64, 64), "JPEG")[:1_000], "Invalid JPEG data"),
        (encode(grain(64, 64), "PNG")[:1_000], "Invalid PNG data"),
        (encode(grain(48, 48).convert("CMYK"), "JPEG"), "in CMYK, for print; save it as RGB"),
        (noisy_png(16, 2, bytes(6)), "one transparent colour of 16 bits; save it with 8"),
        (encode(grain(9, 9), "PNG")[:33] + chunk(b"tEXt", b"") * 20_000, "too much time"),
        (b"\xff\xd8" + b"\xff" * 20_000 + encode(grain(9, 9), "JPEG")[2:], "too much time"),
        (noisy_png(8, 0)[:16] + struct.pack(">II", 9_000, 9_000) + bytes(99), "over 64,000,000 pixels"),
    ],
)
def test_what_the_server_does_not_read_it_refuses_in_a_sentence(
    content: bytes, told: str, decode: Callable[[bytes], np.ndarray]
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=told):
        decode(content)
