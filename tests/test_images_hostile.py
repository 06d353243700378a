"""Pictures made to hurt: a picture or one sentence comes out, within a second and 200 MB."""

import io
import random
import re
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks import fuzz_images, fuzz_images_guided
from cifar_core import images
from cifar_core.errors import CifarLabError, ImageError

SEEDS = fuzz_images.seeds()
FULL = images.MAX_BYTES
SIDE = 5_000
LIMIT = 10 * images._MAX_SECONDS  # for slow machines; the benchmarks hold a fast one to the real limit


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def small(form: str) -> bytes:
    return encode(Image.new("RGB", (40, 40), "red"), form)


def filled(start: bytes, piece: bytes, end: bytes) -> bytes:
    """As many pieces as there may be."""
    return start + piece * ((FULL - len(start) - len(end)) // len(piece)) + end


def png_chunks(kind: bytes) -> bytes:
    data = small("PNG")
    return filled(data[:33], struct.pack(">I", 0) + kind + struct.pack(">I", zlib.crc32(kind)), data[33:])


def gif_comment() -> bytes:
    data = encode(Image.new("P", (40, 40)), "GIF")
    start = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return filled(data[:start] + b"!\xfe", b"\1a", b"\0" + data[start:])


def bmp_of_runs() -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 3_000, 3_000, 1, 8, 1, 0, 0, 0, 256, 256)
    return filled(b"BM" + struct.pack("<IHHI", 0, 0, 0, 1078) + header + bytes(1024), b"\1\1", b"")


def deep_png() -> bytes:
    """A square of 16 bits a channel with transparency."""
    row = bytes(1 + 8 * SIDE)
    packer = zlib.compressobj(1)
    packed = b"".join([*(packer.compress(row) for _ in range(SIDE)), packer.flush()])
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 6, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


# Millions of pieces that Pillow walks through one by one: each took 1.1 to 9 s of the processor.
LONG_WALKS: dict[str, Callable[[], bytes]] = {
    "JPEG comments": lambda: filled(small("JPEG")[:2], b"\xff\xfe\0\2", small("JPEG")[2:]),
    "JPEG markers": lambda: filled(small("JPEG")[:2], b"\xff", small("JPEG")[2:]),
    "PNG chunks": lambda: png_chunks(b"aaAa"),
    "PNG data": lambda: png_chunks(b"IDAT"),
    "GIF comments": gif_comment,
    "BMP runs": bmp_of_runs,
    "text comments": lambda: filled(b"P3\n1 1\n9\n", b"#\n", b"1 1 1\n"),
    "text pixels": lambda: filled(b"P2\n2000 5000\n9\n", b"1 ", b""),
    "odd white": lambda: b"P5\n5000 4000\n200\n" + bytes(20_000_000),
}


@pytest.mark.parametrize("make", LONG_WALKS.values(), ids=LONG_WALKS.keys())
def test_a_long_walk_is_broken_off(make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    data = make()
    assert len(data) <= FULL
    monkeypatch.setattr(images, "_MAX_SECONDS", 0.1)  # a fast machine may be through in a second
    began = time.thread_time()
    with pytest.raises(ImageError, match=r"too much time to decode; save it smaller"):
        images.load(data)
    assert time.thread_time() - began < LIMIT


# Few bytes, many pixels: these took 250 to 980 MB at 64 megapixels.
LARGE: dict[str, Callable[[], bytes]] = {
    "deep PNG": deep_png,
    "thin PNG": lambda: encode(Image.new("RGB", (1_000, 60_000)), "PNG", compress_level=1),
    "grey PNG with transparency": lambda: encode(Image.new("LA", (SIDE, SIDE)), "PNG", compress_level=1),
    "palette": lambda: encode(Image.new("P", (SIDE, SIDE)), "GIF", transparency=0),
    "WebP": lambda: encode(Image.new("RGB", (3_400, 3_400)), "WEBP", lossless=True, method=0),
    "larger WebP": lambda: encode(Image.new("RGB", (SIDE, SIDE)), "WEBP", lossless=True, method=0),
    "progressive": lambda: encode(Image.new("RGB", (SIDE, SIDE)), "JPEG", progressive=True, subsampling=0),
    "progressive CMYK": lambda: encode(Image.new("CMYK", (SIDE, SIDE)), "JPEG", progressive=True),
    "TIFF of floats": lambda: encode(
        Image.new("F", (3_500, 3_500), 1), "TIFF", compression="tiff_adobe_deflate"
    ),
}

PEAK = """
import sys
from pathlib import Path
from benchmarks import fuzz_images
from cifar_core import images
from cifar_core.errors import ImageError
for seed in fuzz_images.seeds():
    images.load(seed)
data = Path(sys.argv[1]).read_bytes()
before = fuzz_images._forget_peak()
try:
    images.load(data)
except ImageError:
    pass
print(fuzz_images._memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's peak of memory anew")
@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE.keys())
def test_a_large_picture_stays_within_the_memory(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(make())
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < fuzz_images.MAX_MEMORY  # 0, where the header is enough to refuse it


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's peak of memory anew")
def test_the_memory_measured_is_what_was_taken() -> None:
    code = (
        "from benchmarks import fuzz_images\n"
        "before = fuzz_images._forget_peak()\n"
        "taken = b'x' * 50_000_000\n"
        "print(fuzz_images._memory('VmHWM') - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == pytest.approx(50_000_000, rel=0.1)


def test_a_phone_video_behind_the_picture_is_no_scan() -> None:
    """Motion photos carry megabytes in which a scan's two bytes occur by chance."""
    assert images.read(small("JPEG") + b"\xff\xda??" * 500).size == (40, 40)


def test_bands_change_nothing() -> None:
    """What becomes RGB a band at a time is what it would be in one piece, odd ends included."""
    pixels = np.random.default_rng(0).integers(0, 256, (1_537, 1_201, 4), dtype=np.uint8)
    image = Image.fromarray(pixels)
    whole = Image.new("RGB", image.size, "white")
    whole.paste(image, mask=image)
    read = images.read(encode(image, "PNG", compress_level=1))
    np.testing.assert_array_equal(np.asarray(read), np.asarray(whole.reduce(2)))


@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False), st.sampled_from(["crop", "whole"]))
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_a_damaged_file_gives_a_picture_or_one_sentence(
    seed: bytes, generator: random.Random, how: images.How
) -> None:
    began = time.thread_time()
    try:
        picture, looks = images.load(fuzz_images.damaged(seed, generator), how)
    except ImageError as error:
        assert re.fullmatch(r"This \w+ .{20,110}\.", str(error))  # noqa: PT017 - both ends are right
    else:
        assert (picture.mode, looks.shape[1:], str(looks.dtype)) == ("RGB", (32, 32, 3), "uint8")
    assert time.thread_time() - began < LIMIT


def test_the_fuzzing_finds_what_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(data: bytes, _: images.How) -> object:
        raise {b"1": RuntimeError("no frame"), b"2": ImageError("Damaged."), b"3": MemoryError()}[data]

    tally = fuzz_images.Tally()
    tally.add(fuzz_images.outcome(0, SEEDS[0], "crop"))
    monkeypatch.setattr(images, "load", stumble)
    for number, data in enumerate((b"1", b"2", b"3"), 1):
        tally.add(fuzz_images.outcome(number, data, "crop"))
    assert [outcome.number for outcome in tally.wrong] == [1, 2, 3]
    with pytest.raises(CifarLabError, match=r"^3 files gave something else or cost too much"):
        tally.show("")


def test_guided_fuzzing_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    with pytest.raises(CifarLabError, match=r"^This needs atheris, which is not installed: pip install"):
        fuzz_images_guided.main(minutes=0)


def test_the_damage_reaches_both_ends() -> None:
    found = [outcome.what for outcome in fuzz_images.outcomes(0, 200)]
    assert 20 < found.count("picture") < 180
