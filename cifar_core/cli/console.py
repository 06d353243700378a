"""What the command line shows: tables on stdout, progress on stderr, so that results can be piped."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from cifar_core import formats, paths
from cifar_core.errors import CifarLabError, ImageError, JobError
from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Augmented, Card
from cifar_core.runs.status import Status

if TYPE_CHECKING:
    from cifar_core.inference.classify import Answer

POLL_SECONDS = 0.5  # as often as a worker writes its status
STOP_SECONDS = 600.0  # a run that is evaluated stops only afterwards, which is minutes


def progress(*columns: ProgressColumn, disable: bool = False) -> Progress:
    """Return a bar for a screen: what it is about, the bar, then `columns`; it vanishes when done."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        *columns,
        console=console,
        transient=True,
        redirect_stdout=False,  # or results that are printed meanwhile would go to stderr too
        disable=disable or not console.is_terminal,
    )


def working(description: str) -> Progress:
    """Return a bar for work that does not say how far it is: it only shows that something happens."""
    bar = progress(TimeElapsedColumn())
    bar.add_task(description, total=None)
    return bar


def confirm(what: str, *, asked: bool = True) -> None:
    """Say what is going to happen, and ask if somebody is there; CifarLabError if they do not want it."""
    print(what, file=sys.stderr)
    if not asked:
        return
    try:
        if typer.confirm("Go on?", err=True):
            return
    except typer.Abort:  # nobody is there to answer
        print(file=sys.stderr)
    raise CifarLabError("Nothing was done; answer y to go on, or give --yes.")


def follow(run: ModelDirectory) -> Status:
    """Show the progress of a run until it ends; return its last status."""
    silent = False
    with progress(TextColumn("{task.fields[facts]}", markup=False, table_column=Column(no_wrap=True))) as bar:
        task = bar.add_task("starting", total=None, facts="")
        while True:
            status = run.status()
            steps = status.epochs * status.steps_per_epoch
            done = max(status.epoch - 1, 0) * status.steps_per_epoch + status.step
            bar.update(
                task,
                description=_phase(status),
                total=steps or None,
                completed=done,
                facts=_facts(run, status),
            )
            if not status.active:
                return status
            if status.frozen and not silent:  # it may go on, so this does, too
                print(f"{jobs.silence(run, status)}; Ctrl-C gives it up.", file=sys.stderr)
            silent = status.frozen
            time.sleep(POLL_SECONDS)


def wait(run: ModelDirectory) -> Status:
    """Wait until a run is no longer active, but not for a frozen one; return its last status."""
    deadline = time.monotonic() + STOP_SECONDS
    with working(f"waiting for “{run.name}” to stop"):
        while (status := run.status()).active and not status.frozen and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    return status


def how_it_ended(run: ModelDirectory, status: Status) -> str:
    """Say how a run ended; JobError if it has not."""
    if status.active:
        raise JobError(
            f"“{run.name}” was asked to stop and has not yet, its last word is "
            f"{formats.duration(status.silence)} old; `python -m cifar_core stop {run.name} --kill` ends it."
        )
    if status.state in ("stopped", "interrupted"):
        cure = f"`python -m cifar_core resume {run.name}` continues it."
        return f"{status.error} The run “{run.name}” is {status.state}; {cure}".lstrip()
    return status.error or f"The run “{run.name}” is {status.state}."


def overview(directory: ModelDirectory) -> dict[str, Any]:
    """Return one line of the table of runs, with None for what is not known (yet), as JSON-ready values."""
    status, history = directory.status(), directory.history()
    try:
        directory.check_results()
        card: dict[str, Any] = {**directory.card()}
    except CifarLabError:  # there are none yet, or they are damaged
        card = {}
    try:
        recipe = directory.recipe()
    except CifarLabError:  # one damaged run must not hide the others
        recipe = None
    return {
        "name": directory.name,
        "title": directory.title,
        "directory": str(directory.path),
        "recipe": recipe and recipe.name,
        "state": status.state,
        "shipped": directory.path.parent == paths.models_root(),
        "validation": recipe and recipe.validation,
        "epochs": len(history),
        "epochs_planned": recipe.epochs if recipe and not directory.is_average else None,
        "best_validation_accuracy": None if history.empty else float(history["val_accuracy"].max()),
        "accuracy": card.get("accuracy"),
        "seconds": card.get("training_seconds", status.seconds),
        "error": f"{jobs.silence(directory, status)}." if status.frozen else status.error or None,
    }


def show_runs(rows: Iterable[dict[str, Any]]) -> None:
    """Print the table of runs; each row is an `overview`."""
    table = Table(box=SIMPLE)
    for heading in ("name", "recipe", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("epochs", "best validation accuracy", "test accuracy", "duration"):
        table.add_column(heading, justify="right")
    notes = []
    for row in rows:
        on_test = row["validation"] == "test"
        best, accuracy = row["best_validation_accuracy"], row["accuracy"]
        cells = (
            row["name"] if row["title"] == row["name"] else f"{row['name']}\n{row['title']}",
            row["recipe"] or "unreadable",
            row["state"] + (" (shipped)" if row["shipped"] else ""),
            "–" if row["recipe"] == "average" else f"{row['epochs']} of {row['epochs_planned'] or '?'}",
            "" if best is None else formats.percent(best) + (" *" if on_test else ""),
            "" if accuracy is None else formats.percent(accuracy),
            formats.duration(row["seconds"]),
        )
        table.add_row(*map(Text, cells))
        notes += [f"{row['name']}: {row['error']}"] if row["error"] else []
        notes += ["* validated on the test set, as in the original report"] if on_test else []
    _print(table)
    for note in dict.fromkeys(notes):
        _print(Text(note))


def show_card(card: Card) -> None:
    """Print the results of a model as a small table."""
    low, high = card["accuracy_interval"]
    epochs = f"{card['epochs']} epoch{'s' if card['epochs'] != 1 else ''}"
    rows: list[Sequence[str]] = [
        (
            "Accuracy",
            f"{formats.percent(card['accuracy'])} of the {formats.count(card['test_images'])} test images",
        ),
        ("", f"95 % interval {formats.percent(low)} to {formats.percent(high)}"),
        *_of_views(card.get("test_time_augmentation")),
        ("Loss", formats.loss(card["loss"])),
        ("Macro F1", formats.percent(card["macro_f1"])),
        ("Calibration error", formats.percent(card["calibration_error"])),
        ("", f"before calibration {formats.percent(card['calibration_error_before'])}"),
        ("Temperature", f"{card['temperature']:.2f}"),
        ("Parameters", formats.count(card["parameters"])),
        ("Model file", formats.size_in_bytes(card["bytes"])),
        ("Training", f"{epochs} in {formats.duration(card['training_seconds'])}"),
        ("", f"on {card['hardware']}, seed {card['seed']}"),
    ]
    if "robustness_mean" in card and "robustness_calibration_error" in card:
        error = formats.percent(card["robustness_calibration_error"])
        rows.append(("Worse pictures", f"{formats.percent(card['robustness_mean'])} right, on average"))
        rows.append(("", f"calibration error {error}"))
    if card["validation"] == "test":
        rows.append(("Validation", "on the test set, as in the original report"))
    table = Table(box=SIMPLE, show_header=False, title=Text(f"{card['name']} ({card['recipe']})"))
    for row in rows:
        table.add_row(*map(Text, row))
    _print(table)


def _of_views(augmented: Augmented | None) -> list[Sequence[str]]:
    if augmented is None:  # of an average that was not measured further
        return []
    low, high = augmented["accuracy_interval"]
    return [
        (f"With {augmented['views']} views", f"{formats.percent(augmented['accuracy'])} accuracy"),
        ("", f"95 % interval {formats.percent(low)} to {formats.percent(high)}"),
    ]


def show_answers(
    images: Sequence[str], answers: Iterable["Answer | ImageError | None"], as_json: bool
) -> None:
    """Print a line, text or JSON, for each picture as its answer comes; no line if the answer is None.

    At the end an ImageError says so if there were pictures that could not be classified.
    """
    failed = 0
    for image, answer in zip(images, answers, strict=True):
        if answer is None:
            continue
        if isinstance(answer, ImageError):
            failed += 1
            result, line = {"error": str(answer)}, str(answer)
        else:
            result, line = answer.to_dict(), _in_words(answer)
        in_words = formats.printable(f"{image}: {line}", most=1_000)
        print(json.dumps({"image": image, **result}) if as_json else in_words, flush=True)
    if failed:
        raise ImageError(f"{failed:,} of {len(images):,} pictures could not be classified.")


def _in_words(answer: "Answer") -> str:
    others = [f"{name} {formats.percent(share)}" for name, share in answer.likeliest(3)[1:]]
    doubt = "probably none of these; nearest is " if answer.none_of_these else ""
    return f"{doubt}{answer.class_name}, {formats.percent(answer.confidence)} (then {', '.join(others)})"


def _print(what: Table | Text) -> None:
    # A file or a pipe has no width to wrap at.
    Console(width=None if sys.stdout.isatty() else 10_000).print(what, soft_wrap=isinstance(what, Text))


def _phase(status: Status) -> str:
    if status.frozen:
        return f"silent for {formats.duration(status.silence)}"
    if status.state == "running" and status.phase in ("training", "validating"):
        return f"epoch {status.epoch} of {status.epochs}"
    return status.phase if status.state in ("starting", "running") and status.phase else status.state


def _facts(run: ModelDirectory, status: Status) -> str:
    facts = []
    if status.images_per_second:
        facts.append(f"{formats.count(round(status.images_per_second))} images/s")
    history, steps = run.history(), run.steps()
    # Before the first validation there is only the accuracy on the training images.
    known = steps["accuracy"] if history.empty else history["val_accuracy"]
    if not known.empty:
        facts.append(f"accuracy {formats.percent(known.iloc[-1])}")
    if status.eta_seconds is not None:
        facts.append(f"{formats.duration(status.eta_seconds)} left")
    return " · ".join(facts)
