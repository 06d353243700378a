import hashlib

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from cifar_core.datasets import own_alike
from tests.pictures import noise, photo

GROUND = photo(300, 300, seed=5)


def frame(left: int, top: int = 0, side: int = 200) -> Image.Image:
    return GROUND.crop((left, top, left + side, top + side))


def grouped(*pictures: Image.Image) -> list[int]:
    thumbnails = np.stack([own_alike.thumbnail(picture) for picture in pictures])
    hashes = b"".join(hashlib.sha256(picture.tobytes()).digest() for picture in pictures)
    return list(own_alike.groups(thumbnails, np.frombuffer(hashes, np.uint8).reshape(-1, 32)))


@pytest.mark.parametrize(
    "other",
    [
        frame(4, 3),
        frame(3, 3, 194).resize((128, 128)),
        ImageEnhance.Brightness(frame(0)).enhance(0.7),
        ImageEnhance.Contrast(frame(0)).enhance(0.7),
        Image.fromarray(np.clip(np.asarray(frame(0)) + noise(200, 200, 3) / 10, 0, 255).astype(np.uint8)),
        frame(0).resize((20, 20)),
    ],
    ids=["moved", "nearer", "darker", "paler", "noisy", "tiny"],
)
def test_what_looks_alike(other: Image.Image) -> None:
    assert grouped(frame(0), other) == [0, 0]


@pytest.mark.parametrize(
    "other",
    [
        photo(200, 200, seed=6),
        frame(80),
        frame(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        Image.merge("RGB", frame(0).split()[::-1]),
        Image.new("RGB", (200, 200), "grey"),
    ],
    ids=["another", "far", "mirrored", "of other colours", "flat"],
)
def test_what_does_not(other: Image.Image) -> None:
    assert grouped(frame(0), other) == [0, 1]


def test_a_burst_is_one_group_from_its_first_to_its_last_frame() -> None:
    burst = [frame(left) for left in range(0, 96, 4)]
    assert grouped(burst[0], burst[-1]) == [0, 1]
    assert set(grouped(*burst)) == {0}


def test_flat_pictures_are_alike_only_when_they_are_the_same() -> None:
    red, blue = (Image.new("RGB", (50, 50), name) for name in ("red", "blue"))
    assert grouped(red, blue, red, blue) == [0, 1, 0, 1]


def test_more_pictures_than_are_compared_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_alike, "_ROWS", 3)
    pictures = [photo(60, 60, seed) for seed in range(8)]
    assert grouped(*pictures, *pictures) == [*range(8), *range(8)]
