"""The command `data`: which datasets are here, how to get what is not, and pictures of your own."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import DownloadColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from cifar_core import formats, settings
from cifar_core.cli import console, labels
from cifar_core.cli.options import Json, Yes
from cifar_core.datasets import cifar10, own
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.download_status import DownloadStatus
from cifar_core.datasets.registry import get_dataset, names
from cifar_core.errors import DatasetError
from cifar_core.runs import downloads, learners

app = typer.Typer(help="List the datasets: which are here, and what to do about those that are not.")
app.add_typer(labels.app)  # without a name: its commands are commands of `data`

_SHOWN = 20  # of what was left out

From = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        help="Your own copy instead: the archive, a folder of batches or of PNG files in folders of "
        "classes, or (twice) the two Parquet files.",
        metavar="SOURCE",
        show_default=False,
    ),
]


@app.callback(invoke_without_command=True)
def data(context: typer.Context, as_json: Json = False) -> None:
    """List the datasets: which are here, and what to do about those that are not."""
    if context.invoked_subcommand:
        return
    rows = [_row(name) for name in names()]
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        title = row["title"] if row["title"] != row["name"] else "your own pictures"
        print(f"{row['name']}: {title}" + (f", {_contents(row)}" if row["sizes"] else ""))
        where = f"  in {row['folder']}, whole" if row["folder"] else "  comes with an installed package"
        print(where if row["here"] else f"  {row['problem']}")


@app.command()
def download(source: From = None, as_json: Json = False) -> None:
    """Download CIFAR-10 (170 MB), or take it from your own copy.

    Ctrl-C stops a download; what has come is kept, and the next one goes on from there.
    """
    folder = _taken(source) if source else _whole() or _downloaded()
    if source and (named := settings.CIFAR10_DIR.path()):
        told = (
            f"{settings.CIFAR10_DIR.name} still names {formats.printable(str(named))}: unset it to use this."
        )
        print(told, file=sys.stderr)
    if as_json:
        print(json.dumps({"folder": str(folder), "verified": True}))
    else:
        print(f"CIFAR-10 is in {folder}, every picture and label as published.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it.", metavar="NAME")],
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder with a folder of pictures for each class, a ZIP or tar archive of one, or a "
            "Parquet file with pictures and labels.",
            metavar="SOURCE",
        ),
    ],
    mirrors: Annotated[
        bool,
        typer.Option(
            "--mirrors/--no-mirrors", help="Whether a mirrored picture shows the same: writing does not."
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Make a dataset of your own pictures: up to 20,000, of up to 100 classes; says what was left out."""
    from cifar_core.datasets import own_adding

    with console.progress(MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("reading pictures", total=None)
        added = own_adding.add(
            name,
            source.expanduser(),
            mirrors=mirrors,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    row = {**_about(added.dataset), "left_out": [item._asdict() for item in added.left_out]}
    if as_json:
        print(json.dumps({**row, "notes": added.notes}))
        return
    print(f"{name}: {_contents(row)}, in {row['folder']}")
    for note in added.notes:
        print(note)
    if added.left_out:
        print(f"Left out: {formats.count(len(added.left_out))}")
    for item in added.left_out[:_SHOWN]:
        print(f"  {formats.printable(item.name)}: {formats.printable(item.reason)}")
    if (more := len(added.left_out) - _SHOWN) > 0:
        print(f"  and {formats.count(more)} more; --json lists all")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="A dataset of your own.", metavar="NAME")], yes: Yes = False
) -> None:
    """Remove a dataset of your own with its pictures; what was trained on it stays."""
    if name in own.names():  # what is not there is refused, there is nothing to ask
        learners.refuse_if_learning(name)
        if not yes:
            console.confirm(f"This deletes {own.folder_of(name)} for good.")
    own.remove(name)
    print(f"“{name}” is removed.")


def _contents(row: dict[str, Any]) -> str:
    train, test = map(formats.count, row["sizes"].values())
    return f"{train} training and {test} test pictures of {row['classes']} classes"


def _row(name: str) -> dict[str, Any]:
    """Return what the list says about a dataset, as JSON-ready values; a damaged one has no sizes."""
    try:
        dataset = get_dataset(name)
    except DatasetError as error:
        nothing = dict.fromkeys(("folder", "sizes", "classes"))
        return {"name": name, "title": name, "here": False, **nothing, "problem": str(error)}
    return _about(dataset)


def _about(dataset: Dataset) -> dict[str, Any]:
    problem, folder = dataset.problem(), None
    if problem is None:
        folder = dataset.folder()
        try:
            with console.working(f"verifying {dataset.title}"):
                dataset.verify()
        except DatasetError as error:
            problem = str(error)
    return {
        "name": dataset.name,
        "title": dataset.title,
        "here": problem is None,
        "folder": folder and str(folder),
        "sizes": dict(dataset.sizes),
        "classes": len(dataset.class_names),
        "problem": problem,
    }


def _whole() -> Path | None:
    """Return the folder of CIFAR-10 if it is whole; None if it has to be downloaded."""
    if folder := cifar10.find():
        try:
            cifar10.verify(folder)
        except DatasetError:
            if folder in cifar10.cached():
                return None
            raise
    return folder


def _taken(source: list[Path]) -> Path:
    from cifar_core.datasets import imported

    with console.progress(MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("taking CIFAR-10", total=None)
        return imported.take(
            *source, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )


def _downloaded() -> Path:
    """Download with progress; Ctrl-C stops what was started here, and only ends the looking on otherwise."""
    ours = not downloads.status().active
    try:
        status = _follow(downloads.start())
    except KeyboardInterrupt:
        if ours:
            status = downloads.cancel()
            print(f"{_so_far(status)} Run {cifar10.COMMAND} to go on.", file=sys.stderr)
        else:
            print("The download goes on: somebody else started it.", file=sys.stderr)
        raise
    if status.state != "finished":
        raise DatasetError(" ".join(filter(None, [status.error or _so_far(status), status.advice])))
    return cifar10.locate()


def _follow(status: DownloadStatus) -> DownloadStatus:
    with console.progress(DownloadColumn(), TextColumn("{task.fields[facts]}", markup=False)) as bar:
        task = bar.add_task("connecting", total=None, facts="")
        while status.active:
            left = f", {formats.duration(status.eta_seconds)} left" if status.eta_seconds is not None else ""
            facts = f"{formats.size_in_bytes(status.bytes_per_second)}/s{left}, {status.source}"
            bar.update(
                task,
                description=status.phase or "connecting",
                completed=status.done,
                total=status.total or None,
                facts=facts if status.source else "",
            )
            time.sleep(console.POLL_SECONDS)
            status = downloads.status()
    return status


def _so_far(status: DownloadStatus) -> str:
    came = f"; {formats.size_in_bytes(status.done)} have come and are kept" if status.done else ""
    return f"The download was {status.state}{came}."
