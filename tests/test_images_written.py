"""A picture as the network sees it, and as pages show it."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cifar_core import images
from tests.pictures import BLUE, RED, close, noise

# Square, shrink, enlarge


def test_crop_keeps_the_centre() -> None:
    image = Image.new("RGB", (90, 30), RED)
    image.paste(BLUE, (30, 0, 60, 30))
    for turned in (image, image.transpose(Image.Transpose.ROTATE_90)):
        assert images.square(turned).size == (30, 30)
        assert (images.looks(turned, "crop") == BLUE).all()


@pytest.mark.parametrize("size", [(64, 32), (32, 64), (20, 10), (400, 300)])
def test_whole_keeps_everything_stretched(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    [array] = images.looks(image, "whole")
    assert close(array[:, :13], RED)
    assert close(array[:, 19:], BLUE)
    assert image.size == size  # the caller's picture is left as it was


def test_both_is_the_middle_then_the_whole_and_once_where_they_are_the_same() -> None:
    wide, even = Image.effect_noise((60, 40), 80).convert("RGB"), Image.effect_noise((40, 40), 80)
    crop, whole = images.looks(wide)
    np.testing.assert_array_equal(crop, images.looks(wide, "crop")[0])
    np.testing.assert_array_equal(whole, images.looks(wide, "whole")[0])
    assert images.looks(even.convert("RGB")).shape == (1, 32, 32, 3)


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
