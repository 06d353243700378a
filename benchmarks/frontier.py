"""What is the best network of the flagship family for so many minutes of training?

    python -m benchmarks.frontier [--budget 3] [--seed 0] [--chart docs/frontier.svg]

Trains the candidates of a budget (or of all) one after the other, as ordinary runs that the app shows, and
writes what they reached on the *validation* images to `benchmarks/frontier.csv`; the test set plays no part.
A candidate with a row there is not trained again, so the search can be interrupted. All of a budget takes
about as many times the budget as it has candidates. The chart has all results, as small marks, behind the
shipped models, whose accuracy is that of the test.
"""

import csv
import dataclasses
import io
import time
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from benchmarks.measure import command, show
from cifar_core import charts, hardware
from cifar_core.errors import JobError
from cifar_core.evaluation import ranking
from cifar_core.files import write_whole
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.runs import catalogue, jobs

RESULTS = Path(__file__).with_name("frontier.csv")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """What a run of the search changes in the recipe `fast`."""

    budget: float  # minutes
    widths: str
    epochs: int
    activation: str = "gelu"
    batch_size: int = 1000
    learning_rate: float = 0.24
    shift: int = 2
    cutout: int = 0

    def recipe(self, seed: int) -> Recipe:
        """Return the recipe to train."""
        widths = [int(width) for width in self.widths.split("/")]
        return get_recipe("fast").with_(
            network_options={"widths": widths, "activation": self.activation},
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            shift=self.shift,
            cutout=self.cutout,
            seed=seed,
        )


# What fits the budget on two Zen 5 cores with bfloat16; on others the same rows take other times.
CANDIDATES = [
    Candidate(1.5, "32/64/128", 6),
    Candidate(1.5, "32/64/128", 6, "relu"),
    Candidate(1.5, "32/64/128", 6, batch_size=500),
    Candidate(1.5, "32/64/128", 6, batch_size=2000),
    Candidate(1.5, "32/128/128", 4),
    Candidate(1.5, "64/128/128", 3),
    Candidate(3, "32/128/128", 8),
    Candidate(3, "64/128/128", 6),
    Candidate(3, "64/128/256", 5),
    Candidate(3, "64/256/256", 3),
    Candidate(6, "64/128/256", 10),
    Candidate(6, "64/192/256", 8),
    Candidate(6, "64/256/256", 6),
    Candidate(12, "64/192/256", 16),
    Candidate(12, "64/256/256", 10),  # the recipe `fast`
    Candidate(12, "128/256/256", 8),
    Candidate(25, "64/256/256", 20),
    Candidate(25, "128/384/384", 10),
    Candidate(90, "128/384/384", 16),
    Candidate(90, "128/384/384", 32, shift=4, cutout=12),  # the recipe `best`
]


def main(
    budget: Annotated[float | None, typer.Option(help="Minutes; by default all budgets.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes everything random.")] = 0,
    chart: Annotated[
        Path | None, typer.Option(help="Only draw what there is, into this SVG or PNG file.")
    ] = None,
) -> None:
    """Train the candidates of a budget that have no result yet; print all results."""
    if chart:
        draw(chart)
        return
    for candidate in CANDIDATES:
        key = {**dataclasses.asdict(candidate), "seed": seed}
        known = [{name: row[name] for name in key} for row in results()]
        if budget in (None, candidate.budget) and {n: str(v) for n, v in key.items()} not in known:
            add({**key, **train(candidate.recipe(seed))})
    rows = sorted(results(), key=lambda row: (float(row["budget"]), -float(row["validation_accuracy"])))
    cells = [list(row.values()) for row in rows]
    show("The flagship family, by minutes of training", list(rows[0]), cells, {})


def train(recipe: Recipe) -> dict[str, Any]:
    """Train a recipe to its end; return what the search wants to know of it."""
    run = jobs.start(recipe, f"frontier-{time.strftime('%Y%m%d-%H%M%S')}")
    while run.status().active:
        time.sleep(1)
    if run.status().state != "finished":
        raise JobError(f"The run “{run.name}” is {run.status().state}. {run.status().error}")
    history = run.history()
    return {
        "precision": run.recipe().precision,
        "minutes": round(history["seconds"].iloc[-1] / 60, 2),
        "validation_accuracy": round(history["val_accuracy"].iloc[-1], 4),
        "hardware": hardware.describe(),
    }


def results() -> list[dict[str, str]]:
    """Return the rows of `frontier.csv`."""
    return list(csv.DictReader(io.StringIO(RESULTS.read_text()))) if RESULTS.exists() else []


def add(row: dict[str, Any]) -> None:
    """Add a row to `frontier.csv`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*results(), row])
    write_whole(RESULTS, text.getvalue())


def draw(path: Path) -> None:
    """Draw the results behind the shipped models."""
    searched = pd.read_csv(RESULTS).rename(columns={"validation_accuracy": "accuracy"})
    drawn = charts.frontier(
        ranking.costs(catalogue.shipped()), searched=searched[["minutes", "accuracy", "precision"]]
    )
    drawn.properties(width=680, background="white").save(path, scale_factor=2)


if __name__ == "__main__":
    command(main)
