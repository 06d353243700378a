"""What is worth a look in an own dataset: pictures that are alike, and what its classes are short of."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifar_core.datasets.dataset import Ints
from cifar_core.datasets.own import USUAL_SIDE, Index, Own
from cifar_core.datasets.own_changes import OUT

FEW = 20  # pictures of a class, below which more of them help most
UNEVEN = 5  # times as many in one class as in another
MOST_SAID = 5  # classes by name

_PNG, _HEAD = (
    b"\x89PNG\r\n\x1a\n",
    24,
)  # what is up to 64 pixels is a PNG file, whose 17th byte begins its width

Bools = NDArray[np.bool_]


class Marks(NamedTuple):
    """Which pictures are like another one that counts, bool [N]: the very same, alike, alike and elsewhere.

    Attributes
    ----------
    same
        Another one has the same content, to the byte.
    alike
        Another one looks alike; these include `same`.
    across
        One that looks alike has another class.
    """

    same: Bools
    alike: Bools
    across: Bools


def marks(stored: Index, labels: Ints) -> Marks:
    """Compare all pictures of a dataset, with their labels as they are now, int64 [N], `OUT` for none."""
    inside = labels != OUT
    _, contents = np.unique(stored.hashes, axis=0, return_inverse=True)
    same, alike = (inside & (np.bincount(of, inside)[of] > 1) for of in (contents.ravel(), stored.groups))
    across = np.zeros_like(inside)
    first = np.full(len(inside), OUT, np.int64)  # a class of each group
    first[stored.groups[inside]] = labels[inside]
    differs = inside & (labels != first[stored.groups])
    across[np.isin(stored.groups, stored.groups[differs])] = True
    return Marks(same, alike, across & inside)


def sides(dataset: Own) -> Ints:
    """Return how many pixels a side each picture is stored with, int64 [N]; 128 stands for more than 64."""
    spans = dataset.stored().spans
    heads = dataset.contents(np.stack([spans[:, 0], np.minimum(spans[:, 0] + _HEAD, spans[:, 1])], axis=1))
    return np.array(
        [int.from_bytes(head[16:20]) if head.startswith(_PNG) else 128 for head in heads], np.int64
    )


def advice(dataset: Own) -> list[str]:
    """Say which classes have too few pictures, how uneven they are, what is too small, and what to do."""
    stored, labels, names = dataset.stored(), dataset.labels().labels, dataset.class_names
    inside = labels != OUT
    pairs = np.unique(np.stack([labels[inside], stored.groups[inside]]), axis=1)
    differ = np.bincount(pairs[0], minlength=len(names))  # pictures of each class that differ
    said = []
    if few := [names[label] for label in np.argsort(differ, kind="stable") if differ[label] < FEW]:
        said.append(
            f"Few: {_listed(few)} {'has' if len(few) == 1 else 'have'} fewer than {FEW} pictures that "
            "differ. More of them help most, taken on other days, from other sides, before other grounds."
        )
    low, high = int(differ.argmin()), int(differ.argmax())
    if differ[high] > UNEVEN * differ[low]:
        said.append(
            f"Uneven: “{names[high]}” has {differ[high]:,} pictures that differ and “{names[low]}” "
            f"{differ[low]:,}. Add to the small classes, or look at the figures of each class, not at the "
            "accuracy alone."
        )
    small = inside & (sides(dataset) < USUAL_SIDE)
    if small.any():
        of = [names[label] for label in np.unique(labels[small])]
        said.append(
            f"Small: {small.sum():,} pictures, of {_listed(of)}, have fewer than {USUAL_SIDE} pixels a side "
            "and are enlarged, which teaches little. Take larger ones, or leave them out."
        )
    return said


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_SAID:,} more" if len(names) > MOST_SAID else ""
    return ", ".join(f"“{name}”" for name in names[:MOST_SAID]) + more
