"""What the files of a model directory may hold: a schema for each, by which `model_dir` reads it.

What passes can be shown, and computed with, anywhere. msgspec checks JSON against the types; functions below
check what no type can say. Keys of other versions are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, NotRequired, TypedDict

import numpy as np
from msgspec import Meta

from cifar_core.arrays import checked, checked_probabilities
from cifar_core.datasets.dataset import Facts
from cifar_core.formats import printable
from cifar_core.recipe import Recipe

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=10**12)]
Amount = Annotated[float, Meta(ge=0, le=10**12)]  # of seconds, say
Text = Annotated[str, Meta(max_length=10_000)]
Interval = Annotated[list[Share], Meta(min_length=2, max_length=2)]
Strengths = Annotated[list[Share], Meta(min_length=5, max_length=5)]
Temperature = Annotated[float, Meta(ge=0.01, le=100)]

OOD = frozenset({"class_directions", "answer_steps", "usual_mean", "usual_precision", "pixel_step"})
PREDICTIONS = OOD | {"test", "labels", "validation", "validation_indices"}
WATCHED = frozenset({"epochs", "indices", "probabilities"})
MOST_WATCHED = 30_000_000  # bytes: ten pictures of a thousand classes, a thousand times, and more
MOST_TITLE, MOST_NOTE = 80, 500  # characters
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"  # of a folder that a model can be asked for by
MOST_MEMBERS = 5  # of an average
MOST_BYTES = 100_000_000  # of `predictions.npz`, unpacked: 50,000 images of a thousand classes


@dataclass(frozen=True)
class Config:
    """`config.json`: what a run is, as of its start; hardware and parameters, once it is trained.

    Of an average, the recipe is its first member's under a name of its own.
    """

    recipe: Recipe
    dataset: Facts
    created: Text = ""
    versions: dict[str, Text] = field(default_factory=dict)
    hardware: Text = ""
    parameters: Count = 0


@dataclass(frozen=True)
class Member:
    """One of the models of an average: its name, and the SHA-256 of its `model.onnx`."""

    name: Annotated[str, Meta(pattern=rf"\A{NAME}\Z")]
    digest: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


@dataclass(frozen=True)
class Average:
    """`average.json`: the models whose answers an average is the mean of."""

    members: Annotated[tuple[Member, ...], Meta(min_length=2, max_length=MOST_MEMBERS)]


@dataclass(frozen=True)
class Label:
    """`label.json`: what people call a run, and what they noted about it; each on one line, "" if nothing."""

    title: Annotated[str, Meta(max_length=MOST_TITLE)] = ""
    note: Annotated[str, Meta(max_length=MOST_NOTE)] = ""

    def __post_init__(self) -> None:
        """Raise ValueError where something is in it that nobody can see."""
        for text in (self.title, self.note):
            if text != " ".join(text.split()) or text != printable(text, most=MOST_NOTE):
                raise ValueError("characters that nobody can see")


class Augmented(TypedDict):
    """The figures of several looks at each image."""

    views: Annotated[int, Meta(ge=1, le=100)]
    accuracy: Share
    accuracy_interval: Interval
    temperature: Temperature


class ToldApart(TypedDict):
    """How well a set of pictures that show none of the classes is told apart."""

    auroc: Share
    fpr95: Share


class Card(TypedDict):
    """`card.json`: the results."""

    name: Text
    recipe: Text
    test_images: Annotated[int, Meta(ge=1, le=10**9)]
    accuracy: Share
    accuracy_interval: Interval
    loss: Annotated[float, Meta(ge=0, le=1_000)]
    macro_f1: Share
    calibration_error: Share
    calibration_error_before: Share
    temperature: Temperature
    test_time_augmentation: NotRequired[Augmented]  # of an average, once it is measured
    ood_threshold: Annotated[float, Meta(ge=-4e38, le=4e38)]  # what float32 can hold
    out_of_distribution: NotRequired[dict[Text, ToldApart]]
    robustness: NotRequired[dict[Text, Strengths]]
    robustness_mean: NotRequired[Share]  # these two are missing where fewer kinds were measured
    robustness_calibration_error: NotRequired[Share]
    robustness_images: NotRequired[Annotated[int, Meta(ge=1, le=10**9)]]
    robustness_plain: NotRequired[Share]
    warning: NotRequired[Text]
    dataset: Text
    class_names: list[Text]
    validation: Text
    parameters: Count
    bytes: Count
    training_seconds: Amount
    epochs: Annotated[int, Meta(ge=1, le=10**6)]
    seed: Count
    hardware: Text
    command: Text


class Watched(NamedTuple):
    """`watched.npz`: after which epochs, int [E], what was said to which test pictures, int [N].

    `probabilities`: float16 [E, N, C], before calibration.
    """

    epochs: np.ndarray
    indices: np.ndarray
    probabilities: np.ndarray


def check_watched(arrays: Mapping[str, np.ndarray], facts: Facts) -> Watched:
    """Return the answers to a few test pictures; ValueError unless they are such of these classes."""
    found = Watched(*(arrays[name] for name in Watched._fields))
    for name, places in (("epochs", found.epochs), ("indices", found.indices)):
        if places.ndim != 1 or not len(places) or places.dtype.kind not in "iu" or places.min() < 0:
            raise ValueError(f"{name} are no places")
    p = found.probabilities
    if p.dtype.kind != "f" or p.shape != (len(found.epochs), len(found.indices), len(facts.class_names)):
        raise ValueError("answers to other pictures")
    if not (np.isfinite(p) & (p >= 0) & (p <= 1.01)).all():
        raise ValueError("no probabilities")
    return found


def check_card(card: Card) -> None:
    """Raise ValueError where the parts of a card do not fit together."""
    six = card.get("test_time_augmentation")
    for low, high in filter(None, (card["accuracy_interval"], six and six["accuracy_interval"])):
        if low > high:
            raise ValueError("an interval that ends before it begins")
    if "robustness" in card and not {"robustness_images", "robustness_plain"} <= card.keys():
        raise ValueError("worse pictures, and nothing to hold them against")


def check_predictions(arrays: Mapping[str, np.ndarray], facts: Facts) -> None:
    """Raise ValueError unless these are the predictions of a model of these classes."""
    classes = len(facts.class_names)
    for name in (PREDICTIONS & arrays.keys()) - {"labels", "validation_indices"}:
        if arrays[name].dtype.kind != "f":
            raise ValueError(f"{name} holds {arrays[name].dtype}")
    test, _ = checked(arrays["test"], arrays["labels"])
    validation = checked_probabilities(arrays["validation"])
    indices = arrays["validation_indices"]
    if test.shape[1] != classes or validation.shape[1] != classes:
        raise ValueError(f"not of {classes} classes")
    if indices.shape != (len(validation),) or indices.dtype.kind not in "iu" or indices.min() < 0:
        raise ValueError("validation_indices are no places")
    if arrays.keys() >= OOD:
        _check_known(arrays, classes)


def _check_known(arrays: Mapping[str, np.ndarray], classes: int) -> None:
    directions = arrays["class_directions"]
    if directions.ndim != 2 or len(directions) != classes:
        raise ValueError("class_directions lead nowhere")
    shapes = {"answer_steps": (2,), "usual_mean": (6,), "usual_precision": (6, 6), "pixel_step": (1,)}
    for name in OOD:
        if arrays[name].shape != shapes.get(name, directions.shape) or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} makes no sense")
