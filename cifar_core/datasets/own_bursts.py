"""Pictures from a webcam, recorded in bursts: a source of pictures that is in memory only.

The frames of one burst show nearly the same, so they stay together: in training or in the test, never in
both. What a browser sends is hostile until decoded.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cifar_core import images
from cifar_core.datasets.own_layout import fault_of_class, tidy
from cifar_core.errors import DatasetError, ImageError
from cifar_core.sources.source import Listing, Picture

MOST_FRAMES = 100  # a burst: ten seconds
MOST_IN_ALL = 2_000
MOST_BYTES = 100_000  # a frame; one of 256 pixels a side has about 20,000

_ADDRESS = "data:image/jpeg;base64,"


class Burst(NamedTuple):
    """The frames of a burst, JPEG files, and the class that they show."""

    class_name: str
    frames: list[bytes]


class Bursts:
    """A source of the frames of bursts."""

    path, one_pass = Path("webcam"), True

    def __init__(self, bursts: Sequence[Burst]) -> None:
        self._frames = {
            f"{burst.class_name}/{number:03}-{place:03}.jpg": (number, frame)
            for number, burst in enumerate(bursts, start=1)
            for place, frame in enumerate(burst.frames, start=1)
        }

    def listing(self) -> Listing:
        """Say what there is."""
        return Listing([Picture(name, size=len(frame)) for name, (_, frame) in self._frames.items()], [])

    def read(self, pictures: Sequence[Picture]) -> Iterator[bytes | ImageError]:
        """Yield the content of frames."""
        for picture in pictures:
            yield self._frames[picture.name][1]

    def identity(self) -> str:
        """Return what it is; it is gone with the session that holds it."""
        return f"webcam {id(self)}"

    def burst_of(self, name: str) -> int:
        """Return the number of the burst, from 1, that the frame of this name is from."""
        return self._frames[name][0]


def burst(class_name: str, sent: Any, before: Sequence[Burst] = ()) -> Burst:
    """Return a burst of what a browser sent for it.

    Parameters
    ----------
    class_name
        What it shows.
    sent
        A list of JPEG files as `data:` addresses; whatever else it is gets refused.
    before
        The bursts there are already.

    Raises
    ------
    DatasetError
        The class cannot have that name, or there are too many frames, or none.
    ImageError
        A frame is no picture.
    """
    class_name = tidy(class_name)
    if not class_name or {"/", "\\"} & set(class_name) or class_name in (".", ".."):
        raise DatasetError("Give the class a name first, without / and \\.")
    if fault := fault_of_class(class_name):
        raise DatasetError(fault)
    if not isinstance(sent, list) or not sent:
        raise DatasetError("No picture came from the camera; hold the button a little longer.")
    if len(sent) > MOST_FRAMES:
        raise DatasetError(f"{len(sent):,} pictures are too many for one recording: up to {MOST_FRAMES}.")
    if sum(len(each.frames) for each in before) + len(sent) > MOST_IN_ALL:
        raise DatasetError(f"Up to {MOST_IN_ALL:,} pictures can be recorded: add these to a dataset first.")
    return Burst(class_name, [frame_of(address) for address in sent])


def frame_of(address: Any) -> bytes:
    """Return the JPEG file in an address; ImageError if it is none."""
    if not isinstance(address, str) or not address.startswith(_ADDRESS) or len(address) > 2 * MOST_BYTES:
        raise ImageError("What came from the camera is no picture; try again.")
    try:
        content = base64.b64decode(address[len(_ADDRESS) :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("What came from the camera is damaged; try again.") from error
    if len(content) > MOST_BYTES:
        raise ImageError("A picture from the camera is far too large; try again.")
    images.read(content)
    return content
