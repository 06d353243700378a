"""The commands for Google Cloud: `vertex upload`, `deploy`, `predict` and `delete`.

Each takes `--dry-run`, which prints the calls of Google's libraries and makes none.
"""

import contextlib
import itertools
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from cifar_core import settings
from cifar_core.cli import console
from cifar_core.cli.options import Images, Json, Model, Yes
from cifar_core.deploy import exporting, vertex, vertex_storage
from cifar_core.deploy.google_calls import Calls, Place, plain_errors
from cifar_core.errors import CloudError, ImageError, ModelDirectoryError
from cifar_core.runs import catalogue

app = typer.Typer(help="Put a model on Google Cloud's Vertex AI, and ask it there.", no_args_is_help=True)

Project = Annotated[str, typer.Option(envvar=settings.PROJECT.name, help="Id of the project.")]
Region = Annotated[str, typer.Option(envvar=settings.REGION.name, help="Where, for example europe-west4.")]
Bucket = Annotated[
    str, typer.Option(envvar=settings.BUCKET.name, help="Name of a bucket in Cloud Storage, in that region.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print every call with its arguments and make none.")]


@app.command()
def upload(
    model: Model,
    project: Project = "",
    region: Region = "",
    bucket: Bucket = "",
    saved_model: Annotated[
        Path | None,
        typer.Option(
            help="A folder that `export` wrote, with saved_model.pb in it; else it is exported now."
        ),
    ] = None,
    container: Annotated[
        str, typer.Option(help="Image that serves it; by default the newest of Google's for TensorFlow.")
    ] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Copy a model to a bucket and register it; what is there already is not sent again."""
    place, name = _place(project, region, bucket), _name(model)
    if container:
        vertex.refuse_if_misspelt("container image", container)
    calls = _calls(dry_run)
    with contextlib.ExitStack() as stack:
        folder = saved_model or stack.enter_context(_exported(model))
        stack.enter_context(plain_errors(project, bucket))
        done = vertex_storage.store(calls, place, name, folder)
        new = vertex.register(calls, place, name, done, container or vertex.container_for(region))
    if dry_run:
        return
    if as_json:
        print(json.dumps({"model": name, **done._asdict(), "registered": new}))
    else:
        was = "is registered" if new else "was registered already"
        print(f"{done.sent} of {done.files} files were sent to {done.uri}; the model {was}.")


@app.command()
def deploy(
    model: Model,
    project: Project = "",
    region: Region = "",
    machine_type: Annotated[str, typer.Option(help="Kind of machine that serves it.")] = vertex.MACHINE,
    min_replicas: Annotated[
        int, typer.Option(min=1, max=vertex.MOST_REPLICAS, help="Machines that always run.")
    ] = 1,
    max_replicas: Annotated[
        int, typer.Option(min=1, max=vertex.MOST_REPLICAS, help="Machines at most, when many ask.")
    ] = 1,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Serve what was uploaded last from an endpoint, made if needed; costs money until it is deleted."""
    place, name = _place(project, region), _name(model)
    vertex.refuse_if_misspelt("machine type", machine_type)
    if max_replicas < min_replicas:
        raise CloudError("--max-replicas is less than --min-replicas; raise the one or lower the other.")
    cost = vertex.cost(place, name, machine_type, min_replicas, max_replicas)
    console.confirm(cost, asked=not (dry_run or yes))
    calls = _calls(dry_run)
    with plain_errors(project):
        new = vertex.deploy(calls, place, name, machine_type, min_replicas, max_replicas)
    if not dry_run:
        print(f"The endpoint {vertex.display_name(name)} {'serves' if new else 'already serves'} “{name}”.")


@app.command()
def predict(
    model: Model,
    images: Images,
    project: Project = "",
    region: Region = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Ask the endpoint what is on pictures: a line each, with the likeliest class and how sure it is."""
    from cifar_core.inference.classify import Answer, mean_of

    place, name = _place(project, region), _name(model)
    facts = catalogue.find_model(model, allow_path=True).facts()
    loaded = [_load(image, facts.side) for image in images]
    arrays = [array for looks in loaded if not isinstance(looks, ImageError) for array in looks]
    rows = vertex.predict(_calls(dry_run), place, name, arrays)

    def answer(looks: npt.NDArray[np.uint8] | ImageError) -> Answer | ImageError | None:
        if isinstance(looks, ImageError):
            return looks
        given = list(itertools.islice(rows, len(looks)))
        if not given:  # in a dry run
            return None
        if len(given[0]) != len(facts.class_names):
            raise CloudError(
                f"The endpoint tells {len(given[0])} classes apart, “{name}” here {len(facts.class_names)}: "
                "it serves another model."
            )
        # It does not tell what is none of these.
        [found] = mean_of([Answer(facts.class_names, row, None) for row in given], [len(given)])
        return found

    with plain_errors(project):
        console.show_answers(images, map(answer, loaded), as_json)


@app.command()
def delete(
    model: Model,
    project: Project = "",
    region: Region = "",
    bucket: Bucket = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Delete the endpoint, the model and its files from Google Cloud; not the model on this machine."""
    place, name = _place(project, region, bucket), _name(model)
    what = f"endpoint and model {vertex.display_name(name)} and all files in gs://{bucket}/{vertex_storage.folder_of(name)}"
    console.confirm(f"This deletes for good the {what}.", asked=not (dry_run or yes))
    calls = _calls(dry_run)
    with plain_errors(project, bucket):
        vertex.withdraw(calls, place, name)  # first, for it is what costs
        vertex_storage.remove(calls, place, name)
    if not dry_run:
        print(f"“{name}” is no longer on Google Cloud.")


def _place(project: str, region: str, bucket: str | None = None) -> Place:
    """Check that each setting is given and can be one; a bucket only where one is needed."""
    for value, setting, what in (
        (project, settings.PROJECT, "project"),
        (region, settings.REGION, "region, for example europe-west4,"),
        (bucket, settings.BUCKET, "bucket"),
    ):
        if value == "":
            option = setting.default.strip("`")
            raise CloudError(f"Say which {what} with {option} or {setting.name}.")
        if value is not None:
            vertex.refuse_if_misspelt(setting.default.strip("`-"), value)
    return Place(project, region, bucket or "")


def _name(model: str) -> str:
    """Return the name of a model, which may be a path and need not be on this machine any more."""
    name = Path(model).name
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        raise ModelDirectoryError(
            f"“{model}” cannot be a model's name on Google Cloud; use letters, digits, dots, dashes and "
            "underscores."
        )
    return name


def _calls(dry_run: bool) -> Calls:
    if dry_run:
        print("# A dry run: these calls would be made, of `from google.cloud import aiplatform, storage`.")
    return Calls(dry_run)


@contextlib.contextmanager
def _exported(model: str) -> Iterator[Path]:
    """Export a model into a folder that is gone afterwards."""
    directory = catalogue.find_model(model, allow_path=True)
    with tempfile.TemporaryDirectory() as folder:
        with console.working(f"exporting “{directory.name}”"):
            version = exporting.export(directory, Path(folder))
        yield version


def _load(image: str, side: int) -> npt.NDArray[np.uint8] | ImageError:
    from cifar_core.images import load

    try:
        return load(Path(image), side=side)[1]
    except ImageError as error:
        return error
