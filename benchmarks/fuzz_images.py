"""Does any damaged file do more than give a picture or one sentence, or take too much time or memory?

    python -m benchmarks.fuzz_images [--minutes 10] [--first 0]

Damages a small file of every accepted format at random and decodes it, in a process of its own, which a crash
of a decoder ends. A file's number decides all of it: `--first N --minutes 0` repeats the hundred from there.
`benchmarks.fuzz_images_guided` breeds its files instead, by the ways they take through Pillow's Python.
Times are the processor's; the memory is what a file adds at its peak, which only Linux tells.
"""

import concurrent.futures
import io
import itertools
import multiprocessing
import os
import random
import re
import struct
import time
import zlib
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from PIL import Image, features
from rich.progress import TimeElapsedColumn

from benchmarks.measure import command, show
from cifar_core import formats, images
from cifar_core.cli import console
from cifar_core.errors import CifarLabError, ImageError

BATCH = 100
MAX_SECONDS = 1.5  # a decoder looks at the clock when it reads, and the picture must still be shrunk
MAX_MEMORY = 200_000_000
HANGS = 120.0  # seconds after which a batch is given up


class Outcome(NamedTuple):
    """What became of a file: its number, what came out, what it cost, and whether all of that is allowed."""

    number: int
    what: str
    seconds: float
    memory: int
    allowed: bool


class Tally:
    """What came out so far, and which files were the slowest, the hungriest and the wrong ones."""

    def __init__(self) -> None:
        self.what = Counter[str]()
        self.slowest = self.hungriest = Outcome(0, "", 0.0, 0, True)
        self.wrong: list[Outcome] = []

    @property
    def files(self) -> int:
        """How many files were decoded."""
        return self.what.total()

    def add(self, outcome: Outcome) -> None:
        """Count a file."""
        self.what[outcome.what] += 1
        self.slowest = max(self.slowest, outcome, key=lambda item: item.seconds)
        self.hungriest = max(self.hungriest, outcome, key=lambda item: item.memory)
        if not outcome.allowed:
            self.wrong.append(outcome)

    def show(self, title: str, *notes: str) -> None:
        """Print what came out; CifarLabError if any of it is not allowed."""
        show(
            title,
            ["what came out", "files"],
            [[words, formats.count(number)] for words, number in self.what.most_common()],
            {},
            [
                f"The slowest, file {self.slowest.number}, took {self.slowest.seconds:.2f} s; the hungriest, "
                f"file {self.hungriest.number}, {formats.size_in_bytes(self.hungriest.memory)}.",
                *notes,
            ],
        )
        if self.wrong:
            raise CifarLabError(
                f"{len(self.wrong)} files gave something else or cost too much, the first of them "
                f"{self.wrong[0]}."
            )


def seeds() -> list[bytes]:
    """Return a small file of every accepted format, with what makes decoders branch."""
    exif = Image.Exif()
    exif[0x0112] = 6
    detail = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8))
    grey = np.linspace(0, 1, 300, dtype=np.float32).reshape(15, 20)
    frames = [Image.new("RGB", detail.size, colour) for colour in ("blue", "green")]

    def encode(image: Image.Image, form: str, **options: object) -> bytes:
        file = io.BytesIO()
        image.save(file, form, **options)
        return file.getvalue()

    return [
        encode(detail, "JPEG", exif=exif),
        encode(detail, "JPEG", progressive=True),
        encode(detail, "MPO", save_all=True, append_images=frames),
        encode(detail.convert("CMYK"), "JPEG"),
        encode(detail, "PNG", exif=exif),
        encode(detail, "PNG", save_all=True, append_images=frames),
        encode(detail.convert("P"), "PNG", transparency=b"\0\x80\xff"),
        encode(detail, "GIF", save_all=True, append_images=frames, transparency=3, comment="a"),
        encode(detail.convert("RGBA"), "WEBP", save_all=True, append_images=frames),
        encode(detail, "WEBP", exif=exif),
        encode(detail, "BMP"),
        encode(detail.convert("P"), "BMP"),
        encode(detail, "TIFF", compression="tiff_lzw", exif=exif),
        encode(detail, "TIFF", compression="jpeg"),
        encode(Image.fromarray(grey), "TIFF"),
        encode(detail.convert("1"), "TIFF", compression="group4"),
        encode(detail, "PPM"),
        b"P3\n# text\n2 1\n255\n255 0 0 0 0 255\n",
        *([encode(detail, "AVIF")] if features.check("avif") else []),
    ]


def damaged(data: bytes, generator: random.Random) -> bytes:
    """Change a file in one to eight places, mostly in its header; half of the PNG files stay consistent."""
    content = bytearray(data)
    for _ in range(generator.choice((1, 2, 8))):
        # Headers are short beside pixels, and more goes wrong there.
        at = generator.randrange(min(len(content), generator.choice((40, 200, len(content)))) or 1)
        match generator.randrange(6):
            case 0:
                content[at : at + 1] = bytes([generator.choice((0, 1, 0x7F, 0x80, 0xFF))])
            case 1:
                content[at : at + 1] = bytes([generator.randrange(256)])
            case 2:
                del content[at : at + generator.randrange(1, 9)]
            case 3:
                content[at:at] = generator.randbytes(generator.randrange(1, 9))
            case 4:  # a size, perhaps
                form = generator.choice(("<H", ">H", "<I", ">I"))
                number = struct.pack(form, generator.choice((0, 1, 4_000, 8_000, 65_535)))
                content[at : at + len(number)] = number
            case 5:  # the same again, often
                piece = bytes(content[at : at + generator.randrange(1, 40)])
                content[at:at] = piece * generator.choice((1, 2, 100, 10_000))
    return _consistent(bytes(content)) if generator.random() < 0.5 else bytes(content)


def _consistent(data: bytes) -> bytes:
    """Correct the check sums of a PNG file, without which no decoder looks any further."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        parts.append(data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body)))
        at += 12 + length
    return b"".join(parts)


def warm_up() -> None:
    """Load the decoders, which they are at their first use; that is not to be counted."""
    for original in seeds():
        images.load(original)


def outcomes(first: int, count: int) -> list[Outcome]:
    """Decode the files with these numbers."""
    originals = seeds()
    warm_up()
    found = []
    for number in range(first, first + count):
        generator = random.Random(number)
        data = damaged(originals[number % len(originals)], generator)
        found.append(outcome(number, data, generator.choice(("crop", "whole"))))
    return found


def outcome(number: int, data: bytes, how: images.How) -> Outcome:
    """Decode one file."""
    before, began = _forget_peak(), time.thread_time()
    try:
        picture, looks = images.load(data, how)
        what = "picture"
        allowed = picture.mode == "RGB" and looks.shape[1:] == (32, 32, 3)
        picture.close()
    except ImageError as error:
        what, allowed = str(error), re.fullmatch(r"This \w+ .{20,110}\.", str(error)) is not None
    except BaseException as error:
        what, allowed = f"{type(error).__name__}: {error}", False
    seconds, memory = time.thread_time() - began, max(_memory("VmHWM") - before, 0)
    return Outcome(number, what, seconds, memory, allowed and seconds <= MAX_SECONDS and memory <= MAX_MEMORY)


def _be_quiet() -> None:
    """Let nobody hear what libtiff says of each damaged row, past Python's own `sys.stderr`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _forget_peak() -> int:
    """Begin a new peak of memory, and return what is held now."""
    control = Path("/proc/self/clear_refs")
    if control.exists():
        control.write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    found = re.search(rf"{name}:\s*(\d+) kB", status.read_text())
    return int(found[1]) * 1024 if found else 0


def main(
    minutes: Annotated[float, typer.Option(min=0, help="How long to go on.")] = 10,
    first: Annotated[int, typer.Option(min=0, help="The number of the first file.")] = 0,
) -> None:
    """Decode damaged pictures until the time is up, and say what came out."""
    end = time.monotonic() + 60 * minutes
    tally = Tally()
    context = multiprocessing.get_context("spawn")
    with (
        concurrent.futures.ProcessPoolExecutor(1, mp_context=context, initializer=_be_quiet) as pool,
        console.progress(TimeElapsedColumn()) as bar,
    ):
        task = bar.add_task("files", total=None)
        for start in itertools.count(first, BATCH):
            try:
                found = pool.submit(outcomes, start, BATCH).result(HANGS)
            except (BrokenProcessPool, TimeoutError) as error:
                kind = "hangs" if isinstance(error, TimeoutError) else "crashes"
                for process in (pool._processes or {}).values():
                    process.kill()
                raise CifarLabError(
                    f"A decoder {kind}: one of the files {start} to {start + BATCH - 1}."
                ) from error
            for item in found:
                tally.add(item)
            bar.update(task, description=f"{tally.files:,} files, {len(tally.wrong)} wrong")
            if time.monotonic() >= end:
                break
    tally.show(f"Damaged pictures, files {first} to {first + tally.files - 1}")


if __name__ == "__main__":
    command(main)
