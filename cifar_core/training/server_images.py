"""`cifar_core.images` in TensorFlow's operations, for a server that has no Python: file to array.

The arithmetic is Pillow's, integer for integer: JPEG's scaled decoding, the reduction by a whole factor,
transparency over white, EXIF's orientation, the centre crop and the resampling in two passes, each rounded to
8 bits. So the network sees the very bytes that it sees in the app. The sources are Pillow's Reduce.c,
Resample.c, Paste.c and JpegImagePlugin.py.

Equal bit for bit: JPEG in grey or colour, baseline or progressive, of any size, and PNG of every kind. Not
quite: CMYK JPEG, which TensorFlow brings to RGB by a formula that rounds otherwise, to within 1 of 255 a
pixel; and a picture whose orientation stands in XMP only, which stays as it is. Other formats are refused.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from cifar_core import images
from cifar_core.images import MAX_PIXELS

_BITS = 22  # of a weight's fraction, Resample.c's PRECISION_BITS
_ORIENTATION, _SHORT = 0x0112, 3  # TIFF's tag, and its type for two bytes


def decode_all(files: tf.Tensor, side: int) -> tf.Tensor:
    """Decode picture files, string [N], to what a network of pictures of `side` sees, uint8 [N, S, S, 3]."""
    pixels = tf.TensorSpec([side, side, 3], tf.uint8)
    return tf.map_fn(lambda data: decode(data, side), files, fn_output_signature=pixels)


@tf.function
def decode(data: tf.Tensor, side: int) -> tf.Tensor:
    """Decode one JPEG or PNG file, a scalar string, to uint8 [S, S, 3]; an invalid argument otherwise."""
    content = tf.io.decode_raw(data, tf.uint8)
    jpeg = tf.io.is_jpeg(data)
    picture, exif = tf.cond(
        jpeg,
        lambda: (_decode_jpeg(data), _exif_in_jpeg(content)),
        lambda: (_decode_png(data, content), _exif_in_png(content)),
    )
    shape = tf.shape(picture)
    picture = _reduce(picture, tf.maximum(1, tf.minimum(shape[0], shape[1]) // images.WORKING_SIDE))
    return _resize(_crop(_upright(picture, _orientation(content, exif))), side)


def _decode_jpeg(data: tf.Tensor) -> tf.Tensor:
    shape = tf.io.extract_jpeg_shape(data)
    with tf.control_dependencies([_check_size(shape[1], shape[0])]):
        data = tf.identity(data)

    def at(ratio: int) -> Any:
        # TensorFlow's default is the fast, coarse transform; Pillow's is this one.
        return lambda: tf.io.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    scale = tf.minimum(shape[0], shape[1]) // images.WORKING_SIDE
    step = tf.reduce_sum(tf.cast(scale >= [2, 4, 8], tf.int32))  # as Image.draft chooses
    return tf.switch_case(step, [at(1), at(2), at(4), at(8)])


def _decode_png(data: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    is_png = tf.strings.substr(data, 0, 8) == b"\x89PNG\r\n\x1a\n"
    told = tf.debugging.Assert(is_png, ["This is neither a JPEG nor a PNG file."])
    with tf.control_dependencies([told, _check_size(_number(content, 16, 4), _number(content, 20, 4))]):
        pixels = tf.io.decode_png(data, channels=4)
    colour, alpha = pixels[..., :3], pixels[..., 3:]
    # Grey knows no shades of transparency; TensorFlow gives less than 255 to opaque grey of 1, 2 and 4 bits.
    alpha = tf.where((_number(content, 25, 1) == 0) & (alpha > 0), tf.constant(255, tf.uint8), alpha)
    return tf.cond(tf.reduce_all(alpha == 255), lambda: colour, lambda: _over_white(colour, alpha))


def _over_white(colour: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    colour, alpha = tf.cast(colour, tf.uint16), tf.cast(alpha, tf.uint16)
    mixed = 255 * (255 - alpha) + colour * alpha + 128
    return tf.cast(tf.bitwise.right_shift(mixed + mixed // 256, tf.cast(8, tf.uint16)), tf.uint8)


def _check_size(width: tf.Tensor, height: tf.Tensor) -> tf.Operation:
    pixels = tf.cast(width, tf.int64) * tf.cast(height, tf.int64)
    fits = (pixels > 0) & (pixels <= MAX_PIXELS)
    return tf.debugging.Assert(fits, [f"This picture has over {MAX_PIXELS:,} pixels; save it smaller."])


def _reduce(picture: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Average cells of factor·factor pixels, fewer at the right and the bottom, as Image.reduce does."""
    if factor == 1:
        return picture
    rows, row_sizes = _sum_groups(picture, factor)
    columns, column_sizes = _sum_groups(tf.transpose(rows, [1, 0, 2]), factor)
    sums = tf.transpose(columns, [1, 0, 2])
    pixels = (row_sizes[:, None] * column_sizes[None, :])[..., None]
    return tf.cast((sums + pixels // 2) * (2**24 // pixels) // 2**24, tf.uint8)  # float64 holds it exactly


def _sum_groups(values: tf.Tensor, factor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum every `factor` rows: float64 [ceil(H / factor), W, 3], and how many rows each sum is of."""
    height = tf.shape(values)[0]
    groups = (height + factor - 1) // factor
    padded = tf.pad(values, [[0, groups * factor - height], [0, 0], [0, 0]])
    total = tf.cast(padded[::factor], tf.float64)
    for offset in tf.range(1, factor):  # a slice at a time: all of the picture in float64 would be large
        total += tf.cast(padded[offset::factor], tf.float64)
    sizes = tf.minimum(height - tf.range(groups) * factor, factor)
    return total, tf.cast(sizes, tf.float64)


def _upright(picture: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turn and mirror a picture as EXIF's orientation, 1 to 8, says."""
    if orientation >= 5:
        picture = tf.transpose(picture, [1, 0, 2])
    if tf.reduce_any(orientation == [2, 3, 6, 7]):
        picture = tf.reverse(picture, [1])
    if tf.reduce_any(orientation == [3, 4, 7, 8]):
        picture = tf.reverse(picture, [0])
    return picture


def _crop(picture: tf.Tensor) -> tf.Tensor:
    height, width = tf.unstack(tf.shape(picture)[:2])
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def _resize(square: tf.Tensor, side: int) -> tf.Tensor:
    weights = _resampling(tf.shape(square)[0], side)
    rows = _round(tf.einsum("hwc,ow->hoc", tf.cast(square, tf.float64), weights))
    pixels = _round(tf.einsum("hwc,oh->owc", rows, weights))
    return tf.ensure_shape(tf.cast(pixels, tf.uint8), [side, side, 3])


def _round(sums: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(tf.floor((sums + 2 ** (_BITS - 1)) / 2**_BITS), 0, 255)


def _resampling(given: tf.Tensor, side: int) -> tf.Tensor:
    """Return Pillow's weights from `given` pixels to `side`, times 2²² and rounded: float64 [side, given].

    Whole numbers, whose sums float64 holds exactly. Hamming shrinks and bicubic enlarges, as in the app.
    """
    shrinks = given > side
    scale = tf.cast(given, tf.float64) / side
    stretch = tf.maximum(scale, 1)
    support = tf.where(shrinks, tf.constant(1, tf.float64), 2) * stretch
    centre = (tf.range(side, dtype=tf.float64)[:, None] + 0.5) * scale
    first = tf.maximum(0, tf.cast(centre - support + 0.5, tf.int32))
    end = tf.cast(centre + support + 0.5, tf.int32)
    at = tf.range(given)[None, :]
    distance = tf.abs((tf.cast(at, tf.float64) - centre + 0.5) / stretch)
    weights = tf.where(shrinks, _hamming(distance), _bicubic(distance))
    weights = tf.where((at >= first) & (at < end), weights, 0)
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    return tf.sign(weights) * tf.floor(tf.abs(weights) * 2**_BITS + 0.5)


def _hamming(x: tf.Tensor) -> tf.Tensor:
    angle = tf.where(x == 0, tf.ones_like(x), x) * np.pi
    window = tf.sin(angle) / angle * (0.54 + 0.46 * tf.cos(angle))
    return tf.where(x == 0, tf.ones_like(x), tf.where(x < 1, window, 0))


def _bicubic(x: tf.Tensor) -> tf.Tensor:
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return tf.where(x < 1, near, tf.where(x < 2, far, 0))


def _orientation(content: tf.Tensor, exif: tf.Tensor) -> tf.Tensor:
    """Read the orientation from the EXIF data that begin at `exif`; 1, upright, where there is none."""
    little = _number(content, exif, 1) == ord("I")
    directory = exif + _number(content, exif + 4, 4, little)
    count = tf.minimum(_number(content, directory, 2, little), 1_000)
    entries = directory + 2 + 12 * tf.range(count)
    wanted = (_number(content, entries, 2, little) == _ORIENTATION) & (
        _number(content, entries + 2, 2, little) == _SHORT
    )
    values = tf.boolean_mask(_number(content, entries + 8, 2, little), wanted)
    value = tf.concat([values, [1]], 0)[0]
    return tf.where((exif > 0) & (value >= 1) & (value <= 8), value, 1)


def _exif_in_jpeg(content: tf.Tensor) -> tf.Tensor:
    """Return where the EXIF data of a JPEG file begin, int64; 0 if there are none."""
    found, at = tf.constant(0, tf.int64), tf.constant(2, tf.int64)
    # A file is a list of segments: ff, kind, length; the picture itself begins with a segment of kind da.
    while found == 0 and _number(content, at, 1) == 0xFF and _number(content, at + 1, 1) != 0xDA:
        if _number(content, at + 1, 1) == 0xE1 and _number(content, at + 4, 4) == _letters("Exif"):
            found = at + 10
        at += 2 + _number(content, at + 2, 2)
    return found


def _exif_in_png(content: tf.Tensor) -> tf.Tensor:
    """Return where the EXIF data of a PNG file begin, int64; 0 if there are none."""
    found, at = tf.constant(0, tf.int64), tf.constant(8, tf.int64)
    while found == 0 and at < tf.size(content, tf.int64):  # chunks: length, kind, content, checksum
        if _number(content, at + 4, 4) == _letters("eXIf"):
            found = at + 8
        at += 12 + _number(content, at, 4)
    return found


def _letters(text: str) -> int:
    return int.from_bytes(text.encode(), "big")


def _number(content: tf.Tensor, at: Any, size: int, little: Any = False) -> tf.Tensor:
    """Read unsigned numbers of `size` bytes, int64, of the shape of `at`; what lies outside reads as 0."""
    places = tf.cast(at, tf.int64)[..., None] + tf.range(size, dtype=tf.int64)
    inside = places < tf.size(content, tf.int64)
    digits = tf.where(inside, tf.cast(tf.gather(content, tf.where(inside, places, 0)), tf.int64), 0)
    powers = [256**place for place in range(size)]
    weights = tf.where(little, tf.constant(powers, tf.int64), tf.constant(powers[::-1], tf.int64))
    return tf.reduce_sum(digits * weights, axis=-1)
