"""The commands of `data` that mend labels of your own pictures: which are doubtful, and what to do."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image
from rich.progress import TimeRemainingColumn

from cifar_core import formats
from cifar_core.cli import console
from cifar_core.cli.options import Json
from cifar_core.datasets import own, own_editing
from cifar_core.datasets.own import Own
from cifar_core.datasets.own_changes import OUT
from cifar_core.errors import DatasetError, ModelDirectoryError
from cifar_core.runs import catalogue

app = typer.Typer()

_SHOWN = 50

Name = Annotated[str, typer.Argument(help="A dataset of your own.", metavar="NAME")]
Pictures = Annotated[
    list[int], typer.Argument(help="Their numbers, as `data doubts` lists them.", metavar="PICTURE")
]


@app.command()
def doubts(
    name: Name,
    model: Annotated[
        str, typer.Option(help="By whose eyes: a model that did not learn from these labels.")
    ] = "best",
    save: Annotated[
        Path | None,
        typer.Option(help="A folder to write the doubted pictures to, to look at.", metavar="FOLDER"),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the pictures whose label is doubtful, the most doubtful first.

    Each picture is judged by a model that learned from the others.
    """
    from cifar_core.evaluation import doubts as judging
    from cifar_core.inference.opening import classifier_of

    dataset, judge = _found(name), catalogue.find_model(model)
    if not judging.can_judge(judge, dataset):
        raise ModelDirectoryError(
            f"“{model}” learned from the labels that it would judge; choose another with --model."
        )
    now = dataset.labels()
    with console.progress(TimeRemainingColumn()) as bar:
        task = bar.add_task("looking at every picture", total=1.0)
        features = judging.features_of(
            classifier_of(judge), dataset, lambda share: bar.update(task, completed=share)
        )
    index = dataset.index()
    found = judging.find(features, index.labels, index.groups)
    numbers = np.flatnonzero(now.labels != OUT)
    rows = []
    for place in found.order[: found.doubted].tolist():
        if not now.decided[numbers[place]]:
            label = int(index.labels[place])
            said, likelier = found.probabilities[place], found.likelier(place, label)
            rows.append(
                {
                    "picture": int(numbers[place]),
                    "label": dataset.class_names[label],
                    "label_probability": float(said[label]),
                    "likelier": dataset.class_names[likelier],
                    "likelier_probability": float(said[likelier]),
                }
            )
    if save is not None:
        _save(dataset, rows, save)
    if as_json:
        print(json.dumps(rows))
        return
    _list(name, rows)


def _list(name: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        print(f"No label of “{name}” is doubted.")
        return
    for row in rows[:_SHOWN]:
        print(f"{row['picture']}: {_said(row, 'label')}, rather {_said(row, 'likelier')}")
    if (more := len(rows) - _SHOWN) > 0:
        print(f"and {formats.count(more)} more; --json lists all")


def _said(row: dict[str, Any], which: str) -> str:
    return f"{formats.printable(row[which])} {formats.probability(row[f'{which}_probability'])}"


def _save(dataset: Own, rows: list[dict[str, Any]], folder: Path) -> None:
    """Write the pictures as PNG files named by number; their classes' names may be no names of files."""
    folder.mkdir(parents=True, exist_ok=True)
    spans = dataset.stored().spans
    for row in rows:
        [picture] = dataset.at(own.SIDE).decoded(spans[[row["picture"]]])
        Image.fromarray(picture).save(folder / f"{row['picture']:05}.png")


@app.command()
def label(
    name: Name,
    pictures: Pictures,
    to: Annotated[str, typer.Option("--to", help="The class; a picture's own keeps it.", metavar="CLASS")],
) -> None:
    """Give pictures another class, or say that their own is right."""
    own_editing.give(name, pictures, to)
    print(f"{_pictures(pictures)} of “{name}”: {formats.printable(to)}. {_after(name)}")


@app.command()
def exclude(name: Name, pictures: Pictures) -> None:
    """Take pictures out: nothing learns from them, nothing is tested with them."""
    own_editing.give(name, pictures, None)
    print(f"{_pictures(pictures)} of “{name}”: taken out. {_after(name)}")


@app.command()
def undo(name: Name) -> None:
    """Take back the last change of labels."""
    own_editing.undo(name)
    left = len(_found(name).labels().changes)
    remaining = {0: "none is", 1: "1 is"}.get(left, f"{formats.count(left)} are")
    print(f"The last change of “{name}” is taken back; {remaining} left.")


def _found(name: str) -> Own:
    dataset = own.find(name)
    if dataset is None:
        raise DatasetError(f"There is no dataset of your own called “{name}”; `data` lists them.")
    return dataset


def _pictures(numbers: list[int]) -> str:
    count = len(set(numbers))
    return "1 picture" if count == 1 else f"{formats.count(count)} pictures"


def _after(name: str) -> str:
    return f"`data undo {name}` takes it back."
