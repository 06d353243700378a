"""The square that a visitor chooses within a picture."""

import numpy as np
import pytest
from PIL import Image

from cifar_core import crop, images
from cifar_core.crop import Square
from tests.pictures import noise

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("size", "place", "box"),
    [
        ((400, 200), Square(0, 0, 1), (0, 0, 200, 200)),
        ((400, 200), Square(0.5, 0, 1), (200, 0, 400, 200)),
        ((200, 400), Square(0, 0.25, 0.5), (0, 100, 100, 200)),
        ((400, 200), Square(0.25, 0.5, 0.1), (100, 100, 120, 120)),
        ((400, 200), Square(1, 1, 0.5), (300, 100, 400, 200)),  # moved back into the picture
        ((3, 2), Square(0.9, 0.9, 0.1), (2, 1, 3, 2)),  # one pixel at least
        ((1, 1), Square(0.5, 0.5, 0.1), (0, 0, 1, 1)),
    ],
)
def test_it_is_cut_out_where_it_lies(size: tuple[int, int], place: Square, box: tuple[int, ...]) -> None:
    width, height = size
    pixels = noise(height, width, 3)
    left, top, right, bottom = box
    cut = crop.cut_out(Image.fromarray(pixels), place)
    assert np.array_equal(np.asarray(cut), pixels[top:bottom, left:right])


@pytest.mark.parametrize("size", [(640, 480), (333, 1000), (64, 64), (5, 7)])
def test_the_largest_in_the_middle_is_what_is_looked_at_anyway(size: tuple[int, int]) -> None:
    image = Image.fromarray(noise(size[1], size[0], 3))
    short = min(size)
    middle = Square(
        ((size[0] - short) // 2) / size[0],
        ((size[1] - short) // 2) / size[1],
        1,
    )
    chosen = images.to_array(crop.cut_out(image, middle))
    assert np.array_equal(chosen, images.looks(image)[0])


@pytest.mark.parametrize("size", [(1200, 800), (600, 400)])
def test_it_is_the_same_part_at_every_size(size: tuple[int, int]) -> None:
    """A picture is shown smaller than it is classified."""
    halves = np.zeros((400, 600, 3), np.uint8)
    halves[:, 300:] = 255
    image = Image.fromarray(halves).resize(size, Image.Resampling.NEAREST)
    assert (images.to_array(crop.cut_out(image, Square(0.5, 0, 0.75))) == 255).all()
    assert (images.to_array(crop.cut_out(image, Square(0, 0, 0.75))) == 0).all()


@pytest.mark.parametrize(
    "place",
    [
        *(Square(bad, 0, 1) for bad in (-0.01, 1.01, NAN, INFINITE, 10**400)),
        *(Square(0, bad, 1) for bad in (-0.01, 1.01, NAN, -INFINITE)),
        *(Square(0, 0, bad) for bad in (0, 0.09, 1.01, -1, NAN, INFINITE)),
    ],
)
def test_one_that_no_picture_has_is_refused(place: Square) -> None:
    assert not place.possible
    with pytest.raises(ValueError, match="no such square"):
        crop.cut_out(Image.new("RGB", (40, 30)), place)
