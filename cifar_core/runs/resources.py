"""What a training needs of the machine, its memory and its disk, and whether that is free."""

from pathlib import Path

import psutil

from cifar_core import hardware, settings
from cifar_core.errors import JobError
from cifar_core.formats import size_in_bytes
from cifar_core.recipe import Network, Recipe

# What a worker holds whatever the recipe: TensorFlow, the images, the weights and what is made of them.
MEMORY = 1_400_000_000
# How many tensors the size of the first layers' output a step holds beside, all smaller ones counted in.
LAYERS = 8
DISK = 500_000_000  # checkpoint, best weights, snapshots and model of the largest network, with some to spare


def memory(recipe: Recipe, side: int = 32) -> int:
    """Return about how many bytes the worker of a run holds at its peak, on pictures of this side.

    Measured with `python -m benchmarks.training_memory`. Where float32 is computed by Winograd's method, on
    processors without AVX-512, it can be a fifth more.
    """
    options, batch_size = recipe.network_options, recipe.batch_size
    if recipe.frozen:
        batch_size = recipe.features_batch  # its head takes less
    first_layers: dict[Network, tuple[int, int]] = {
        "report_cnn": (side**2, 32),
        "airbench": ((side - 1) ** 2, options.get("widths", [64])[0]),
        "vgg16": (recipe.side**2, 64),
        "transfer": (recipe.side**2, 128),  # the most of any base
    }
    pixels, filters = first_layers[recipe.network]
    number = 2 if recipe.precision == "bfloat16" else 4
    larger = recipe.images * 3 * max(side**2 - 32**2, 0)  # images than those measured
    return MEMORY + larger + LAYERS * batch_size * pixels * filters * number


def refuse_if_short_of_memory(recipe: Recipe, side: int = 32) -> None:
    """Raise JobError unless a worker would find the memory it needs, in the machine and in the container."""
    free, needed = hardware.free_memory(), memory(recipe, side)
    if free < needed:
        raise JobError(
            f"Training “{recipe.name}” needs about {size_in_bytes(needed)} of memory, and "
            f"{size_in_bytes(free)} are free here; close other programs, choose a smaller batch or recipe, "
            "or train on a larger machine."
        )


def refuse_if_short_of_disk(folder: Path) -> None:
    """Raise JobError unless a run would find the room it needs in this folder, which exists."""
    free = psutil.disk_usage(str(folder)).free
    if free < DISK:
        raise JobError(
            f"Training needs about {size_in_bytes(DISK)} of disk, and {size_in_bytes(free)} are free in "
            f"{folder}; delete runs that are not needed, or set {settings.RUNS.name} to another folder."
        )
