"""The square within a picture that a visitor chose for the network to look at."""

from typing import NamedTuple

from PIL import Image

LEAST_SIDE = 0.1  # of a `Square`: what is left of a large photo still has a pixel for each of the network's


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
