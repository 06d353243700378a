"""A model out as one file and in again; and what is no model, or one that means harm."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifar_core import paths
from cifar_core.deploy import packing
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference.opening import classifier_of
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from tests.command_line import Typed

Files = dict[str, bytes]

LAYER: dict[str, Any] = {
    "module": "keras.layers",
    "class_name": "Dense",
    "registered_name": None,
    "config": {},
}
PLAIN = {"module": "keras.src.models.functional", "class_name": "Functional", "config": {"layers": [LAYER]}}


def keras(config: Any = PLAIN) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps(config) if not isinstance(config, bytes) else config)
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"none")
    return file.getvalue()


@pytest.fixture
def files(digits: ModelDirectory) -> Files:
    """The files of a sound model, which is not here any more."""
    digits.keras_path.write_bytes(keras())
    found = {f"linear/{name}": (digits.path / name).read_bytes() for name in packing.MOST}
    digits.path.rename(digits.path.with_name(".gone"))
    return found


def packed(files: Files, way: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", way) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file


def refused(file: io.BytesIO | Path, runs: Path) -> str:
    with pytest.raises(ModelDirectoryError) as error:
        packing.unpack(file)
    assert [path.name for path in runs.iterdir() if path.name not in (".gone", ".start.lock")] == []
    assert "unpacking-" not in str(error.value)
    return str(error.value)


def test_a_model_goes_out_and_comes_in_under_another_name_too(digits: ModelDirectory, typed: Typed) -> None:
    digits.keras_path.write_bytes(keras())
    (digits.path / "worker.log").write_text("what only this machine knows")
    file = digits.path.parent / "model.zip"
    assert typed("pack", "linear", str(file)).out.strip() == str(file)
    assert "There is already a run “linear”" in typed("unpack", str(file)).err
    done = typed("unpack", str(file), "--name", "twin", "--json")
    twin = ModelDirectory(Path(json.loads(done.out)["directory"]))
    assert catalogue.find("twin") == twin
    assert {path.name for path in twin.path.iterdir()} == set(packing.MOST)
    assert twin.card() == digits.card()
    assert twin.status().state == "finished"
    assert catalogue.models()[-1].name in ("twin", "linear")


@pytest.mark.parametrize("name", ["quick", "vgg16"])
def test_what_comes_with_the_app_goes_out_and_in(runs: Path, name: str) -> None:
    file = io.BytesIO()
    packing.pack(ModelDirectory(paths.models_root() / name), file)
    run = packing.unpack(file)
    assert run.path == runs / name
    assert run.own
    classifier_of(run)


def test_a_damaged_model_does_not_go_out(digits: ModelDirectory) -> None:
    digits.predictions_path.write_bytes(b"")
    with pytest.raises(ModelDirectoryError, match="predictions"):
        packing.pack(digits, io.BytesIO())


def with_more(name: str) -> Callable[[Files], Files]:
    return lambda files: {**files, name: b"x"}


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: {path: content for path, content in files.items() if not path.endswith(name)}


def changed(name: str, content: bytes) -> Callable[[Files], Files]:
    return lambda files: {**files, f"linear/{name}": content}


@pytest.mark.parametrize(
    "harm",
    [
        *map(with_more, ("../evil", "/etc/evil", "linear/../../evil", "linear/checkpoint/last.npz", "evil")),
        *map(with_more, ("linear/worker.log", "linear/status.json", "other/steps.csv", "linear/a/steps.csv")),
        *map(without, sorted(packing.NEEDED)),
        *(changed(name, b"nonsense") for name in sorted(packing.NEEDED | {"model.keras"})),
        changed("card.json", b"[" * 100_000),
        lambda files: {name.replace("linear/", "../"): content for name, content in files.items()},
        lambda files: {name.replace("linear/", "linear\\"): content for name, content in files.items()},
        lambda files: {name.replace("linear", "<b>"): content for name, content in files.items()},
        lambda _: {},
    ],
    ids=range(25),
)
def test_what_is_no_sound_model_is_refused(harm: Callable[[Files], Files], files: Files, runs: Path) -> None:
    said = refused(packed(harm(files)), runs)
    assert not list(runs.parent.glob("evil*"))
    assert len(said) < 600


def of(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, "config": {"layers": [LAYER | changes]}}


@pytest.mark.parametrize(
    "config",
    [
        of(class_name="Lambda"),
        of(class_name="TFSMLayer"),
        of(module="os", class_name="system"),
        of(module="builtins", class_name="function"),
        of(module="keras.src.utils", class_name="get_file"),
        of(module=None, class_name="Dense", registered_name="evil>Dense"),
        of(registered_name="Lambda"),
        of(config={"deep": [{"class_name": "__lambda__", "config": {"value": "…"}}]}),
        of(config={"activation": {"module": "os", "registered_name": "system"}}),
        of(class_name=["Dense"]),
        b"nonsense",
        b"[" * 500_000,
    ],
    ids=range(12),
)
def test_a_network_that_could_run_code_is_refused(config: Any, files: Files, runs: Path) -> None:
    assert "could run code" in refused(packed(changed("model.keras", keras(config))(files)), runs)


def test_a_bomb_is_not_unpacked(files: Files, runs: Path) -> None:
    bomb = packed({**files, "linear/card.json": bytes(50_000_000)})
    assert "far too large" in refused(bomb, runs)
    content = bytearray(bomb.getvalue())
    for place in range(len(content) - 4):
        if content[place : place + 4] == struct.pack("<I", 50_000_000):
            content[place : place + 4] = struct.pack("<I", 1_000)
    assert "damaged" in refused(io.BytesIO(bytes(content)), runs)


@pytest.mark.parametrize("cut", [0, 1, 100, 5_000])
def test_a_file_that_is_cut_off_is_refused(files: Files, runs: Path, cut: int) -> None:
    assert "no packed model" in refused(io.BytesIO(packed(files).getvalue()[:cut]), runs)


def test_a_file_that_is_not_there_is_said(runs: Path, typed: Typed) -> None:
    runs.mkdir()
    done = typed("unpack", str(runs / "none.zip"))
    assert done.status == 1
    assert "No model can be taken in (No such file or directory)" in done.err
