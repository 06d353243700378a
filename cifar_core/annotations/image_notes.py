"""What the public lists (`lists`) say about single test images, in words and as columns.

An image is its index in the test set, 0 to 9,999. A list that is not on this machine says nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifar_core.annotations import lists, sources
from cifar_core.datasets.cifar10 import CLASS_NAMES


@dataclass(frozen=True)
class Notes:
    """The three lists, ready to be asked about an image.

    Attributes
    ----------
    votes
        `lists.human_votes`, int64 [10000, 10], or None.
    entropy
        How divided people are over each image, `lists.entropy`, float64 [10000], or None.
    rejected
        Of each image whose label the annotators did not confirm, its row of `lists.questioned_labels`; None
        if that list is not here.
    duplicates
        Of each test image that has one, the training image that looks the same, and how much so; or None.
    missing
        The titles of the lists that are not on this machine.
    """

    votes: NDArray[np.int64] | None
    entropy: NDArray[np.float64] | None
    rejected: dict[int, dict[str, Any]] | None
    duplicates: dict[int, tuple[int, str]] | None
    missing: tuple[str, ...]

    def people(self, image: int) -> str | None:
        """Say whom people took an image for, "31 of 51 people say cat, 18 dog"; None if they all agree."""
        if self.votes is None:
            return None
        votes = self.votes[image]
        order = [index for index in np.argsort(-votes, kind="stable") if votes[index]]
        if len(order) == 1:
            return None
        rest = ", ".join(f"{votes[index]} {CLASS_NAMES[index]}" for index in order[1:])
        return f"{votes[order[0]]} of {votes.sum()} people say {CLASS_NAMES[order[0]]}, {rest}"

    def votes_for(self, image: int, label: int) -> tuple[int, int] | None:
        """Return how many of how many people chose `label`, 0 to 9; None if that is not known."""
        return None if self.votes is None else (int(self.votes[image, label]), int(self.votes[image].sum()))

    def outvoted(self, image: int, label: int) -> bool:
        """Whether more people chose another class than `label`."""
        return self.votes is not None and bool(self.votes[image].max() > self.votes[image, label])

    def annotators(self, image: int) -> str | None:
        """Say what five annotators made of a label they rejected; None if they did not."""
        if (row := (self.rejected or {}).get(image)) is None:
            return None
        return (
            f"Five annotators judged this label: {row['votes_given']} {row['given']}, {row['votes_guessed']} "
            f"{row['guessed']}, {row['votes_both']} both, {row['votes_neither']} neither"
        )

    def duplicate(self, image: int) -> str | None:
        """Say which training image looks the same; None if none does."""
        if (pair := (self.duplicates or {}).get(image)) is None:
            return None
        train, kind = pair
        return f"{kind.capitalize()} {'to' if kind == 'very similar' else 'of'} training image {train}"


def load() -> Notes:
    """Read the lists that are on this machine; a DatasetError says so if one is damaged."""
    votes = lists.human_votes()
    return Notes(
        votes=votes,
        entropy=None if votes is None else lists.entropy(votes),
        rejected=_rejected(lists.questioned_labels()),
        duplicates=_duplicates(lists.duplicates()),
        missing=tuple(sources.missing()),
    )


def none() -> Notes:
    """Return the notes of a machine that has no list."""
    return Notes(None, None, None, None, ())


def _rejected(table: pd.DataFrame | None) -> dict[int, dict[str, Any]] | None:
    if table is None:
        return None
    rows = table[table["verdict"] != "given"].to_dict("records")
    return {int(row["image"]): {str(name): value for name, value in row.items()} for row in rows}


def _duplicates(table: pd.DataFrame | None) -> dict[int, tuple[int, str]] | None:
    if table is None:
        return None
    return {
        int(test): (int(train), str(kind))
        for test, train, kind in zip(table["test"], table["train"], table["kind"], strict=True)
    }
