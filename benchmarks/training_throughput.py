"""How many images a second does the report's CNN train on: with us, in plain Keras, in plain PyTorch?

    python -m benchmarks.training_throughput [--batch-size 64] [--torch-python PATH]

Ours is the recipe `report` exactly as the worker trains it, with its log and its status. The others are
`plain_keras` and `plain_torch`, without validation, log or progress bar. Each contender has a process of its
own; they take turns. A turn's figure is that of all its timed steps together; the ratio is that of the
medians of two rows, and what we claim is the first row's, float32 like theirs. PyTorch is measured in both
of its memory layouts, because which is faster depends on the machine: the ratio to quote is the smaller.
"""

import sys
from typing import Annotated

import typer

from benchmarks.measure import Contender, Rounds, Steps, Warmup, check_steps, command, in_turns, median, show
from cifar_core import hardware
from cifar_core.formats import count
from cifar_core.recipe import Precision
from cifar_core.recipes import get_recipe


def main(
    rounds: Rounds = 3,
    warmup: Warmup = 10,
    steps: Steps = 100,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 64,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Ours; by default float32, and beside it bfloat16 where the processor has it."),
    ] = None,
    torch_python: Annotated[
        str, typer.Option(help="The interpreter that has PyTorch, if it is another one.")
    ] = sys.executable,
) -> None:
    """Train the report's CNN with us, in plain Keras and in plain PyTorch, and compare images a second."""
    precisions: list[Precision] = ["float32", "bfloat16"] if hardware.has_bfloat16() else ["float32"]
    if precision is not None:
        precisions = [precision]
    recipe = get_recipe("report").with_(batch_size=batch_size)
    check_steps(recipe, warmup, steps)
    clock = {"warmup": warmup, "steps": steps}
    plain = {**clock, "batch_size": batch_size}

    contenders = {
        f"CIFAR Lab, {name}": Contender(
            "training", {**clock, "recipe": recipe.with_(precision=name).to_dict()}
        )
        for name in precisions
    }
    contenders["plain Keras"] = Contender("keras_script", plain)
    contenders["plain PyTorch"] = Contender("torch_script", plain, torch_python)
    last = {**plain, "channels_last": True}
    contenders["plain PyTorch, channels last"] = Contender("torch_script", last, torch_python)
    if "bfloat16" in precisions:
        half = {**last, "bfloat16": True}
        contenders["plain PyTorch, channels last, bfloat16"] = Contender("torch_script", half, torch_python)

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
        f"Training the report's CNN, batch {batch_size} (rounds: {rounds}, steps: {steps})",
        ["trained by", "images/s", "least", "most", "first row ÷ this"],
        rows,
        results,
    )


if __name__ == "__main__":
    command(main)
