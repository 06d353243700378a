"""The picture decoder in TensorFlow's operations is Pillow's, pixel for pixel; versions are written whole."""

import shutil
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cifar_core import images
from cifar_core.errors import ModelDirectoryError
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training import serving_export
from cifar_core.training.server_images import decode_all
from tests.pictures import chunk, encode, noise, png

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def decode() -> Callable[[bytes], np.ndarray]:
    return decoder(32)


def decoder(side: int) -> Callable[[bytes], np.ndarray]:
    traced = tf.function(partial(decode_all, side=side), input_signature=[tf.TensorSpec([None], tf.string)])
    return lambda content: traced(tf.constant([content])).numpy()[0]


def grain(width: int, height: int, channels: int = 3) -> Image.Image:
    """A picture in which no two pixels are alike by rule, so that one that is out of place shows."""
    return Image.fromarray(noise(height, width, channels))


def exif(orientation: int, order: str = "<") -> bytes:
    """EXIF data with a maker's name before the orientation, in either byte order."""
    begin = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 2)
    maker = struct.pack(f"{order}HHI4s", 0x010F, 2, 4, b"Cam\0")
    turned = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + begin + maker + turned + bytes(4)


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
    "JPEG, high byte first": lambda: encode(grain(301, 200), "JPEG", exif=exif(6, ">")),
    "PNG, odd": lambda: encode(grain(101, 77), "PNG"),
    "PNG, small": lambda: encode(grain(31, 17), "PNG"),
    "PNG, reduced by 2": lambda: encode(grain(1025, 1101), "PNG", compress_level=1),
    "PNG, reduced by 3, turned": lambda: encode(grain(1541, 1601), "PNG", compress_level=1, exif=exif(6)[6:]),
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
            grain(41, 28), form, exif=exif(o) if form == "JPEG" else exif(o)[6:]
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
    _, expected = images.load(content)
    np.testing.assert_array_equal(decode(content), expected)


@pytest.mark.parametrize("side", [8, 48, 65])
def test_a_model_of_another_side_sees_them_too(side: int) -> None:
    decode = decoder(side)
    for name in ("JPEG of a camera", "JPEG of one pixel", "PNG, see-through", "JPEG, orientation 6"):
        content = PICTURES[name]()
        np.testing.assert_array_equal(decode(content), images.load(content, side=side)[1])


def test_cmyk_is_all_but_equal(decode: Callable[[bytes], np.ndarray]) -> None:
    content = encode(grain(48, 48).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(decode(content).astype(int) - images.load(content)[1]).max() <= 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "neither a JPEG nor a PNG"),
        (b"GIF89a" + bytes(100), "neither a JPEG nor a PNG"),
        (encode(grain(64, 64), "JPEG")[:1_000], "Invalid JPEG data"),
        (encode(grain(64, 64), "PNG")[:1_000], "Invalid PNG data"),
        (noisy_png(8, 0)[:16] + struct.pack(">II", 9_000, 9_000) + bytes(99), "over 64,000,000 pixels"),
    ],
)
def test_what_is_no_picture_is_refused(
    content: bytes, told: str, decode: Callable[[bytes], np.ndarray]
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=told):
        decode(content)


def test_versions_count_on_and_nothing_half_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = catalogue.find("quick")
    (tmp_path / "quick" / "7").mkdir(parents=True)
    (tmp_path / "quick" / "notes").mkdir()
    assert serving_export.export(quick, tmp_path) == tmp_path / "quick" / "8"

    def no_space(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(serving_export, "_write_warmup", no_space)
    with pytest.raises(OSError, match="No space"):
        serving_export.export(quick, tmp_path)
    assert {path.name for path in (tmp_path / "quick").iterdir()} == {"7", "8", "notes"}


def test_a_damaged_model(tmp_path: Path) -> None:
    copy = ModelDirectory(tmp_path / "copy")
    shutil.copytree(catalogue.find("quick").path, copy.path)
    copy.keras_path.write_bytes(b"no model")
    with pytest.raises(ModelDirectoryError, match="of “copy” is missing or damaged"):
        serving_export.export(copy, tmp_path)
    copy.card_path.unlink()
    shutil.copy(catalogue.find("quick").keras_path, copy.keras_path)
    with pytest.raises(ModelDirectoryError, match="`python -m cifar_core evaluate copy`"):
        serving_export.export(copy, tmp_path)


def test_litert_answers_as_keras_does(tmp_path: Path) -> None:
    path = serving_export.export_litert(catalogue.find("quick"), tmp_path)
    assert path == tmp_path / "quick.tflite"
    with pytest.warns(UserWarning, match="deprecated"):  # in favour of a package that is not needed otherwise
        interpreter = tf.lite.Interpreter(str(path))
    x = noise(40, 32, 32, 3).astype(np.float32) / 255
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(taken["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], x)
    interpreter.invoke()
    expected = serving_export._load(catalogue.find("quick"))(x, training=False)
    np.testing.assert_allclose(interpreter.get_tensor(given["index"]), expected, atol=1e-5)
