"""A user's picture, whatever it is, as the square array that a network sees, or as one `ImageError` sentence.

An upload is hostile until decoded: its content decides what it is, never its name; its size is read from
the header before any pixel is decoded; decoding stops where it would take a second or 200 MB; whatever a
decoder raises reaches the user as one sentence.
"""

import base64
import contextlib
import io
import re
import threading
import time
import warnings
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, features

from cifar_core import picture_files
from cifar_core.errors import ImageError

How = Literal["crop", "whole"]

SIZE = 32
MAX_BYTES = 20 * 1024**2
MAX_PIXELS = 64_000_000
_MAX_SIDE = 65_535  # JPEG's own limit; Pillow pays for each row, however short
_MAX_JPEG_SCANS = 64  # ten are usual; one of 90 bytes costs a pass over every pixel, 20 MB of them hours
_MAX_COMMENTS = 1_000  # in a picture written as text, of which Pillow cuts out each by copying all the rest
_MAX_SECONDS = 1.0  # of the processor; a photo of 12 megapixels takes a tenth
_MAX_MEMORY = 200_000_000
_BAND_PIXELS = 1_000_000  # brought to RGB at a time
LEAST_SIDE = 0.1  # of a `Square`: what is left of a large photo still has a pixel for each of the network's
WORKING_SIDE = 512  # what is left of the shorter side: 16 pixels for each one of the network's

# Decoders of still pictures only, never one for documents, fonts or video.
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]
SUFFIXES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "pgm"]
if features.check("avif"):
    FORMATS.append("AVIF")
    SUFFIXES.append("avif")

# Bytes a pixel that decoders hold besides the picture itself, as measured. TIFF may come in one piece, of 16
# bits a channel; a JPEG in several scans is all coefficients, two bytes a channel, until the last one.
_DECODER_BYTES = {"WEBP": 12.0, "AVIF": 5.0, "TIFF": 8.0}
_SCAN = re.compile(
    rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)"
)  # whole, as two bytes occur by chance
_PART_OF_CHANNELS = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02)")

# One picture at a time, for the memory; and swapping the warning filters is not thread-safe.
_decoding = threading.Lock()

_TOO_LARGE = f"This picture has over {MAX_PIXELS:,} pixels or a side over {_MAX_SIDE:,}; save it smaller."
_TOO_HEAVY = "This picture takes too much {} to decode; save it smaller, or again as JPEG or PNG."
_HEIC = "This is a HEIC photo or a video, which cannot be read here; save it as JPEG or PNG."
_DAMAGED = "This file is not a picture, or it is damaged or cut off; save it again as JPEG or PNG."


def read(source: bytes | Path) -> Image.Image:
    """Decode a picture: upright, RGB, transparency over white, the first frame of an animation.

    Parameters
    ----------
    source : bytes or Path
        A picture file's content, at most `MAX_BYTES`, or where it is. Its name does not matter.

    Returns
    -------
    PIL.Image.Image
        RGB, 8 bits a channel, without metadata, from 1×1 up. A large picture comes back shrunk by a whole
        factor, its shorter side no less than 512 pixels.

    Raises
    ------
    ImageError
        The file is missing, empty, too large, damaged or not a picture in one of `FORMATS`.
    """
    data = _content(source) if isinstance(source, Path) else source
    if not data:
        raise ImageError("This file is empty; choose another one.")
    if len(data) > MAX_BYTES:
        raise ImageError(f"This file is larger than {MAX_BYTES // 1024**2} MB; save the picture smaller.")
    with _decoding, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata; its size limit is ours, below
        try:
            return _decode(data)
        except ImageError:
            raise
        except Image.DecompressionBombError as error:
            raise ImageError(_TOO_LARGE) from error
        except Exception as error:  # a damaged file makes decoders stumble in every possible way
            # HEIC, the iPhone's own format, is a relative of AVIF that Pillow brings no decoder for.
            heic = data[4:8] == b"ftyp" and data[8:11] != b"avi"
            raise ImageError(_HEIC if heic else _DAMAGED) from error


def square(image: Image.Image) -> Image.Image:
    """Cut the largest square out of the middle of an RGB picture of any size."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


class Square(NamedTuple):
    """A square within a picture of any size, in shares of it, so that it fits the picture at every size.

    Attributes
    ----------
    left, top
        How far it is from the left and from the top, as shares of the picture's width and height, 0 to 1.
    side
        How long its side is, as a share of the picture's shorter side, `LEAST_SIDE` to 1.
    """

    left: float
    top: float
    side: float

    @property
    def possible(self) -> bool:
        """Whether its numbers are in their ranges, as NaN is in none."""
        return 0 <= self.left <= 1 and 0 <= self.top <= 1 and LEAST_SIDE <= self.side <= 1


def cut_out(image: Image.Image, place: Square) -> Image.Image:
    """Cut a square out of an RGB picture of any size.

    Where it reaches beyond the right or the lower edge, it is moved back; at least one pixel is left. Raises
    ValueError for a square that is not possible.
    """
    if not place.possible:
        raise ValueError(f"There is no such square within a picture: {place}.")
    side = max(round(place.side * min(image.size)), 1)
    left = min(round(place.left * image.width), image.width - side)
    top = min(round(place.top * image.height), image.height - side)
    return image.crop((left, top, left + side, top + side))


def to_array(image: Image.Image, how: How = "crop", side: int = SIZE) -> npt.NDArray[np.uint8]:
    """Reduce an RGB picture of any size to what the network sees.

    Returns
    -------
    ndarray of uint8, shape [S, S, 3]
        RGB, 0 to 255, of `side` pixels: the middle of the picture, or the "whole" of it, stretched; a picture
        of that size comes through bit for bit.
    """
    # Between bars of CIFAR-10's mean colour two models got 7 points fewer right of pictures of 4:3 and 41 of
    # 2:1 than of the images in their middle, stretched 4 and 26: networks rather see a thing distorted than
    # small (`benchmarks/resizing.py`).
    if how == "crop":
        image = square(image)
    # Hamming averages areas like BOX and does not ring like Lanczos, but also weighs pixels evenly where 32
    # does not divide the side: BOX would give a 48×48 picture alternately one and two pixels a cell. Of 2,000
    # images enlarged in five ways, two models got 2.3 points fewer right than of the images themselves, with
    # Lanczos 2.0, BOX 2.2, bicubic 2.3, bilinear 4.2, nearest 56 where there was grain: the first four are
    # about as good as each other (`benchmarks/resizing.py`).
    method = Image.Resampling.HAMMING if max(image.size) > side else Image.Resampling.BICUBIC
    return np.array(image.resize((side, side), method), dtype=np.uint8)


def load(
    source: bytes | Path, how: How = "crop", side: int = SIZE
) -> tuple[Image.Image, npt.NDArray[np.uint8]]:
    """Read a picture for showing and for classifying; raises `ImageError` as `read` does.

    Returns
    -------
    picture : PIL.Image.Image
        The whole picture, upright, RGB, at most 512 pixels on its longer side.
    array : ndarray of uint8, shape [S, S, 3]
        What the network sees, RGB, 0 to 255, as `to_array` makes it.
    """
    picture = read(source)
    array = to_array(picture, how, side)
    picture.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return picture, array


def to_png(array: npt.NDArray[np.uint8], scale: int = 1) -> bytes:
    """Encode uint8 RGB [H, W, 3] as a PNG file of H·scale by W·scale pixels, each pixel a crisp block."""
    file = io.BytesIO()
    Image.fromarray(array.repeat(scale, axis=0).repeat(scale, axis=1)).save(file, "PNG")
    return file.getvalue()


def to_jpeg(picture: Image.Image, side: int = WORKING_SIDE) -> bytes:
    """Encode an RGB picture as a small JPEG file for showing, its longer side at most `side` pixels."""
    file = io.BytesIO()
    smaller = picture.copy()
    smaller.thumbnail((side, side))
    smaller.save(file, "JPEG", quality=85)
    return file.getvalue()


def data_url(file: bytes, kind: Literal["jpeg", "png"]) -> str:
    """Return a picture file as an address that holds all of it."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def augmented(array: npt.NDArray[np.uint8], count: int, seed: int, shift: int = 2) -> npt.NDArray[np.uint8]:
    """Show what training makes of a picture: mirrored in every other epoch, shifted, the border reflected.

    Parameters
    ----------
    array : ndarray of uint8, shape [H, W, 3]
        A picture.
    count, seed, shift
        How many epochs to show, what fixes the shifts, and their most pixels either way.

    Returns
    -------
    ndarray of uint8, shape [count, H, W, 3]
    """
    height, width = array.shape[:2]
    padded = np.pad(array, ((shift, shift), (shift, shift), (0, 0)), mode="reflect")
    offsets = np.random.default_rng(seed).integers(0, 2 * shift + 1, size=(count, 2))
    windows = [padded[top : top + height, left : left + width] for top, left in offsets]
    return np.stack([window[:, ::-1] if epoch % 2 else window for epoch, window in enumerate(windows)])


def _content(path: Path) -> bytes:
    try:
        if path.is_file():  # a pipe or a device might never end
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImageError(f"{path} cannot be read; check its name and permissions.") from error
    raise ImageError(f"There is no file {path}; check its name.")


class _Timed(io.BytesIO):
    """A file that cannot be read any more once its reader has computed for too long.

    Pillow walks through markers, chunks and comments in Python, and 20 MB can hold millions of them.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._end = time.thread_time() + _MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._end:
            raise ImageError(_TOO_HEAVY.format("time"))
        return super().read(size)


def _decode(data: bytes) -> Image.Image:
    if data[:2] in (b"P1", b"P2", b"P3") and data.count(b"#") > _MAX_COMMENTS:
        raise ImageError(_TOO_HEAVY.format("time"))
    data, turned = picture_files.bare(data)
    with Image.open(_Timed(data), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS or max(image.size) > _MAX_SIDE:
            raise ImageError(_TOO_LARGE)
        jpeg = image.format == "JPEG"
        if jpeg and len(_SCAN.findall(data)) > _MAX_JPEG_SCANS:
            raise ImageError(_DAMAGED)
        if image.format == "PNG" and "transparency" in image.info:
            # Pillow brings pixels to 8 bits, but leaves the colour that is transparent at the file's depth.
            colour, stored = image.info["transparency"], image.tile[0].args
            if stored == "RGB;16B":
                image.info["transparency"] = tuple(value >> 8 for value in colour)
            elif stored in ("L;2", "L;4"):
                image.info["transparency"] = colour * (85 if stored == "L;2" else 17)
        held = _DECODER_BYTES.get(image.format or "", 1.5) * image.width * image.height
        if jpeg:
            several = "progressive" in image.info or _PART_OF_CHANNELS.search(data)
            held = 2 * len(image.getbands()) * image.width * image.height if several else 0
        image.draft(None, (WORKING_SIDE, WORKING_SIDE))  # lets JPEG skip detail that nobody will see
        factor = max(1, min(image.size) // WORKING_SIDE)
        # The picture itself, and twice what it is reduced to.
        if held + image.width * image.height * (4 + 8 / factor**2) > _MAX_MEMORY:
            raise ImageError(_TOO_HEAVY.format("memory"))
        image.load()
        picture = _reduced(image, factor)
        picture.info = {} if turned else image.info
    if turned:
        picture.getexif()[picture_files.ORIENTATION] = turned
    with contextlib.suppress(Exception):  # a picture with damaged metadata is still a picture
        ImageOps.exif_transpose(picture, in_place=True)
    picture.info = {}
    return picture.copy()  # which leaves behind what Pillow remembers of the EXIF data


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """Average cells of factor·factor pixels, as RGB."""
    if image.mode in ("L", "RGB", "CMYK", "I", "F") and not image.has_transparency_data:
        return _rgb(image.reduce(factor))
    # What has to become RGB first does so a band at a time, which saves memory.
    picture = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = factor * max(1, _BAND_PIXELS // (factor * image.width))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        picture.paste(_rgb(band).reduce(factor), (0, top // factor))
    return picture


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey(image).convert("RGB")
    if image.has_transparency_data:
        if image.mode != "RGBA":
            image = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        picture = Image.new("RGB", image.size, "white")
        picture.paste(image, mask=image)
        return picture
    return image if image.mode == "RGB" else image.convert("RGB")


def _grey(image: Image.Image) -> Image.Image:
    """Bring grey of 16 or 32 bits, which Pillow would clip at 255, to 8 bits."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        grey = (values >> 8).astype(np.uint8)  # the high byte, as Pillow does for 16-bit colour
        grey[values == image.info.get("transparency")] = 255
        return Image.fromarray(grey)
    # No standard says which number is white: take the usual ranges at their word, stretch any other.
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    usual = (1, 255, 65535) if image.mode == "F" else (65535,)
    low, high = next(((0, white) for white in usual if 0 <= low <= high <= white), (low, high))
    scaled = (values.astype(np.float64) - low) * (255 / ((high - low) or 1))
    scaled = np.nan_to_num(scaled, nan=0, posinf=255, neginf=0).clip(0, 255)
    return Image.fromarray(scaled.round().astype(np.uint8))
