"""How long does one wait around a training?

    python -m benchmarks.waiting [RECIPE…]

Trains whole recipes, as ordinary runs that are deleted afterwards, and says when, from the start on, the
first step was done, training ended, the test accuracy was known, and all was.
"""

import time
from typing import Annotated

import typer

from benchmarks.measure import command, show
from cifar_core import formats
from cifar_core.errors import JobError
from cifar_core.recipes import RECIPES, get_recipe
from cifar_core.runs import jobs

LOOK = 0.05  # seconds


def main(
    recipes: Annotated[
        list[str] | None, typer.Argument(help=f"One or more of {', '.join(RECIPES)}.", metavar="RECIPE")
    ] = None,
) -> None:
    """Time what stands before and after the training."""
    cells = [[name, *map(formats.duration, moments(name))] for name in recipes or ["quick"]]
    show("From Start to a finished run", ["recipe", "first step", "last step", "accuracy", "all"], cells, {})


def moments(name: str) -> tuple[float, float, float, float]:
    """Return the seconds from the start of a run to what the table names."""
    began = time.monotonic()
    run = jobs.start(get_recipe(name), f"waiting-{time.strftime('%Y%m%d-%H%M%S')}")
    seen: dict[str, float] = {}
    try:
        while (status := run.status()).active:
            now = time.monotonic() - began
            if status.step or status.epoch > 1:
                seen.setdefault("first", now)
            if status.phase == "saving the model":
                seen.setdefault("last", now)
            if status.test_accuracy is not None:
                seen.setdefault("accuracy", now)
            time.sleep(LOOK)
        seen["all"] = time.monotonic() - began
    finally:
        if run.status().active:
            jobs.stop(run)
        while run.status().active:
            time.sleep(LOOK)
        jobs.delete(run)
    if status.state != "finished" or len(seen) < 4:
        raise JobError(f"The run “{run.name}” has {status.state}. {status.error}".strip())
    return seen["first"], seen["last"], seen["accuracy"], seen["all"]


if __name__ == "__main__":
    command(main)
