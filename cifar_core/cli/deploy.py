"""The commands for TensorFlow Serving: `export` and `serving check`, registered in `cifar_core.__main__`."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cifar_core.cli import console
from cifar_core.cli.options import Json, Model
from cifar_core.errors import ImageError, ServingError
from cifar_core.formats import percent, printable
from cifar_core.runs import catalogue

if TYPE_CHECKING:
    from cifar_core.deploy.check import Comparison

serving = typer.Typer(help="Ask a model on TensorFlow Serving.", no_args_is_help=True)


def export(
    model: Model,
    directory: Annotated[
        Path, typer.Argument(help="Folder that gets MODEL/VERSION; made if needed.", metavar="DIRECTORY")
    ],
    litert: Annotated[
        bool, typer.Option("--litert", help="Write DIRECTORY/MODEL.tflite instead, for phones and devices.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a model for TensorFlow Serving, DIRECTORY/MODEL/1 or the next number, and a website beside it."""
    from cifar_core.deploy import container, exporting

    found = catalogue.find_model(model, allow_path=True)
    with console.working(f"exporting “{found.name}”"):
        path = exporting.export(found, directory, "litert" if litert else "savedmodel")
        if not litert:
            container.write_beside(path.parent.parent, found.name)
    print(json.dumps({"model": found.name, "path": str(path)}) if as_json else path)


def pack(
    model: Model,
    file: Annotated[
        Path | None, typer.Argument(help="The file to write; MODEL.zip by default.", metavar="[FILE]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a model into one file, for another machine; the pictures that it learned from stay here."""
    from cifar_core.deploy import packing
    from cifar_core.files import write_whole

    found, buffer = catalogue.find_model(model, allow_path=True), io.BytesIO()
    packing.pack(found, buffer)
    path = file or Path(f"{found.name}.zip")
    write_whole(path, buffer.getvalue())
    print(json.dumps({"model": found.name, "path": str(path)}) if as_json else path)


def unpack(
    file: Annotated[Path, typer.Argument(help="What `pack` wrote.", metavar="FILE")],
    name: Annotated[str | None, typer.Option(help="What to call it instead of its own name.")] = None,
    as_json: Json = False,
) -> None:
    """Take in a model that another machine packed: checked first, and it runs no code."""
    from cifar_core.deploy import packing

    run = packing.unpack(file, name)
    print(json.dumps({"name": run.name, "directory": str(run.path)}) if as_json else run.path)


@serving.command()
def check(
    url: Annotated[
        str,
        typer.Argument(
            help="http://HOST:8501, or with /v1/models/NAME behind it, or a version of that.", metavar="URL"
        ),
    ],
    images: Annotated[list[Path], typer.Argument(help="Pictures of any size.", metavar="IMAGE")],
    model: Annotated[
        str, typer.Option(help="The model here, and there too if URL names none; by default URL's.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Ask a running server about pictures, and compare its answers with the model here."""
    from cifar_core.deploy.check import TOLERANCE, compare
    from cifar_core.deploy.serving import Client, parse
    from cifar_core.inference.opening import classifier_of

    served = parse(url).model
    name = model or served
    if not name:
        raise ServingError("Say which model with --model NAME, or give its address, …/v1/models/NAME.")
    directory = catalogue.find_model(name, allow_path=True)
    pictures = [(str(image), _read(image)) for image in images]
    client = Client(url, directory.name)
    with console.working(f"asking {url}"):
        found = compare(client, directory, classifier_of(directory), pictures)
    if as_json:
        print(json.dumps({"url": url, "model": directory.name, **_as_json(found)}))
    else:
        for row in found.rows:
            line = (
                f"{row.name} ({row.signature}): {row.there}, {percent(row.there_confidence)}; "
                f"here {row.here}, {percent(row.here_confidence)}; largest difference {row.difference:.1e}"
            )
            print(printable(line, most=1_000))
        print(
            f"{percent(found.agreement)} of {len(found.rows):,} answers name the same class; the largest "
            f"difference of a probability is {found.largest_difference:.1e}."
        )
    if not found.same:
        raise ServingError(
            f"The server does not answer as “{directory.name}” does here, to within {TOLERANCE:g}; it may "
            "have another version, `python -m cifar_core export` writes this one."
        )


def _read(path: Path) -> bytes:
    from cifar_core.images import load

    try:
        load(path)
        return path.read_bytes()
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error


def _as_json(found: "Comparison") -> dict[str, Any]:
    return {
        "version": found.version,
        "signatures": found.signatures,
        "same": found.same,
        "agreement": found.agreement,
        "largest_difference": found.largest_difference,
        "images": [row._asdict() for row in found.rows],
    }
