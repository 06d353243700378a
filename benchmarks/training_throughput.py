"""How many images a second does a recipe train on: with us, in plain Keras, in plain PyTorch?

    python -m benchmarks.training_throughput [report|fast] [--batch-size N] [--torch-python PATH]

Ours is the recipe exactly as the worker trains it, with its log and its status. The others are
`plain_keras` and `plain_torch` for the report's CNN, and `plain_airbench`, airbench94's network in PyTorch,
for `fast`; without validation, log or progress bar. Each contender has a process of its own; they take
turns. A turn's figure is that of all its timed steps together; the ratio is that of the medians of two rows.
Like is to be compared with like: float32 with float32, bfloat16 with bfloat16. PyTorch is measured in several
ways, because which is fastest depends on the machine: the ratio to quote is the smallest.
"""

import sys
from typing import Annotated, Literal

import typer

from benchmarks.measure import Contender, Rounds, Warmup, check_steps, command, in_turns, median, show
from cifar_core import hardware
from cifar_core.formats import count
from cifar_core.recipe import Precision, Recipe
from cifar_core.recipes import get_recipe


def main(
    name: Annotated[Literal["report", "fast"], typer.Argument(metavar="RECIPE")] = "report",
    rounds: Rounds = 3,
    warmup: Warmup = 10,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps timed in a turn; by default 100, of `fast` 10.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images a step; by default as in the recipe.", show_default=False)
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Of `report`; by default float32, and bfloat16 where the processor has it."),
    ] = None,
    torch_python: Annotated[
        str, typer.Option(help="The interpreter that has PyTorch, if it is another one.")
    ] = sys.executable,
) -> None:
    """Train a recipe with us, in plain Keras and in plain PyTorch, and compare images a second."""
    recipe = get_recipe(name).with_(batch_size=batch_size)
    clock = {"warmup": warmup, "steps": steps or (10 if name == "fast" else 100)}
    check_steps(recipe, **clock)
    contenders = (
        _of_fast(recipe, clock, torch_python)
        if name == "fast"
        else _of_report(recipe, clock, torch_python, precision)
    )
    results = in_turns(contenders, rounds)
    first = median(next(iter(results.values())))
    rows = []
    for label, turns in results.items():
        rates = [turn["images_per_second"] for turn in turns]
        if rates:
            figures = [count(round(rate)) for rate in (median(turns), min(rates), max(rates))]
            rows.append([label, *figures, f"{first / median(turns):.2f}"])
        else:
            rows.append([label, "not installed", "", "", ""])
    show(
        f"Training the recipe {name}, batch {recipe.batch_size} (rounds: {rounds}, steps: {clock['steps']})",
        ["trained by", "images/s", "least", "most", "first row ÷ this"],
        rows,
        results,
    )


def _of_report(
    recipe: Recipe, clock: dict[str, int], torch_python: str, only: Precision | None
) -> dict[str, Contender]:
    both: list[Precision] = ["float32", "bfloat16"] if hardware.has_bfloat16() else ["float32"]
    precisions = both if only is None else [only]
    plain = {**clock, "batch_size": recipe.batch_size}
    last = {**plain, "channels_last": True}
    contenders = {
        f"CIFAR Lab, {name}": Contender(
            "training", {**clock, "recipe": recipe.with_(precision=name).to_dict()}
        )
        for name in precisions
    }
    contenders["plain Keras"] = Contender("keras_script", plain)
    contenders["plain PyTorch"] = Contender("torch_script", plain, torch_python)
    contenders["plain PyTorch, channels last"] = Contender("torch_script", last, torch_python)
    if "bfloat16" in precisions:
        contenders["plain Keras, bfloat16"] = Contender("keras_script", {**plain, "bfloat16": True})
        contenders["plain PyTorch, channels last, bfloat16"] = Contender(
            "torch_script", {**last, "bfloat16": True}, torch_python
        )
    return contenders


def _of_fast(recipe: Recipe, clock: dict[str, int], torch_python: str) -> dict[str, Contender]:
    same = {**clock, "batch_size": recipe.batch_size, "widths": recipe.network_options["widths"]}
    return {
        "CIFAR Lab, bfloat16": Contender("training", {**clock, "recipe": recipe.to_dict()}),
        "PyTorch, bfloat16": Contender("torch_airbench", same, torch_python),
        "PyTorch, bfloat16, compiled": Contender("torch_airbench", {**same, "compiled": True}, torch_python),
    }


if __name__ == "__main__":
    command(main)
