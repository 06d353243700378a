"""The export's own process: what it leaves, and what is said where it leaves nothing."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from cifar_core.deploy import exporting
from cifar_core.errors import ServingError
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from tests.command_line import answer
from tests.deploy.conftest import MODEL


def test_a_name_that_no_server_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=r"“a model” cannot be a model's name on a server; rename"):
        exporting.export(ModelDirectory(tmp_path / "a model"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_process_that_dies_without_a_word_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(ServingError, match=r"“quick” could not be exported: .* status 1, perhaps for lack"):
        exporting.export(catalogue.find(MODEL), tmp_path)


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServingError, match=r"“quick” could not be exported: .*Not a directory"):
        exporting.export(catalogue.find(MODEL), tmp_path / "file" / "out")


@pytest.mark.slow
def test_the_command_writes_a_file_for_phones_too(tmp_path: Path) -> None:
    printed = json.loads(answer("export", MODEL, str(tmp_path), "--litert", "--json"))
    assert printed == {"model": MODEL, "path": str(tmp_path / f"{MODEL}.tflite")}
    assert (tmp_path / f"{MODEL}.tflite").read_bytes()[4:8] == b"TFL3"
    assert [path.name for path in tmp_path.iterdir()] == [f"{MODEL}.tflite"]
