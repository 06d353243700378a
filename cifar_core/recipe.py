"""A recipe: what a training run does, as plain numbers.

It names a network and says how it is trained. The app and the command line offer its numbers for change; the
worker process (`cifar_core.training`) turns them into Keras objects. This module imports neither, so that a
page can describe a recipe without loading TensorFlow.
"""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal, NotRequired, TypedDict, TypeVar

import msgspec
from msgspec import Meta

from cifar_core.errors import RecipeError
from cifar_core.formats import printable

Network = Literal["report_cnn", "airbench", "vgg16", "transfer"]
Optimizer = Literal["adam", "sgd", "muon", "airbench"]
Augmentation = Literal["none", "flip_and_shift"]
Validation = Literal["split", "test"]
Precision = Literal["float32", "bfloat16"]
NETWORK_TITLES: dict[Network, str] = {
    "report_cnn": "the report's CNN",
    "airbench": "airbench",
    "vgg16": "VGG16",
    "transfer": "a linear layer on another model",
}
T = TypeVar("T")
IMAGENET = "imagenet"  # as the base of `transfer`: VGG16 as ImageNet left it
IMAGENET_SIDE = 128  # of pictures that it tells most of; its training had 224
# What the original report had with its CNN: test accuracy, and test loss in nats.
REPORT = {"accuracy": 0.85, "loss": 0.64}


class ReportOptions(TypedDict, total=False):
    """What the network `report_cnn` takes."""

    dropout: Annotated[float, Meta(ge=0, lt=2)]  # times 0.5 at most


class AirbenchOptions(TypedDict):
    """What the network `airbench` takes."""

    widths: Annotated[list[Annotated[int, Meta(ge=1, le=4_096)]], Meta(min_length=3, max_length=3)]
    activation: str


class Vgg16Options(TypedDict):
    """What the network `vgg16` takes."""

    hidden: Annotated[int, Meta(ge=1, le=65_536)]
    dropout: Annotated[float, Meta(ge=0, lt=1)]
    size: NotRequired[Annotated[int, Meta(ge=32, le=512)]]
    scale: NotRequired[Annotated[float, Meta(gt=0, le=100)]]


class TransferOptions(TypedDict):
    """What the network `transfer` takes."""

    base: Annotated[str, Meta(min_length=1, max_length=200)]
    size: Annotated[int, Meta(ge=8, le=512)]


_OPTIONS: dict[Network, type] = {
    "report_cnn": ReportOptions,
    "airbench": AirbenchOptions,
    "vgg16": Vgg16Options,
    "transfer": TransferOptions,
}

# What a recipe keeps to on a dataset that is smaller than CIFAR-10.
STEPS_AN_EPOCH, LEAST_STEPS, LEAST_BATCH = 20, 400, 8

# What each number may be, both ends included; the pages offer the same.
RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 1_000),
    "batch_size": (2, 4_096),
    "learning_rate": (0.000001, 100.0),
    "patience": (0, 1_000),
    "weight_decay": (0.0, 1.0),
    "label_smoothing": (0.0, 0.99),
    "shift": (0, 8),
    "cutout": (0, 24),
    "mixed": (0.0, 1.0),
    "degraded": (0.0, 1.0),
    "images": (4, 1_000_000),
    "validation_images": (2, 500_000),
    "seed": (0, 2**31 - 1),
}


@dataclass(frozen=True)
class Recipe:
    """A network and how to train it.

    Attributes
    ----------
    name, title, summary
        Identifier, heading, and one or two sentences for the person who chooses.
    network, network_options
        The builder in `cifar_core.training.architectures` and its keyword arguments.
    optimizer
        `adam`: constant learning rate. `sgd`: Nesterov momentum and weight decay; `muon`: Muon for matrices
        and kernels, AdamW for the rest; both with a learning rate that rises, then falls along a cosine.
        `airbench`: Muon and SGD as tuned for the network `airbench`, the learning rate falling linearly
        (Keller Jordan's airbench94_muon, 2024).
    augmentation, shift, cutout
        `none`, or `flip_and_shift`: mirrored every other epoch, shifted by up to `shift` pixels, a square of
        `cutout` pixels a side greyed out.
    mixed, degraded
        Shares of the pictures that are mixed with patterns, and that are made worse as by a bad camera: too
        dark or bright, blurred, noisy.
    epochs, batch_size, learning_rate
        Epochs at most; images a step; peak learning rate for the mean loss of a batch.
    patience
        Epochs without a better validation loss after which training stops and the best weights come back;
        0 trains to the end and keeps the last weights.
    weight_decay
        Share of each kernel that `sgd` and `muon` take away in a step, per unit of learning rate.
    starts_from
        Name of a model of the same network that is here, whose weights training begins with; of other
        classes all but its output's. Empty: it begins anew.
    frozen
        Train only what follows the pretrained network; its features are computed once, and kept with a
        dataset of one's own.
    label_smoothing
        Share of the target probability spread evenly over all classes, in [0, 1).
    images
        Training-set images used, those held out for validation included.
    validation, validation_images
        `split`: so many images are held out of `images`. `test`: validation looks at the *test set* and
        nothing is held out, as in the original report; every place that shows such a model says so.
    precision
        `float32`, or `bfloat16`: layers compute with numbers of half the size where the processor multiplies
        those natively, which is half as fast again on such a one; a run on another is started in float32.
    seed
        Fixes the split, the starting weights, the order of the images and their augmentation.
    """

    name: str
    title: str
    summary: str
    network: Network
    optimizer: Optimizer
    augmentation: Augmentation
    epochs: int
    batch_size: int
    learning_rate: float
    shift: int = 2
    cutout: int = 0
    mixed: float = 0.0
    degraded: float = 0.0
    patience: int = 0
    weight_decay: float = 0.0
    starts_from: Annotated[str, Meta(max_length=200)] = ""
    frozen: bool = False
    label_smoothing: float = 0.0
    images: int = 50_000
    validation: Validation = "split"
    validation_images: int = 2_000
    precision: Precision = "float32"
    seed: int = 0
    network_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse numbers that cannot train, with a sentence that names the allowed range."""
        for name, (low, high) in RANGES.items():
            value, label = getattr(self, name), name.replace("_", " ")
            if not low <= value <= high:
                between = " and ".join(f"{bound:,.6f}".rstrip("0").rstrip(".") for bound in (low, high))
                raise RecipeError(f"The {label} must be between {between}, not {value:,}.", name)
        options: dict[str, Any] = _converted(self.network_options, _OPTIONS[self.network])
        if unknown := self.network_options.keys() - options.keys():
            raise RecipeError(f"The network {self.network} has no option {', '.join(sorted(unknown))}.")
        if self.frozen and (self.network not in ("vgg16", "transfer") or self.augmentation != "none"):
            raise RecipeError("Only vgg16 and transfer can be trained frozen, and only without augmentation.")
        if self.training_images <= 0:
            raise RecipeError(
                f"Of {self.images:,} images, {self.validation_images:,} for validation leave none to train "
                "on: use more images, or fewer for validation.",
                "images",
            )
        if self.training_images < self.batch_size:
            held_out = f", {self.validation_images:,} of them held out," if self.validation == "split" else ""
            raise RecipeError(
                f"{self.images:,} images{held_out} do not fill one batch of {self.batch_size:,}: "
                "use more images or a smaller batch.",
                "batch_size",
            )

    @property
    def training_images(self) -> int:
        """Images the network learns from: all that are not held out."""
        return self.images - (self.validation_images if self.validation == "split" else 0)

    @property
    def split(self) -> dict[str, int]:
        """The arguments of `datasets.split`."""
        held_out = self.validation_images if self.validation == "split" else 0
        return {"images": self.images, "validation_images": held_out, "seed": self.seed}

    @property
    def side(self) -> int:
        """Pixels a side of the pictures that its network looks at; smaller ones it enlarges itself."""
        return int(self.network_options.get("size", 32))

    @property
    def features_batch(self) -> int:
        """Pictures of which a frozen network computes features at a time: the pixels of 500 of CIFAR-10's."""
        return max(500 * 32**2 // self.side**2, 1)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last, incomplete one is dropped."""
        return self.training_images // self.batch_size

    def with_(self, **changes: Any) -> "Recipe":
        """Return a copy with other numbers; `None` keeps the recipe's own. RecipeError if they are unfit."""
        given = {name: value for name, value in changes.items() if value is not None}
        return Recipe.from_dict({**self.to_dict(), **given})

    def on(self, images: int, classes: int = 2) -> "Recipe":
        """Return the recipe for a dataset with so many training images, those for validation included.

        Its own numbers are CIFAR-10's. On a smaller dataset an eighth of the images at most is for
        validation, but one a class at least. A step looks at a twentieth of the rest, but at `LEAST_BATCH`
        where there are so many. There are as many epochs as make 400 steps: with a third of them `quick`
        learned 1,257 digits to 97 % only, with so many to 99.7 %.
        """
        if images >= self.images:
            return replace(self, images=images)
        held_out = max(min(self.validation_images, round(images / 8)), classes)
        training = images - (held_out if self.validation == "split" else 0)
        size = max(min(self.batch_size, max(training // STEPS_AN_EPOCH, LEAST_BATCH), training), 2)
        epochs = max(self.epochs, math.ceil(LEAST_STEPS / max(training // size, 1)))
        return replace(self, images=images, validation_images=held_out, batch_size=size, epochs=epochs)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "Recipe":
        """Rebuild a recipe from `to_dict`, ignoring keys of other versions; RecipeError if it is none."""
        return _converted(values, cls)


def _converted(values: Any, kind: type[T]) -> T:
    """Return values as of this kind, each of them checked; RecipeError if one does not fit."""
    try:
        return msgspec.convert(values, kind)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"The recipe makes no sense: {printable(str(error))}.") from error
