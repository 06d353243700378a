"""The recipes: what a training run does, as plain numbers.

A recipe names a network and says how it is trained. The app and the command line offer its numbers for
change; the worker process (`cifar_core.training`) turns them into Keras objects. This module imports neither,
so that a page can describe a recipe without loading TensorFlow.
"""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from cifar_core.dataset import TRAIN_SIZE
from cifar_core.errors import RecipeError

Network = Literal["report_cnn", "airbench"]
Optimizer = Literal["adam", "airbench"]
Augmentation = Literal["none", "flip_and_shift"]
Validation = Literal["split", "test"]
_CHOICES = {
    "network": get_args(Network),
    "optimizer": get_args(Optimizer),
    "augmentation": get_args(Augmentation),
    "validation": get_args(Validation),
}

# What each number may be, both ends included; the pages offer the same.
RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 1_000),
    "batch_size": (2, 4_096),
    "learning_rate": (0.000001, 100.0),
    "patience": (0, 1_000),
    "label_smoothing": (0.0, 0.99),
    "images": (100, TRAIN_SIZE),
    "validation_images": (10, TRAIN_SIZE // 2),
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
        `adam`: constant learning rate. `airbench`: Nesterov SGD with a rising and falling learning rate and
        averaged weights (Keller Jordan's airbench94, 2024).
    augmentation
        `none`, or `flip_and_shift`: mirrored every other epoch, shifted by up to two pixels.
    epochs, batch_size, learning_rate
        Epochs at most; images a step; peak learning rate for the mean loss of a batch.
    patience
        Epochs without a better validation loss after which training stops and the best weights come back;
        0 trains to the end and keeps the last weights.
    label_smoothing
        Share of the target probability spread evenly over all classes, in [0, 1).
    images
        Training-set images used, those held out for validation included.
    validation, validation_images
        `split`: so many images are held out of `images`. `test`: validation looks at the *test set* and
        nothing is held out, as in the original report; every place that shows such a model says so.
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
    patience: int = 0
    label_smoothing: float = 0.0
    images: int = TRAIN_SIZE
    validation: Validation = "split"
    validation_images: int = 2_000
    seed: int = 0
    network_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse numbers that cannot train, with a sentence that names the allowed range."""
        for name, (low, high) in RANGES.items():
            value, label = getattr(self, name), name.replace("_", " ")
            kinds = (int, float) if isinstance(low, float) else (int,)
            if isinstance(value, bool) or not isinstance(value, kinds):  # to Python `True` is an int
                kind = "number" if float in kinds else "whole number"
                raise RecipeError(f"The {label} must be a {kind}, not {value!r}.")
            if not low <= value <= high:
                between = " and ".join(f"{bound:,.6f}".rstrip("0").rstrip(".") for bound in (low, high))
                raise RecipeError(f"The {label} must be between {between}, not {value:,}.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise RecipeError(
                    f"The {name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}."
                )
        if self.training_images < self.batch_size:
            held_out = f", {self.validation_images:,} of them held out," if self.validation == "split" else ""
            raise RecipeError(
                f"{self.images:,} images{held_out} do not fill one batch of {self.batch_size:,}: "
                "use more images or a smaller batch."
            )

    @property
    def training_images(self) -> int:
        """Images the network learns from: all that are not held out."""
        return self.images - (self.validation_images if self.validation == "split" else 0)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last, incomplete one is dropped."""
        return self.training_images // self.batch_size

    def with_(self, **changes: Any) -> "Recipe":
        """Return a copy with other numbers; `None` keeps the recipe's own. RecipeError if out of range."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Rebuild a recipe from `to_dict`, ignoring keys of other versions."""
        known = {item.name for item in fields(cls)}
        try:
            return cls(**{name: value for name, value in values.items() if name in known})
        except (TypeError, AttributeError) as error:
            raise RecipeError("The run's config.json lacks parts of its recipe; start a new run.") from error


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="quick",
            title="Quick",
            summary="A small network with a steep schedule: 84 % in less than two minutes on two cores.",
            network="airbench",
            network_options={"widths": [32, 64, 128], "activation": "relu"},
            optimizer="airbench",
            augmentation="flip_and_shift",
            epochs=3,
            batch_size=512,
            learning_rate=0.75,
            label_smoothing=0.2,
        ),
        Recipe(
            name="report",
            title="The report's CNN",
            summary="Four convolutional blocks trained with Adam and early stopping, exactly as in the "
            "original report; like the report, it watches the test set to decide when to stop.",
            network="report_cnn",
            optimizer="adam",
            augmentation="none",
            epochs=60,
            batch_size=64,
            learning_rate=1e-3,
            patience=10,
            validation="test",
        ),
        Recipe(
            name="fast",
            title="Fast",
            summary="The airbench94 recipe: 94 % in the time of a coffee break on two cores.",
            network="airbench",
            network_options={"widths": [64, 256, 256], "activation": "gelu"},
            optimizer="airbench",
            augmentation="flip_and_shift",
            epochs=10,
            batch_size=1024,
            learning_rate=1.5,
            label_smoothing=0.2,
        ),
    )
}


def get_recipe(name: str) -> Recipe:
    """Return the recipe of that name; RecipeError lists the names there are."""
    try:
        return RECIPES[name]
    except KeyError:
        raise RecipeError(f"There is no recipe “{name}”; choose one of {', '.join(RECIPES)}.") from None
