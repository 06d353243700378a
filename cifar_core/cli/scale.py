"""The commands for more than one machine: `score` and `sweep`."""

import contextlib
import datetime
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from cifar_core.cli import console
from cifar_core.cli.options import Data, Epochs, Json, Model, RecipeName, TrainingImages, ValidationImages
from cifar_core.datasets.registry import CIFAR10, get_dataset
from cifar_core.errors import ImageError, ScaleError
from cifar_core.formats import count, percent, printable
from cifar_core.recipes import get_recipe
from cifar_core.runs import catalogue

Address = Annotated[
    str | None,
    typer.Option(help="A Ray cluster, HOST:PORT or auto; by default this machine alone.", show_default=False),
]


def _path(text: str) -> Path:
    if not text:  # an empty variable of a script, which `Path` takes for the current folder
        raise typer.BadParameter("it is empty")
    return Path(text)


def score(
    model: Model,
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder, a ZIP or tar archive, or a Parquet file.", metavar="SOURCE", parser=_path
        ),
    ],
    destination: Annotated[
        Path,
        typer.Argument(
            help="A folder for Parquet files, of this model and source alone.",
            metavar="DESTINATION",
            parser=_path,
        ),
    ],
    column: Annotated[
        str | None,
        typer.Option(help="Of Parquet: where the pictures are; by default it is found.", show_default=False),
    ] = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Classify every picture of a folder, an archive or a Parquet file; again, it goes on where it was."""
    from cifar_core.scale import score as scoring
    from cifar_core.sources.opening import open_source

    directory = catalogue.find_model(model, allow_path=True)
    with contextlib.ExitStack() as stack:
        with console.working(f"looking through {printable(str(source))}"):
            pictures = open_source(source, column)
            work = stack.enter_context(scoring.prepared(directory, pictures, destination))
        if work.listing.note:
            print(work.listing.note, file=sys.stderr)
        total, (before, refused), others = len(work.listing.pictures), work.before, work.listing.others
        with console.progress(MofNCompleteColumn(), TimeRemainingColumn()) as bar:
            task = bar.add_task("classifying", total=total, completed=before)
            for part in scoring.score(work, address):
                refused += part.refused
                bar.advance(task, part.pictures)
    if as_json:
        counts = {"pictures": total, "done_before": before, "refused": refused, "other_files": len(others)}
        print(json.dumps(counts))
    else:
        again = f", {count(before)} of them before" if before else ""
        print(f"{count(total)} pictures are classified in {destination}{again}.")
        if others:
            print(f"Other files were left out: {count(len(others))}, such as {printable(others[0])}.")
    if refused:
        raise ImageError(f"{count(refused)} of them could not be read; the column error says why.")


def sweep(
    recipe: RecipeName,
    data: Data = CIFAR10.name,
    learning_rate: Annotated[list[float] | None, typer.Option(help="A value to try; repeatable.")] = None,
    batch_size: Annotated[list[int] | None, typer.Option(help="A value to try; repeatable.")] = None,
    weight_decay: Annotated[list[float] | None, typer.Option(help="A value to try; repeatable.")] = None,
    label_smoothing: Annotated[list[float] | None, typer.Option(help="A value to try; repeatable.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="A value to try; repeatable.")] = None,
    epochs: Epochs = None,
    images: TrainingImages = None,
    validation_images: ValidationImages = None,
    name: Annotated[str | None, typer.Option(help="What the runs are called, with a number each.")] = None,
    grace: Annotated[int, typer.Option(min=1, help="Epochs that every trial gets.")] = 1,
    factor: Annotated[int, typer.Option(min=2, help="One in so many goes on at each rung.")] = 2,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Train every combination of the values given, and stop early what falls behind (ASHA)."""
    from cifar_core.scale import sweep as sweeping

    dataset = get_dataset(data)
    base = get_recipe(recipe).on(dataset.sizes["train"], len(dataset.class_names))
    base = base.with_(epochs=epochs, images=images, validation_images=validation_images)
    changes = sweeping.grid(
        {
            "learning_rate": learning_rate or [],
            "batch_size": batch_size or [],
            "weight_decay": weight_decay or [],
            "label_smoothing": label_smoothing or [],
            "seed": seed or [],
        }
    )
    if not any(changes):
        raise ScaleError(
            "Give values to try, such as --learning-rate 0.16 --learning-rate 0.24; `train` trains once."
        )
    name = name or f"{recipe}-sweep-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    with console.working(f"training {len(changes)} runs, {name}-00 and on; `runs` shows them"):
        trials = sweeping.sweep(base, changes, name, address, grace, factor, dataset)
    rows: list[dict[str, Any]] = [{**trial._asdict(), "changes": dict(trial.changes)} for trial in trials]
    for row in rows:
        if as_json:
            print(json.dumps(row))
        else:
            best = "no epoch finished" if row["best"] is None else f"{percent(row['best'])} in validation"
            numbers = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in row["changes"].items())
            print(f"{row['run']}: {best}, {row['state']} after {row['epochs']} epochs ({numbers})")
