"""Pictures from a webcam: hostile until decoded, and the frames of a burst on one side of the split."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifar_core.datasets import own_bursts
from cifar_core.datasets.dataset import split
from cifar_core.datasets.own_adding import add
from cifar_core.datasets.own_bursts import MOST_BYTES, MOST_FRAMES, Burst, Bursts, burst
from cifar_core.errors import DatasetError, ImageError
from tests.datasets.own_sources import NAMES, shape
from tests.pictures import encode


def frame(kind: int, seed: int) -> bytes:
    return encode(shape(kind, seed), "JPEG")


def sent(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


FRAME = frame(0, 0)


def test_frames_of_a_burst_stay_together_however_they_look(datasets: Path) -> None:
    """Each frame is another picture, so that nothing but the burst holds them together."""
    bursts = [
        Burst(name, [frame(kind, 100 * number + place) for place in range(5)])
        for kind, name in enumerate(NAMES)
        for number in range(6)
    ]
    dataset = add("shapes", Bursts(bursts)).dataset
    assert datasets.is_dir()
    index = dataset.index()
    burst_of = np.array([int(name.rpartition("/")[2][:3]) for name in index.names])
    assert len(np.unique(index.groups)) == len(bursts)
    assert all(len(np.unique(index.test[burst_of == number])) == 1 for number in burst_of)
    assert 0 < dataset.sizes["test"] < dataset.sizes["train"]

    labels, groups = dataset.load("train").labels, dataset.groups()
    train, validation = split(labels, groups, validation_images=15)
    assert not set(groups[train]) & set(groups[validation])


def test_a_class_that_was_recorded_twice_is_too_little(datasets: Path) -> None:
    bursts = [
        Burst(name, [frame(kind, 100 * number + place) for place in range(4)])
        for kind, name in enumerate(NAMES)
        for number in range(2)
    ]
    with pytest.raises(DatasetError, match="class needs 3 pictures that differ"):
        add("shapes", Bursts(bursts))
    assert not (datasets / "shapes").exists()


def test_what_a_browser_sent_is_kept_as_it_came() -> None:
    assert burst(" Kreis ", [sent(FRAME)]) == Burst("Kreis", [FRAME])


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", ".", "a\\b", "a\0b", "\u202e", "x" * 65])
def test_a_class_needs_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(DatasetError, match="name"):
        burst(name, [sent(FRAME)])


@pytest.mark.parametrize(
    "given",
    [
        None,
        "x",
        {"0": sent(FRAME)},
        [],
        [None],
        [7],
        [""],
        [["data:image/jpeg;base64,"]],
        ["data:image/jpeg;base64,"],
        ["data:image/jpeg;base64,%%%%"],
        ["data:image/jpeg;base64,\u00e9"],
        ["data:text/html;base64,PGI+"],
        ["https://example.org/a.jpg"],
        [sent(b"no picture")],
        [sent(FRAME), sent(FRAME[: len(FRAME) // 2])],
        [sent(bytes(MOST_BYTES + 1))],
        ["data:image/jpeg;base64," + "A" * 10_000_000],
        [sent(FRAME)] * (MOST_FRAMES + 1),
    ],
    ids=range(18),
)
def test_what_is_no_recording_is_refused_in_a_sentence(given: Any) -> None:
    with pytest.raises((DatasetError, ImageError)) as error:
        burst("mug", given)
    assert str(error.value).endswith((".", str(MOST_FRAMES)))
    assert len(str(error.value)) < 200


def test_a_session_keeps_so_many_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_bursts, "MOST_IN_ALL", 3)
    before = [burst("mug", [sent(FRAME)] * 2)]
    burst("mug", [sent(FRAME)], before)
    with pytest.raises(DatasetError, match="Up to 3 pictures"):
        burst("mug", [sent(FRAME)] * 2, before)
