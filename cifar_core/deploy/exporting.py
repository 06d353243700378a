"""Start the process that turns a model into another format. Only that process loads TensorFlow."""

import json
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any, Literal

from cifar_core.deploy import container
from cifar_core.errors import ServingError
from cifar_core.runs import processes
from cifar_core.runs.members import refuse_average
from cifar_core.runs.model_dir import ModelDirectory

Kind = Literal["savedmodel", "litert"]

_one_at_a_time = threading.Lock()  # each takes 700 MB for some seconds


def export(directory: ModelDirectory, destination: Path, kind: Kind = "savedmodel") -> Path:
    """Write a model in another format and return where it is.

    Takes as long as TensorFlow needs to load and to convert, some seconds.

    Parameters
    ----------
    directory
        The model.
    destination
        The folder to write into; made if needed.
    kind
        `savedmodel` becomes the next version under `destination/<model>`, for TensorFlow Serving; `litert`
        becomes `destination/<model>.tflite`.

    Raises
    ------
    ModelDirectoryError
        If it is an average.
    ServingError
        If the model is damaged, the folder cannot be written, or the process ended without a result.
    """
    refuse_average(directory)
    if not re.fullmatch(r"[\w.-]+", directory.name):
        raise ServingError(
            f"“{directory.name}” cannot be a model's name on a server; rename its folder to letters, digits, "
            "dots, dashes and underscores."
        )
    arguments = (kind, str(directory.path), str(destination.resolve()))
    with _one_at_a_time:
        done = subprocess.run(
            processes.command("cifar_core.training.serving_export", *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=processes.environment(),
        )
    answer = _last_line(done.stdout)
    if "path" in answer:
        return Path(answer["path"])
    reason = answer.get("error") or next(
        (line for line in reversed(done.stderr.splitlines()) if line.strip()),
        f"its process ended with status {done.returncode}, perhaps for lack of memory",
    )
    raise ServingError(f"“{directory.name}” could not be exported: {reason}")


def archive(directory: ModelDirectory) -> bytes:
    """Return a ZIP file of a folder ready to be served: SavedModel and all that `write_beside` adds.

    Raises `ServingError` as `export` does.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "serving")
        export(directory, folder)
        container.write_beside(folder, directory.name)
        return Path(shutil.make_archive(str(folder), "zip", scratch, folder.name)).read_bytes()


def litert(directory: ModelDirectory) -> bytes:
    """Return a model as LiteRT's file; raises `ServingError` as `export` does."""
    with tempfile.TemporaryDirectory() as scratch:
        return export(directory, Path(scratch), "litert").read_bytes()


def _last_line(output: str) -> dict[str, Any]:
    try:
        answer = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}
