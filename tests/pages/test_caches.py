"""What pages keep of files is read anew when the files are written anew, and not before."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from cifar_core import paths
from cifar_core.annotations import image_notes
from cifar_core.errors import DatasetError, ModelDirectoryError
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, public_lists

FILES = ("config.json", "history.csv", "model.keras", "model.onnx", "predictions.npz", "card.json")


@pytest.fixture
def model(tmp_path: Path) -> ModelDirectory:
    shutil.copytree(paths.models_root() / "quick", tmp_path / "mine")
    return ModelDirectory(tmp_path / "mine")


def write_anew(path: Path) -> None:
    time = path.stat().st_mtime_ns + 1  # nanoseconds: as close as two writes can be
    os.utime(path, ns=(time, time))


def shapes() -> list[Callable[[ModelDirectory], object]]:
    return [lambda model: model, lambda model: [model], lambda model: {"mine": model}]


@pytest.mark.parametrize("cache", [st.cache_data, st.cache_resource])
@pytest.mark.parametrize("shape", shapes(), ids=["model", "list", "dictionary"])
def test_each_file_of_a_model_counts_wherever_the_model_stands(
    model: ModelDirectory,
    cache: Callable[..., Callable[..., Callable[[object], int]]],
    shape: Callable[..., object],
) -> None:
    calls: list[object] = []

    def count(given: object) -> int:
        calls.append(given)
        return len(calls)

    counted = cache(hash_funcs=caches.AS_WRITTEN, show_spinner=False)(count)
    assert counted(shape(model)) == counted(shape(ModelDirectory(model.path))) == 1
    for before, name in enumerate(FILES, start=1):
        write_anew(model.path / name)
        # The very object of before too: its hash is not remembered.
        assert counted(shape(model)) == counted(shape(model)) == before + 1
    (model.path / "card.json").unlink()
    assert counted(shape(model)) == len(FILES) + 2
    shutil.copytree(model.path, model.path.with_name("other"))
    assert counted(shape(ModelDirectory(model.path.with_name("other")))) == len(FILES) + 3


def test_results_are_those_of_the_files_as_they_are(model: ModelDirectory) -> None:
    before = caches.results(model)
    predictions = model.predictions()
    predictions["test"] = predictions["test"][::-1]
    np.savez(model.predictions_path, **predictions)  # type: ignore[arg-type]
    assert (caches.results(model).raw == before.raw[::-1]).all()
    model.predictions_path.unlink()
    with pytest.raises(ModelDirectoryError, match=r"results of “mine” are missing or damaged \(predic"):
        caches.results(model)


def test_public_lists_are_read_anew_when_one_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[None] = []
    load = image_notes.load

    def counted() -> image_notes.Notes:
        read.append(None)
        return load()

    monkeypatch.setattr(image_notes, "load", counted)
    monkeypatch.setenv("CIFAR10_TRUST", str(tmp_path))
    for _ in range(2):
        assert len(public_lists.here().notes().missing) == 3
    assert len(read) == 1
    (tmp_path / "cifar10_mturk.json").write_bytes(b"something else")
    with pytest.raises(DatasetError, match="cifar10_mturk"):
        public_lists.here().notes()
    assert len(read) == 2
