"""Who may train, stop, resume and export on an app that others can reach, and how much of it.

The settings are environment variables; Streamlit makes variables of the top level of its secrets, too. What
is set wrongly allows nothing.
"""

import os
from pathlib import Path

import psutil

from cifar_core import hardware
from cifar_core.errors import AccessError, JobError
from cifar_core.formats import size_in_bytes
from cifar_core.recipes import Network, Recipe

OPERATORS = "CIFAR_LAB_OPERATORS"  # e-mail addresses with commas between; "nobody" switches it off
MINUTES = "CIFAR_LAB_TRAINING_MINUTES"  # after which a training is stopped, resumably

# What a worker holds whatever the recipe: TensorFlow, the images, the weights and what is made of them.
MEMORY = 1_400_000_000
# How many tensors the size of the first layers' output a step holds beside, all smaller ones counted in.
LAYERS = 8
DISK = 500_000_000  # checkpoint, best weights and model of the largest network, with some to spare


def check(email: str | None) -> None:
    """Raise AccessError unless this person may train, stop, resume and export.

    Parameters
    ----------
    email
        The address that a login has verified; None if nobody is logged in.
    """
    setting = os.environ.get(OPERATORS)
    if setting is None:
        return
    operators = {part.strip().casefold() for part in setting.split(",") if "@" in part}
    if not operators:
        raise AccessError("Training and exporting are switched off on this app.")
    if email is None:
        raise AccessError("Only some people may train and export on this app; log in.")
    if email.casefold() not in operators:
        raise AccessError(f"{email} may not train and export on this app; ask whoever runs it.")


def time_limit() -> float | None:
    """Return the seconds that a training may take at a stretch, or None; JobError if that is no number."""
    setting = os.environ.get(MINUTES)
    if setting is None:
        return None
    try:
        minutes = float(setting)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < 1e6:
        raise JobError(f"{MINUTES} must be a number of minutes, not “{setting}”; nothing is trained.")
    return minutes * 60


def memory(recipe: Recipe) -> int:
    """Return about how many bytes the worker of a run holds at its peak.

    Measured with `python -m benchmarks.training_memory`. Where float32 is computed by Winograd's method, on
    processors without AVX-512, it can be a fifth more.
    """
    options, batch_size = recipe.network_options, recipe.batch_size
    if recipe.frozen:
        batch_size = 500  # of which features are computed at a time; its head takes less
    first_layers: dict[Network, tuple[int, int]] = {
        "report_cnn": (32**2, 32),
        "airbench": (31**2, options.get("widths", [64])[0]),
        "vgg16": (options.get("size", 32) ** 2, 64),
    }
    pixels, filters = first_layers[recipe.network]
    number = 2 if recipe.precision == "bfloat16" else 4
    return MEMORY + LAYERS * batch_size * pixels * filters * number


def refuse_if_short_of_memory(recipe: Recipe) -> None:
    """Raise JobError unless a worker would find the memory it needs, in the machine and in the container."""
    free, needed = hardware.free_memory(), memory(recipe)
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
            f"{folder}; delete runs that are not needed, or set CIFAR_LAB_RUNS to another folder."
        )
