"""Versions are written whole, and a damaged model is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cifar_core.errors import ModelDirectoryError
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training import serving_export
from tests.pictures import noise

pytestmark = pytest.mark.slow


def test_versions_count_on_and_nothing_half_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = catalogue.find("quick")
    (tmp_path / "quick" / "7").mkdir(parents=True)
    (tmp_path / "quick" / "notes").mkdir()
    assert serving_export.export(quick, tmp_path) == tmp_path / "quick" / "8"

    def no_space(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(serving_export, "_write_warmup", no_space)
    with pytest.raises(OSError, match="No space"):
        serving_export.export(quick, tmp_path)
    assert {path.name for path in (tmp_path / "quick").iterdir()} == {"7", "8", "notes"}


def test_a_damaged_model(tmp_path: Path) -> None:
    copy = ModelDirectory(tmp_path / "copy")
    shutil.copytree(catalogue.find("quick").path, copy.path)
    copy.keras_path.write_bytes(b"no model")
    with pytest.raises(ModelDirectoryError, match="of “copy” is missing or damaged"):
        serving_export.export(copy, tmp_path)
    copy.card_path.unlink()
    shutil.copy(catalogue.find("quick").keras_path, copy.keras_path)
    with pytest.raises(ModelDirectoryError, match="`python -m cifar_core evaluate copy`"):
        serving_export.export(copy, tmp_path)


def test_litert_answers_as_keras_does(tmp_path: Path) -> None:
    path = serving_export.export_litert(catalogue.find("quick"), tmp_path)
    assert path == tmp_path / "quick.tflite"
    with pytest.warns(UserWarning, match="deprecated"):  # in favour of a package that is not needed otherwise
        interpreter = tf.lite.Interpreter(str(path))
    x = noise(40, 32, 32, 3).astype(np.float32) / 255
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(taken["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], x)
    interpreter.invoke()
    expected = serving_export._load(catalogue.find("quick"))(x, training=False)
    np.testing.assert_allclose(interpreter.get_tensor(given["index"]), expected, atol=1e-5)
