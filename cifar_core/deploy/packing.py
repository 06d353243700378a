"""A model as one file: out of here, and into another machine's runs, where it is hostile until checked.

The file is a ZIP archive of the files of a model directory in a folder of its name. Taken in are those files
and no others, each no longer than it may be, and the model must pass all that a model here does: its files
make sense together, and its network answers. `model.keras`, which the app never loads but exports do, may
name nothing but the layers of ordinary image networks, so that it runs no code.
"""

import lzma
import re
import uuid
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import msgspec

from cifar_core import formats, paths
from cifar_core.errors import CifarLabError, ModelDirectoryError
from cifar_core.files import force_to_disk, scratch_folder
from cifar_core.inference.opening import classifier_of
from cifar_core.runs import catalogue
from cifar_core.runs.members import refuse_average
from cifar_core.runs.model_dir import ModelDirectory

# What a packed file may hold, in bytes; a network of a thousand classes and half a gigabyte of weights fits.
MOST = {
    "config.json": 1_000_000,
    "card.json": 1_000_000,
    "history.csv": 1_000_000,
    "steps.csv": 50_000_000,
    "predictions.npz": 100_000_000,
    "model.keras": 500_000_000,
    "model.onnx": 500_000_000,
}
NEEDED = {"config.json", "card.json", "history.csv", "predictions.npz", "model.onnx"}

_CHUNK = 1 << 20
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, KeyError, RuntimeError)
_LAYERS = re.compile(
    "Activation|Add|Average|AveragePooling2D|BatchNormalization|Concatenate|Conv2D|Cropping2D|Dense|"
    "DepthwiseConv2D|Dropout|Flatten|GlobalAveragePooling2D|GlobalMaxPooling2D|InputLayer|"
    "LayerNormalization|MaxPooling2D|Multiply|Normalization|ReLU|Rescaling|Reshape|Resizing|"
    "SeparableConv2D|Softmax|UpSampling2D|ZeroPadding2D"
)
_OTHERS = {  # module and class
    ("keras", "DTypePolicy"),
    ("keras", "Functional"),
    ("keras.src.models.functional", "Functional"),
    (None, "__keras_tensor__"),
}


def pack(model: ModelDirectory, file: BinaryIO) -> None:
    """Write a trained model into a ZIP archive.

    ModelDirectoryError if it is an average, or its results are missing or damaged.
    """
    refuse_average(model)
    model.check_results()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in MOST:
            if (path := model.path / name).is_file():
                archive.write(path, f"{model.name}/{name}")


def unpack(file: Path | BinaryIO, name: str | None = None) -> ModelDirectory:
    """Take a packed model in, as a run of one's own.

    Parameters
    ----------
    file
        What `pack` wrote, or what somebody says it did.
    name
        What to call it; by default as it was called.

    Raises
    ------
    ModelDirectoryError
        The file is no model, or not a sound one; the name is unfit or taken. Nothing is left behind.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(archive)
            target = catalogue.new_run(name or PurePosixPath(members[0].filename).parts[0])
            root = paths.runs_root()
            with scratch_folder(root / f".unpacking-{uuid.uuid4().hex}") as scratch:
                made = ModelDirectory(scratch / target.name)
                made.path.mkdir()
                for member in members:
                    _write(archive, member, made.path)
                _check(made)
                force_to_disk(made.path)
                made.path.rename(target.path)
    except _UNREADABLE as error:
        raise ModelDirectoryError("This file is no packed model, or it is damaged; pack it again.") from error
    except OSError as error:
        raise ModelDirectoryError(f"No model can be taken in ({error.strerror or error}).") from error
    return target


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of a model; ModelDirectoryError if there are others, or not those that it needs."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    ways = [PurePosixPath(member.filename).parts for member in members]
    for member, way in zip(members, ways, strict=True):
        shown = formats.printable(member.filename, most=60)
        if len(way) != 2 or way[1] not in MOST or way[0] != ways[0][0]:
            raise ModelDirectoryError(f"“{shown}” is no file of a packed model: nothing was taken in.")
        if member.file_size > MOST[way[1]]:
            raise ModelDirectoryError(f"“{shown}” is far too large for a model: nothing was taken in.")
    names = [way[1] for way in ways]
    if len(set(names)) != len(names) or not set(names) >= NEEDED:
        raise ModelDirectoryError("This archive holds no whole model: nothing was taken in; pack it again.")
    return members


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    """Unpack a file, no further than it may be long, whatever the archive says of its size."""
    name = PurePosixPath(member.filename).name
    left = MOST[name]
    with archive.open(member) as source, (folder / name).open("xb") as target:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise zipfile.BadZipFile(f"{name} is longer than it says")
            target.write(chunk)
    force_to_disk(folder / name)


def _check(model: ModelDirectory) -> None:
    """Raise ModelDirectoryError unless a model is as sound as one that was trained here."""
    try:
        model.recipe()
        model.check_results()
        if model.history().empty:
            raise ModelDirectoryError("history.csv holds no epoch.")
        classifier_of(model)
    except CifarLabError as error:
        raise ModelDirectoryError(f"This is no sound model, so nothing was taken in. {error}") from error
    if model.keras_path.exists() and not _is_plain(model.keras_path):
        raise ModelDirectoryError(
            "model.keras is damaged, or names layers that could run code: nothing was taken in."
        )


def _is_plain(path: Path) -> bool:
    """Whether a model of Keras' own format names nothing but layers that compute."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != ["config.json", "metadata.json", "model.weights.h5"]:
                return False
            if archive.getinfo("config.json").file_size > MOST["config.json"]:
                return False
            config = msgspec.json.decode(archive.read("config.json"))
    except (OSError, ValueError, *_UNREADABLE):
        return False
    return all(_is_known(found) for found in _objects(config))


def _objects(value: Any) -> Iterable[dict[str, Any]]:
    """Yield every object that Keras would make, at any depth."""
    if isinstance(value, dict):
        if "class_name" in value or "module" in value or "registered_name" in value:
            yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _is_known(found: dict[str, Any]) -> bool:
    module, name = found.get("module"), found.get("class_name")
    if not isinstance(name, str) or found.get("registered_name") not in (None, name):
        return False
    if module == "keras.layers":
        return _LAYERS.fullmatch(name) is not None
    return module in ("keras.initializers", "keras.regularizers") or (module, name) in _OTHERS
