"""The command line: `python -m cifar_core COMMAND`, one function a command.

What it prints on stdout is the result; progress and errors go to stderr. The exit status is 0, 1 if something
went wrong, 2 if the command was misspelt and 130 after Ctrl-C.
"""

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cifar_core import formats, settings
from cifar_core.cli import average, console, data, deploy, scale, vertex
from cifar_core.cli.options import (
    Data,
    Epochs,
    Images,
    Json,
    Model,
    RecipeName,
    TrainingImages,
    ValidationImages,
    Yes,
)
from cifar_core.datasets.registry import CIFAR10, get_dataset
from cifar_core.errors import CifarLabError, ImageError, JobError, RecipeError
from cifar_core.formats import duration, percent
from cifar_core.inference.tta import TTA
from cifar_core.recipes import get_recipe
from cifar_core.runs import catalogue, jobs, members, trash
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Card

# Heavy imports (scikit-learn, ONNX Runtime, the network) are left to the commands that need them.

app = typer.Typer(
    help="Train, evaluate and use CIFAR-10 image classifiers.",
    epilog="\n\n".join(["Settings, as environment variables:", *map(str, settings.SETTINGS)]),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

MOST_SAID = 600  # characters, of an error that names what was typed

Foreground = Annotated[
    bool, typer.Option("--foreground", help="Stay and show progress; Ctrl-C stops the run, resumably.")
]
Run = Annotated[str, typer.Argument(help="Name or path of a run; `runs` lists them.", metavar="RUN")]

app.add_typer(data.app, name="data")


@app.command()
def train(
    recipe: RecipeName,
    data: Data = CIFAR10.name,
    name: Annotated[str | None, typer.Option(help="Name of the run instead of recipe and time.")] = None,
    epochs: Epochs = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest learning rate.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better validation loss before it stops; 0: never.")
    ] = None,
    images: TrainingImages = None,
    validation_images: ValidationImages = None,
    seed: Annotated[int | None, typer.Option(help="Fixes everything random.")] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="What `transfer` builds on: a model that is here, or `imagenet`, VGG16's weights (59 MB), "
            "which tells photographs apart best.",
            metavar="MODEL",
        ),
    ] = None,
    foreground: Foreground = False,
    as_json: Json = False,
) -> None:
    """Start a training run and print its directory; what is not given is as in the recipe."""
    dataset = get_dataset(data)
    chosen = get_recipe(recipe).on(dataset.sizes["train"], len(dataset.class_names))
    if base is not None:
        chosen = jobs.on_base(chosen, base)
    if validation_images is not None and chosen.validation == "test":
        raise RecipeError(f"The recipe {recipe} validates on the test set; leave --validation-images out.")
    chosen = chosen.with_(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        images=images,
        validation_images=validation_images,
        seed=seed,
    )
    run = jobs.start(chosen, name, dataset)
    if as_json:
        print(json.dumps({"name": run.name, "directory": str(run.path)}), flush=True)
    else:
        print(run.path, flush=True)
    if foreground:
        _follow(run)


@app.command()
def stop(
    run: Run,
    wait: Annotated[bool, typer.Option(help="Return only when the run has stopped.")] = True,
    kill: Annotated[
        bool, typer.Option("--kill", help="End its process by force, where it does not answer.")
    ] = False,
) -> None:
    """Stop a run; `resume` continues it from its last finished epoch."""
    directory = catalogue.find(run, allow_path=True)
    if kill:
        jobs.end(directory)
    else:
        jobs.stop(directory)
    if wait or kill:
        print(console.how_it_ended(directory, console.wait(directory)))
    else:
        print(f"The run “{directory.name}” was asked to stop.")


@app.command()
def resume(run: Run, foreground: Foreground = False) -> None:
    """Continue a stopped, failed or interrupted run from its last finished epoch."""
    directory = catalogue.find(run, allow_path=True)
    jobs.resume(directory)
    print(directory.path, flush=True)
    if foreground:
        _follow(directory)


@app.command()
def delete(run: Run, yes: Yes = False) -> None:
    """Delete a run with all its files, its model included; `restore` brings it back within a day."""
    directory = catalogue.find(run, allow_path=True)
    if directory.own and not yes:  # others are refused, there is nothing to ask
        console.confirm(f"This deletes {directory.path}; for a day `restore` brings it back.")
    lost = members.averages_of(directory)
    jobs.delete(directory)
    undo = f"`python -m cifar_core restore {directory.name}` brings it back within a day"
    print(f"The run “{directory.name}” is deleted; {undo}.")
    if lost:
        print(f"Averages of it no longer answer: {', '.join(lost)}.")


@app.command()
def restore(
    run: Annotated[str, typer.Argument(help="Name of a run that was deleted within a day.", metavar="RUN")],
) -> None:
    """Bring back a run that was deleted within the last day."""
    print(trash.restore(run).path)


@app.command()
def runs(as_json: Json = False) -> None:
    """List your runs, newest first, and the shipped models."""
    shipped = [model for model in catalogue.models() if not model.own]
    rows = [console.overview(directory) for directory in [*catalogue.runs(), *shipped]]
    if as_json:
        print(json.dumps(rows))
    elif rows:
        console.show_runs(rows)
    else:
        print("There are no runs yet; `python -m cifar_core train quick` starts one.")


@app.command()
def evaluate(
    model: Model,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Measure it on noisy, blurred … pictures too: minutes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Recompute a model's predictions and results from its model.onnx, and print the results."""
    from cifar_core.evaluation import averaging
    from cifar_core.evaluation import card as cards

    directory = catalogue.find_model(model, allow_path=True)
    recompute = averaging.evaluate if directory.is_average else cards.evaluate
    with console.working(f"evaluating “{directory.name}”"):
        card = recompute(directory, robustness)
    if as_json:
        print(json.dumps(card))
    else:
        console.show_card(card)
    _warn(card)


@app.command()
def classify(
    model: Model,
    images: Images,
    tta: Annotated[
        TTA,
        typer.Option(
            help="Test-time augmentation: 2 looks at the mirror image too, 6 at small shifts as well; "
            "slower, a little more accurate."
        ),
    ] = 1,
    as_json: Json = False,
) -> None:
    """Say what is on pictures, or those of a folder: a line each, the likeliest class and how sure it is."""
    from cifar_core.images import load
    from cifar_core.inference.classify import Answer, calibration_of
    from cifar_core.inference.classify import classify as ask
    from cifar_core.inference.opening import classifier_of

    directory = catalogue.find_model(model, allow_path=True)
    classifier, calibration = classifier_of(directory), calibration_of(directory, tta)
    images = [picture for image in images for picture in _pictures(image)]

    def answer(image: str) -> Answer | ImageError:
        try:
            if Path(image).is_dir():
                raise ImageError("There are no pictures in this folder.")
            _, looks = load(Path(image), side=classifier.facts.side)
            [found] = ask(classifier, calibration, [looks], tta)
            return found
        except ImageError as error:
            return error

    # On a screen the lines themselves show the progress.
    with console.progress(disable=sys.stdout.isatty()) as bar:
        console.show_answers(images, map(answer, bar.track(images, description="classifying")), as_json)


app.command()(average.average)
app.command()(deploy.export)
app.command()(deploy.pack)
app.command()(deploy.unpack)
app.add_typer(deploy.serving, name="serving")
app.add_typer(vertex.app, name="vertex")
app.command()(scale.score)
app.command()(scale.sweep)


def _pictures(image: str) -> list[str]:
    """Return a picture itself, or the pictures of a folder, if there are any."""
    from cifar_core.sources.folder import Folder

    if not Path(image).is_dir():
        return [image]
    return [str(Path(image) / picture.name) for picture in Folder(Path(image)).listing().pictures] or [image]


def _follow(run: ModelDirectory) -> None:
    """Show a run's progress until it ends; Ctrl-C stops the run, not only the watching."""
    try:
        status = console.follow(run)
    except KeyboardInterrupt:
        with contextlib.suppress(JobError):  # if it has just ended by itself
            (jobs.end if run.status().frozen else jobs.stop)(run)
        print(console.how_it_ended(run, console.wait(run)), file=sys.stderr)
        raise
    if status.state != "finished":
        raise JobError(console.how_it_ended(run, status))
    card = run.card()
    print(
        f"{percent(card['accuracy'])} of the test images are classified right, after "
        f"{duration(card['training_seconds'])} of training.",
        file=sys.stderr,
    )
    _warn(card)


def _warn(card: Card) -> None:
    if warning := card.get("warning"):
        print(f"Warning: {warning}", file=sys.stderr)


def main() -> None:
    """Run the command line: an error of ours, or of the file system, becomes one line."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:  # whoever started us closed it
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            # The name of a picture may hold any bytes; and a full disk shall be met here, not at the exit.
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    try:
        app()
    except (CifarLabError, OSError) as error:
        said = _of_a_file(error) if isinstance(error, OSError) else str(error)
        print(f"Error: {formats.printable(said, MOST_SAID)}", file=sys.stderr)
        _give_up_unwritten()
        sys.exit(1)
    except SystemExit as end:
        if end.code == 130:
            print("Interrupted.", file=sys.stderr)
        raise


def _give_up_unwritten() -> None:
    """Let go of output that cannot be written, or Python would complain of it once more at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_a_file(error: OSError) -> str:
    if not error.strerror:  # not from the operating system, so it is a sentence, or what comes closest
        return str(error)
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    return f"{named or 'A file or the output'} cannot be read or written ({error.strerror})."
