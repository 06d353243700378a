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

OPERATORS = "CIFAR_LAB_OPERATORS"  # e-mail addresses with commas between; "nobody" switches it off
MINUTES = "CIFAR_LAB_TRAINING_MINUTES"  # after which a training is stopped, resumably

# What a worker holds at its peak in the small recipes: TensorFlow 0.7 GB, the images, a batch's activations.
MEMORY = 1_500_000_000
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


def refuse_if_short_of_memory() -> None:
    """Raise JobError unless a worker would find the memory it needs, in the machine and in the container."""
    free = hardware.free_memory()
    if free < MEMORY:
        raise JobError(
            f"Training needs about {size_in_bytes(MEMORY)} of memory, and {size_in_bytes(free)} are free "
            "here; close other programs, or train on a larger machine."
        )


def refuse_if_short_of_disk(folder: Path) -> None:
    """Raise JobError unless a run would find the room it needs in this folder, which exists."""
    free = psutil.disk_usage(str(folder)).free
    if free < DISK:
        raise JobError(
            f"Training needs about {size_in_bytes(DISK)} of disk, and {size_in_bytes(free)} are free in "
            f"{folder}; delete runs that are not needed, or set CIFAR_LAB_RUNS to another folder."
        )
