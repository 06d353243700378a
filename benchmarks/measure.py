"""Run contenders in turns, each in a process of its own, and print one table of what came out."""

import datetime
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import MofNCompleteColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cifar_core import hardware
from cifar_core.cli import console
from cifar_core.errors import CifarLabError
from cifar_core.recipe import Recipe
from cifar_core.recipes import RECIPES, get_recipe
from cifar_core.runs import jobs, processes

Rounds = Annotated[int, typer.Option(min=1, help="How often each contender has its turn.")]
Warmup = Annotated[int, typer.Option(min=1, help="Steps before the clock runs.")]
Steps = Annotated[int, typer.Option(min=1, help="Steps timed in a turn.")]

RecipeName = Annotated[str, typer.Argument(help=f"One of {', '.join(RECIPES)}.", metavar="RECIPE")]
BatchSize = Annotated[
    int | None, typer.Option(help="Images a step; by default as in the recipe.", show_default=False)
]


@dataclass(frozen=True)
class Contender:
    """A function of `benchmarks.contenders`, its options, and the interpreter it runs under."""

    function: str
    options: dict[str, Any]
    python: str = sys.executable


def in_turns(contenders: dict[str, Contender], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Let every contender run once a round; return the results of each, none where it is not installed.

    In turns, because a machine's speed drifts: what slows a round down slows all of them.
    """
    results: dict[str, list[dict[str, Any]]] = {label: [] for label in contenders}
    missing = set()
    with console.progress(MofNCompleteColumn(), TimeElapsedColumn()) as bar:
        task = bar.add_task("", total=rounds * len(contenders))
        for _ in range(rounds):
            for label, contender in contenders.items():
                bar.update(task, description=label)
                if label not in missing:
                    result = _run(label, contender)
                    if "not_installed" in result:
                        missing.add(label)
                    else:
                        results[label].append(result)
                bar.advance(task)
    return results


def _run(label: str, contender: Contender) -> dict[str, Any]:
    """Run a contender to its end; its result gets `started`, the time at which its process was."""
    # As the worker has it: on the processor, and without TensorFlow's remarks.
    settings = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    options = json.dumps(contender.options)
    started = time.time()
    process = subprocess.run(
        [contender.python, "-P", "-m", "benchmarks.contenders", contender.function, options],
        env={**processes.environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        reason = (process.stderr.strip() or f"exit status {process.returncode}").splitlines()[-1]
        raise CifarLabError(f"“{label}” could not be measured: {reason}")
    return {"started": started, **json.loads(process.stdout.splitlines()[-1])}


def median(results: Iterable[dict[str, Any]], key: str = "images_per_second") -> float:
    """Return the median of one figure over the rounds."""
    return float(statistics.median(result[key] for result in results))


def as_it_trains(name: str, batch_size: int | None, warmup: int, steps: int) -> Recipe:
    """Return a recipe as a run of it is started on this machine; refuse one that has no steps to time."""
    recipe = jobs.for_this_machine(get_recipe(name).with_(batch_size=batch_size))
    if recipe.frozen:
        raise typer.BadParameter(f"{name} learns from features that are computed once, not from pictures.")
    check_steps(recipe, warmup, steps)
    return recipe


def check_steps(recipe: Recipe, warmup: int, steps: int) -> None:
    """Refuse more steps than an epoch has: behind them comes a validation, which is not to be timed."""
    if warmup + steps > recipe.steps_per_epoch:
        raise typer.BadParameter(
            f"{warmup} + {steps} steps are more than the {recipe.steps_per_epoch} of an epoch."
        )


def show(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    results: dict[str, list[dict[str, Any]]],
    notes: Iterable[str] = (),
) -> None:
    """Print the table, what is to be said about it, and machine, date and versions."""
    table = Table(box=SIMPLE, title=Text(title), title_justify="left")
    for number, heading in enumerate(columns):
        table.add_column(Text(heading), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    versions = {"python": platform.python_version()}
    for turns in results.values():
        for result in turns:
            versions |= result["versions"]
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    # A file or a pipe has no width to wrap at.
    screen = Console(width=None if sys.stdout.isatty() else 10_000)
    screen.print(table)
    for line in (*notes, f"{hardware.describe()} · {datetime.date.today()} · {used}"):
        screen.print(Text(line), soft_wrap=True)


def command(main: Callable[..., None]) -> None:
    """Run a benchmark's command line; what goes wrong becomes one line, as in `python -m cifar_core`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except (CifarLabError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
