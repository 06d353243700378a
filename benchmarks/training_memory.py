"""How much memory does a training hold at its peak?

    python -m benchmarks.training_memory [RECIPE…] [--precision float32] [--batch-size 500]

Trains the first steps of an epoch, all images loaded, as an ordinary run that is deleted afterwards. Beside
what its worker held stands what `cifar_core.access` asks to be free before it starts one.
"""

import time
from typing import Annotated

import psutil
import typer

from benchmarks.measure import BatchSize, command, show
from cifar_core.errors import JobError
from cifar_core.formats import size_in_bytes
from cifar_core.recipe import Recipe
from cifar_core.recipes import RECIPES, get_recipe
from cifar_core.runs import jobs, resources

STEPS = 12  # the largest tensors have all been there after two


def main(
    recipes: Annotated[
        list[str] | None, typer.Argument(help="By default all of them.", metavar="RECIPE")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="By default the recipe's, where the processor has it.")
    ] = None,
    batch_size: BatchSize = None,
) -> None:
    """Compare what a training holds with what is asked to be free for it."""
    cells = []
    for name in recipes or RECIPES:
        recipe, held = peak(get_recipe(name).with_(precision=precision, batch_size=batch_size))
        sizes = map(size_in_bytes, (held, resources.memory(recipe)))
        cells.append([name, recipe.precision, str(recipe.batch_size), *sizes])
    show("Memory of a training", ["recipe", "precision", "batch", "held", "asked for"], cells, {})


def peak(recipe: Recipe) -> tuple[Recipe, int]:
    """Return the recipe as this machine trains it, and the most bytes that its worker held."""
    run = jobs.start(recipe, f"memory-{time.strftime('%Y%m%d-%H%M%S')}")
    trained, held = run.recipe(), 0
    try:
        worker = psutil.Process(run.status().pid)
        while run.status().active and run.status().step < STEPS:
            held = max(held, worker.memory_info().rss)
            time.sleep(0.05)
    finally:
        if run.status().active:
            jobs.stop(run)
        while run.status().active:
            time.sleep(0.1)
        status = run.status()
        jobs.delete(run)
    if status.state != "stopped":
        raise JobError(f"The run “{run.name}” has {status.state}. {status.error}".strip())
    return trained, held


if __name__ == "__main__":
    command(main)
