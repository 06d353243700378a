"""Damaged, missing and hostile files of a run: a sentence on its own pages, and nothing anywhere else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cifar_core import paths
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference.runtime import Classifier
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from tests.faults.conftest import contents
from tests.pages import opened

FILES = [
    *("card.json", "config.json", "history.csv", "model.keras", "model.onnx"),
    *("predictions.npz", "status.json", "steps.csv"),
]


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "half": half,
}
VISITS: list[tuple[str, dict[str, str]]] = [
    ("overview", {}),
    ("train", {"run": "mine"}),
    ("train", {"run": "finished"}),
    ("evaluate", {"model": "mine"}),
    ("compare", {"models": "mine,finished"}),
    ("classify", {"model": "mine", "image": "3"}),
    ("deploy", {"model": "mine", "view": "Files"}),
]


@pytest.mark.slow
@pytest.mark.cifar10
@pytest.mark.parametrize("name", FILES)
def test_every_page_opens_whatever_befell_a_file(runs: Path, finished: ModelDirectory, name: str) -> None:
    before = contents(finished)
    for damage in DAMAGES.values():
        shutil.rmtree(runs / "mine", ignore_errors=True)
        shutil.copytree(finished.path, runs / "mine")
        damage(runs / "mine" / name)
        for page, query in VISITS:
            opened(page, **query)  # fails where the page shows an error of Python's
        assert finished in catalogue.models()
    assert contents(finished) == before


def test_a_damaged_model_is_named_where_it_was_asked_for(runs: Path, finished: ModelDirectory) -> None:
    finished.card_path.write_text("{}")
    said = opened("evaluate", model="finished").warning[0].value
    assert "results of “finished” are missing or damaged" in said
    (runs / "finished" / "config.json").write_bytes(b"{")
    assert "“finished” cannot be shown" in opened("train", run="finished").error[0].value


# A model is weights, and no program


@pytest.mark.parametrize("where", ["weights.bin", "../weights.bin", "{folder}/weights.bin", "/etc/passwd"])
def test_a_model_that_points_to_other_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    import onnx

    folder, elsewhere = tmp_path / "inner", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    model = onnx.load(paths.models_root() / "quick" / "model.onnx")
    tensor = max(model.graph.initializer, key=lambda item: len(item.raw_data))
    for place in (elsewhere, tmp_path):
        (place / "weights.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=where.format(folder=tmp_path))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelDirectoryError, match="model file of “inner” is missing or damaged"):
        Classifier(folder / "model.onnx")


@pytest.mark.slow
def test_a_program_in_a_keras_file_is_not_run(finished: ModelDirectory, tmp_path: Path) -> None:
    import keras

    from cifar_core.deploy import exporting
    from cifar_core.errors import ServingError

    mark = tmp_path / "ran"
    code = f"lambda x: (__import__('pathlib').Path({str(mark)!r}).touch(), x)[1]"
    image = keras.Input((32, 32, 3))
    keras.Model(image, keras.layers.Lambda(eval(code))(image)).save(finished.keras_path)
    mark.unlink(missing_ok=True)  # made by ourselves
    with pytest.raises(ServingError, match="could not be exported"):
        exporting.export(finished, tmp_path / "out")
    assert not mark.exists()


def test_a_pickle_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    import numpy as np

    from cifar_core.files import read_arrays

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    np.savez(tmp_path / "last.npz", epoch=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        read_arrays(tmp_path / "last.npz", {"epoch"})
    assert not (tmp_path / "exploded").exists()
