"""`cifar_core.images` in TensorFlow's operations, for a server that has no Python: file to array.

The arithmetic is Pillow's, integer for integer: JPEG's scaled decoding, the reduction by a whole factor,
transparency over white, EXIF's orientation, the centre crop and the resampling in two passes, each rounded to
8 bits. So the network sees the very bytes that it sees in the app. The sources are Pillow's Reduce.c,
Resample.c, Paste.c and JpegImagePlugin.py. What of a file counts, `cifar_core.picture_files` decides.

Equal bit for bit: JPEG in grey or colour, baseline or progressive, and PNG of every colour type and depth,
interlaced or not, of any size. Refused in a sentence, though the app reads them: all other formats; JPEG in
CMYK, whose colours TensorFlow rounds otherwise; PNG of 16 bits a channel with one transparent colour; files
that end before their last checksum. Read though the app calls it damaged: PNG whose transparency has a wrong
checksum.
"""

from typing import Any

import tensorflow as tf

from cifar_core import images, picture_files
from cifar_core.images import MAX_PIXELS

_BITS = 22  # of a weight's fraction, Resample.c's PRECISION_BITS


LOOKS = 2  # at each picture: its middle and the whole, the same where it is square


def decode_all(files: tf.Tensor, side: int) -> tf.Tensor:
    """Decode picture files, string [N], to what a network of this side sees, uint8 [N, 2, S, S, 3]."""
    pixels = tf.TensorSpec([LOOKS, side, side, 3], tf.uint8)
    return tf.map_fn(lambda data: decode(data, side), files, fn_output_signature=pixels)


@tf.function
def decode(data: tf.Tensor, side: int) -> tf.Tensor:
    """Decode one JPEG or PNG file, a scalar string, to uint8 [2, S, S, 3]; an invalid argument otherwise."""
    picture, exif = tf.cond(tf.io.is_jpeg(data), lambda: _decode_jpeg(data), lambda: _decode_png(data))
    shape = tf.shape(picture)
    picture = _reduce(picture, tf.maximum(1, tf.minimum(shape[0], shape[1]) // images.WORKING_SIDE))
    picture = _upright(picture, _orientation(exif))
    return tf.stack([_resize(_crop(picture), side), _resize(picture, side)])


def _decode_jpeg(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.io.extract_jpeg_shape(data)
    print_colours = tf.debugging.Assert(shape[2] <= 3, ["This JPEG is in CMYK, for print; save it as RGB."])
    with tf.control_dependencies([_check_size(shape[1], shape[0]), print_colours]):
        data = tf.identity(data)

    def at(ratio: int) -> Any:
        # TensorFlow's default is the fast, coarse transform; Pillow's is this one.
        return lambda: tf.io.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    scale = tf.minimum(shape[0], shape[1]) // images.WORKING_SIDE
    step = tf.reduce_sum(tf.cast(scale >= [2, 4, 8], tf.int32))  # as Image.draft chooses
    return tf.switch_case(step, [at(1), at(2), at(4), at(8)]), _exif_in_jpeg(data)


def _decode_png(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    content = tf.io.decode_raw(data, tf.uint8)
    is_png = (tf.strings.length(data) >= 33) & (tf.strings.substr(data, 0, 8) == picture_files.PNG)
    told = tf.debugging.Assert(is_png, ["This is neither a JPEG nor a PNG file."])
    with tf.control_dependencies([told, _check_size(_number(content, 16, 4), _number(content, 20, 4))]):
        palette, transparency, pixels, exif = tf.unstack(_parts_of_png(data, content))
    depth, colour = _number(content, 24, 1), _number(content, 25, 1)
    colours, length = (tf.strings.length(palette) - 12) // 3, tf.strings.length(transparency) - 12
    one_colour = ((colour == 0) & (length == 2)) | ((colour == 2) & (length == 6))
    see_through = one_colour | ((colour == 3) & (length > 0) & (length <= colours))
    known = (depth < 16) | (colour == 0) | ~see_through
    told = tf.debugging.Assert(known, ["This PNG has one transparent colour of 16 bits; save it with 8."])
    with tf.control_dependencies([told]):
        transparency = tf.where(see_through, transparency, b"")
    bare = tf.strings.join([tf.strings.substr(data, 0, 33), palette, transparency, pixels, picture_files.END])
    # Asked for an alpha channel that there is not, TensorFlow makes one of too small numbers.
    picture = tf.cond(
        see_through | (colour >= 4),
        lambda: _over_white(tf.io.decode_png(bare, channels=4)),
        lambda: tf.io.decode_png(bare, channels=3),
    )
    return picture, exif


def _over_white(picture: tf.Tensor) -> tf.Tensor:
    colour, alpha = tf.split(tf.cast(picture, tf.uint16), [3, 1], axis=-1)
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


def _resize(picture: tf.Tensor, side: int) -> tf.Tensor:
    height, width = tf.unstack(tf.shape(picture)[:2])
    shrinks = tf.maximum(height, width) > side
    by_row, by_column = _resampling(width, side, shrinks), _resampling(height, side, shrinks)

    def across(values: tf.Tensor) -> tf.Tensor:
        return _round(tf.einsum("hwc,ow->hoc", values, by_row))

    def down(values: tf.Tensor) -> tf.Tensor:
        return _round(tf.einsum("hwc,oh->owc", values, by_column))

    values = tf.cast(picture, tf.float64)
    # What shrinks more comes first, to save work; each pass rounds, so the order can be seen.
    if (height > side) & (height - side > 2 * (width - side)):
        pixels = across(down(values))
    else:
        pixels = down(across(values))
    return tf.ensure_shape(tf.cast(pixels, tf.uint8), [side, side, 3])


def _round(sums: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(tf.floor((sums + 2 ** (_BITS - 1)) / 2**_BITS), 0, 255)


def _resampling(given: tf.Tensor, side: int, shrinks: tf.Tensor) -> tf.Tensor:
    """Return Pillow's weights from `given` pixels to `side`, times 2²² and rounded: float64 [side, given].

    Whole numbers, whose sums float64 holds exactly. Bilinear if the picture shrinks, otherwise bicubic.
    """
    scale = tf.cast(given, tf.float64) / side
    stretch = tf.maximum(scale, 1)
    support = tf.where(shrinks, tf.constant(1, tf.float64), 2) * stretch
    centre = (tf.range(side, dtype=tf.float64)[:, None] + 0.5) * scale
    first = tf.maximum(0, tf.cast(centre - support + 0.5, tf.int32))
    end = tf.cast(centre + support + 0.5, tf.int32)
    at = tf.range(given)[None, :]
    distance = tf.abs((tf.cast(at, tf.float64) - centre + 0.5) / stretch)
    weights = tf.where(shrinks, tf.maximum(1 - distance, 0), _bicubic(distance))
    weights = tf.where((at >= first) & (at < end), weights, 0)
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    return tf.sign(weights) * tf.floor(tf.abs(weights) * 2**_BITS + 0.5)


def _bicubic(x: tf.Tensor) -> tf.Tensor:
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return tf.where(x < 1, near, tf.where(x < 2, far, 0))


def _orientation(exif: tf.Tensor) -> tf.Tensor:
    """Read the orientation from EXIF data, a string, as `picture_files.orientation` does."""
    content = tf.io.decode_raw(exif + b"\0", tf.uint8)  # never nothing, of which no number can be read
    start = tf.where(_number(content, 0, 6) == _letters("Exif\0\0"), tf.constant(6, tf.int64), 0)
    little = _number(content, start, 1) == ord("I")
    directory = start + _number(content, start + 4, 4, little)
    count = tf.minimum(_number(content, directory, 2, little), picture_files.MAX_ENTRIES)
    entries = directory + 2 + 12 * tf.range(count)
    kinds = _number(content, entries + 2, 2, little)
    wanted = (
        (_number(content, entries, 2, little) == picture_files.ORIENTATION)
        & ((kinds == 3) | (kinds == 4))
        & (_number(content, entries + 4, 4, little) == 1)
    )
    short, long = _number(content, entries + 8, 2, little), _number(content, entries + 8, 4, little)
    value = tf.concat([tf.boolean_mask(tf.where(kinds == 3, short, long), wanted), [1]], 0)[0]
    return tf.where((value >= 1) & (value <= 8), value, 1)


def _exif_in_jpeg(data: tf.Tensor) -> tf.Tensor:
    """Return the EXIF data of a JPEG file, a string; "" if there are none."""
    content = tf.io.decode_raw(data, tf.uint8)
    exif, at, pieces = tf.constant(b""), tf.constant(2, tf.int64), tf.constant(0)
    # A file is a list of segments: ff, kind, length; the picture itself begins with a segment of kind da.
    while (
        pieces < picture_files.MAX_PIECES
        and at + 2 <= tf.size(content, tf.int64)
        and _number(content, at, 2) != 0xFFDA
    ):
        kind, length = _number(content, at + 1, 1), _number(content, at + 2, 2)
        fills = (_number(content, at, 1) != 0xFF) | (kind == 0xFF)
        alone = (kind <= 1) | ((kind >= 0xD0) & (kind <= 0xD9))
        if not fills and kind == 0xE1 and _number(content, at + 4, 6) == _letters("Exif\0\0"):
            exif += tf.strings.substr(data, at + 10, tf.maximum(length - 8, 0))
        at += tf.where(fills, tf.constant(1, tf.int64), tf.where(alone, tf.constant(2, tf.int64), 2 + length))
        pieces += 1
    with tf.control_dependencies([_check_pieces(pieces)]):
        return tf.identity(exif)


def _parts_of_png(data: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    """Return a PNG file's palette, transparency and pixels, as chunks, and its EXIF data: string [4]."""
    wanted = tf.constant([_letters(kind) for kind in ("PLTE", "tRNS", "IDAT", "eXIf")], tf.int64)
    starts, ends = tf.zeros(4, tf.int64), tf.zeros(4, tf.int64)
    at, kind, pieces = tf.constant(8, tf.int64), tf.constant(0, tf.int64), tf.constant(0)
    while (
        pieces < picture_files.MAX_PIECES
        and at + 8 <= tf.size(content, tf.int64)
        and kind != _letters("IEND")
    ):
        length, kind = _number(content, at, 4), _number(content, at + 4, 4)  # then the content, a checksum
        headers = starts[2] == 0
        may = tf.stack([headers, headers & ((_number(content, 25, 1) != 3) | (starts[0] > 0)), True, True])
        new = may & (wanted == kind) & (starts == 0)
        more = (wanted == kind) & (ends == at) & [False, False, True, False]
        starts, ends = tf.where(new, at, starts), tf.where(new | more, at + 12 + length, ends)
        at += 12 + length
        pieces += 1
    around = tf.where([False, False, False, starts[3] > 0], tf.constant([8], tf.int64), 0)
    with tf.control_dependencies([_check_pieces(pieces)]):
        return tf.strings.substr(tf.repeat(data, 4), starts + around, ends - starts - around * 12 // 8)


def _check_pieces(pieces: tf.Tensor) -> tf.Operation:
    return tf.debugging.Assert(pieces < picture_files.MAX_PIECES, [picture_files.TOO_MANY])


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
