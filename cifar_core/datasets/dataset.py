"""What every dataset offers, whatever it holds: one small interface, and what is made of its parts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cifar_core.arrays import Images, Labels
from cifar_core.errors import DatasetError, RecipeError

Part = Literal["train", "test"]
Ints = NDArray[np.int64]
Name = Annotated[str, Meta(max_length=200, pattern=r"\S")]


class Batch(NamedTuple):
    """Images uint8 [N, S, S, 3], RGB, 0 to 255, and their labels int64 [N], numbers of classes."""

    images: Images
    labels: Ints

    def take(self, indices: np.ndarray) -> "Batch":
        """Return the images at these places, int [M], and their labels."""
        return Batch(self.images[indices], self.labels[indices])


class Split(NamedTuple):
    """Two disjoint, ascending lists of indices into the training set, int64."""

    train: Ints
    validation: Ints


@dataclass(frozen=True)
class Facts:
    """What a model knows of the dataset that it learned from: `config.json` and `model.onnx` hold it.

    Read by msgspec, the facts make sense; it raises ValueError where they do not.

    Attributes
    ----------
    name
        The dataset's identifier.
    digest
        Changes with any pixel, label or class name of it.
    side
        Pixels a side of every picture.
    mirrors
        Whether a mirrored picture shows the same thing, so that training and test may mirror it.
    class_names
        In the order of the labels.
    test_digest
        Changes with any of this of the test set alone; empty where that never changes by itself.
    """

    name: Name
    digest: Name
    side: Annotated[int, Meta(ge=8, le=512)]
    mirrors: bool
    class_names: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=1_000)]
    test_digest: Annotated[str, Meta(max_length=200)] = ""

    def __post_init__(self) -> None:
        """Refuse what msgspec, which reads them, cannot know: with ValueError, as it does itself."""
        "".join(
            (self.name, self.digest, self.test_digest, *self.class_names)
        ).encode()  # not so half a surrogate pair
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError("two classes of one name")

    @property
    def tested_on(self) -> str:
        """What those models share that were tested on the same pictures with the same labels."""
        return self.test_digest or self.digest

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON-ready values."""
        facts = {**asdict(self), "class_names": list(self.class_names)}
        return facts if self.test_digest else {k: v for k, v in facts.items() if k != "test_digest"}


class Dataset(ABC):
    """Pictures of named classes to learn from and to test with.

    Attributes
    ----------
    facts
        Name, digest, side, class names: what a model takes along.
    title
        What people call it.
    sizes
        How many pictures each part holds.
    """

    facts: Facts
    title: str
    sizes: Mapping[Part, int]

    @property
    def name(self) -> str:
        """The dataset's identifier."""
        return self.facts.name

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the labels."""
        return self.facts.class_names

    @abstractmethod
    def load(self, part: Part) -> Batch:
        """Return a part; DatasetError if it is not on this machine, or damaged."""

    def pick(self, part: Part, indices: Ints) -> Batch:
        """Return the pictures of a part at these places, int [M], in the order asked for."""
        return self.load(part).take(indices)

    def class_counts(self, part: Part) -> list[int]:
        """Return how many pictures of each class a part holds; DatasetError if it is not here."""
        counts: list[int] = np.bincount(self.load(part).labels, minlength=len(self.class_names)).tolist()
        return counts

    def groups(self) -> Ints | None:
        """Say which training pictures stay together, int64 [N], a number a group; None if any may part.

        Near-duplicates stay together: validated on the twin of what it learned, a model looks too good.
        """
        return None

    def at(self, side: int) -> "Dataset":  # noqa: ARG002
        """Return it for a network that looks at pictures of this side: itself, where it has but one side."""
        return self

    def kept(self) -> Path | None:
        """Return the folder for what is computed of its pictures; it need not exist. None keeps nothing."""
        return None

    def folder(self) -> Path | None:
        """Return where it lies; None where it comes with a package. DatasetError if it is not here."""
        return None

    def verify(self) -> None:
        """Look at all of it; DatasetError says what is missing or damaged."""
        for part in self.sizes:
            self.load(part)

    def problem(self) -> str | None:
        """Say why it is not on this machine, and what to do; None if it is. It looks for names only."""
        return None

    def available(self) -> bool:
        """Whether it is on this machine."""
        return self.problem() is None

    def refuse_if_missing(self) -> None:
        """Raise DatasetError, with `problem`, where it is not on this machine."""
        if problem := self.problem():
            raise DatasetError(problem)


def normalise(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale uint8 0 to 255 to float32 0 to 1, same shape: the report's only preprocessing."""
    return np.divide(images, 255, dtype=np.float32)


def one_hot(labels: Labels, classes: int) -> NDArray[np.float32]:
    """Turn labels int [N] into float32 [N, C], a single 1 a row."""
    return np.eye(classes, dtype=np.float32)[labels]


def split(
    labels: Labels,
    groups: Ints | None = None,
    /,
    *,
    images: int | None = None,
    validation_images: int = 2_000,
    seed: int = 0,
) -> Split:
    """Choose which training images to train on and which to validate on, both stratified.

    Parameters
    ----------
    labels : int64 [N]
        The labels of the whole training set.
    groups : int64 [N], optional
        Which images stay together, as `Dataset.groups` says: no group is on both sides. As groups differ in
        size, a few images more or fewer than asked for may then be for validation.
    images : int, optional
        How many images to use, those for validation included; by default all.
    validation_images : int
        How many of them to validate on: 0, or at least one a class.
    seed : int
        With `validation_images` it fixes the validation images, whatever `images` is, so that runs on
        fewer images are compared on the same ones.

    Raises
    ------
    RecipeError
        A number is out of its range.
    """
    images = len(labels) if images is None else images
    if not 0 < images <= len(labels):
        raise RecipeError(f"The number of images must be from 1 to {len(labels):,}, not {images:,}.")
    classes = len(np.unique(labels))
    if validation_images != 0 and validation_images < classes:
        raise RecipeError(
            f"Validation takes 0 images, or {classes} and more, one a class; not {validation_images:,}."
        )
    if validation_images >= images:
        raise RecipeError(
            f"Of {images:,} images, {validation_images:,} for validation leave none to train on."
        )
    if not 0 <= seed < 2**32:
        raise RecipeError(f"The seed must be from 0 to {2**32 - 1:,}, not {seed:,}.")
    everything = np.arange(len(labels), dtype=np.int64)
    if groups is None or validation_images == 0:
        validation = _draw(everything, labels, validation_images, seed)
    else:
        validation = draw_groups(labels, groups, validation_images, seed)
    rest = np.setdiff1d(everything, validation)
    return Split(_draw(rest, labels, min(images - validation_images, len(rest)), seed), validation)


def draw_groups(labels: Labels, groups: Ints, size: int, seed: int, *, left: int = 1) -> Ints:
    """Draw about `size` images, ascending, in whole groups: of each class its share, one group at least.

    Parameters
    ----------
    labels, groups : int64 [N]
        The class of each image, and which images stay together.
    size
        How many to draw. It may be a few more or fewer, as groups differ in size.
    seed
        Fixes which.
    left
        So many groups of each class are never drawn.
    """
    by_group = np.argsort(groups, kind="stable")
    members = np.split(by_group, np.flatnonzero(np.diff(groups[by_group])) + 1)
    classes, places = np.unique(labels, return_inverse=True)
    counts = np.stack([np.bincount(places[group], minlength=len(classes)) for group in members])  # [G, C]
    share = counts.sum(axis=0) * (size / len(labels))
    quota = np.floor(share).astype(np.int64)
    quota[np.argsort(quota - share, kind="stable")[: size - quota.sum()]] += 1  # the largest remainders
    quota = np.maximum(quota, 1)
    taken, there, drawn = np.zeros_like(quota), (counts > 0).sum(axis=0), np.zeros(len(members), bool)

    def take_if_spare(group: int) -> None:
        of_class = counts[group] > 0
        if (there[of_class] > left).all():
            taken[:] += counts[group]
            there[:] -= of_class
            drawn[group] = True

    order = np.random.default_rng(seed).permutation(len(members))
    for group in order:
        if (taken + counts[group] <= quota).all():
            take_if_spare(group)
    for group in order[np.argsort(counts[order].sum(axis=1), kind="stable")]:
        if (taken[counts[group] > 0] == 0).any():  # nothing of a class fitted: the smallest, then
            take_if_spare(group)
    return np.sort(np.concatenate([np.empty(0, np.int64), *(members[i] for i in np.flatnonzero(drawn))]))


def _draw(indices: Ints, labels: Labels, size: int, seed: int) -> Ints:
    """Draw `size` of `indices`, ascending, each class in its proportion."""
    from sklearn.model_selection import train_test_split  # 75 MB, and only training needs it

    if size in (0, len(indices)):
        return indices[:size]
    # With fewer images than classes on either side, or a class with a single image, there is no proportion
    # to keep, and sklearn refuses.
    _, counts = np.unique(labels[indices], return_counts=True)
    proportional = min(size, len(indices) - size) >= len(counts) and counts.min() > 1
    drawn, _ = train_test_split(
        indices, train_size=size, random_state=seed, stratify=labels[indices] if proportional else None
    )
    return np.sort(drawn)
