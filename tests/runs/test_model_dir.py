import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifar_core import paths
from cifar_core.errors import ModelDirectoryError
from cifar_core.recipes import get_recipe
from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS, ModelDirectory
from cifar_core.runs.status import RESUMABLE
from tests.model_directories import archive, complete, nothing_usual, run_that_is
from tests.predictions import softmax

# CSV logs


def test_logs_that_are_not_there_yet_are_empty(directory: ModelDirectory) -> None:
    assert list(directory.steps().columns) == STEP_COLUMNS
    assert list(directory.history().columns) == HISTORY_COLUMNS
    assert (len(directory.steps()), len(directory.history())) == (0, 0)
    assert directory.history()["val_loss"].dtype == float


HISTORY = b"epoch,seconds,learning_rate,loss,accuracy,val_loss,val_accuracy\n1,2.5,0.1,2.3,0.1,2.2,0.15\n"


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b"2",
        b"2,5.0,0.1,2.1,0.2,2.0,0.25",  # whole but for its end: the last number may be longer
        b"2,5.0,0.1,2.1,0.2,2.0\n",
        b"2,5.0,0.1,2.1,0.2,2.0,0.25,9\n",
        b"2,5.0,0.1,two,0.2,2.0,0.25\n",
        b"\n",
        b"\x00\x00\x00\x00\n",
        b"\xff\xfe\x9d\n",
        b"\xc3",
    ],
)
def test_a_line_counts_once_it_is_whole(directory: ModelDirectory, tail: bytes) -> None:
    directory.history_path.write_bytes(HISTORY + tail)
    assert directory.history().to_numpy().tolist() == [[1, 2.5, 0.1, 2.3, 0.1, 2.2, 0.15]]


def test_every_prefix_of_a_log_can_be_read(directory: ModelDirectory) -> None:
    content = HISTORY + b"2,5,0.2,2,0.2,2,0.25\n3,7.5,0.1,1.9,0.3,1.8,0.35\n"
    counts = []
    for length in range(len(content) + 1):
        directory.history_path.write_bytes(content[:length])
        counts.append(directory.history()["epoch"].tolist())
    assert counts[-1] == [1, 2, 3]
    assert counts == sorted(counts)
    assert [counts.index([*range(1, n + 1)]) for n in (1, 2, 3)] == [
        i + 1 for i, byte in enumerate(content) if byte == ord("\n")
    ][1:]


def test_steps_are_read_in_their_order(directory: ModelDirectory) -> None:
    directory.steps_path.write_text(",".join(STEP_COLUMNS) + "\n3,0.5,1,0.1,2.3,0.1\n6,1,2,0.2,2.2,0.2\n")
    assert directory.steps()["epoch"].tolist() == [0.5, 1.0]
    assert directory.steps()["accuracy"].tolist() == [0.1, 0.2]


# JSON


@pytest.mark.parametrize("content", [b"", b"{", b'{"recipe": ', b"\xff\xfe", b"[]", b"null", b'"text"'])
def test_damaged_json_is_reported_by_name(directory: ModelDirectory, content: bytes) -> None:
    directory.config_path.write_bytes(content)
    directory.card_path.write_bytes(content)
    with pytest.raises(ModelDirectoryError, match=r"^config\.json of “one” is missing or damaged; start a"):
        directory.config()
    directory.config_path.unlink()
    with pytest.raises(ModelDirectoryError, match=r"^The results of “one” are missing or damaged \(card\.j"):
        directory.card()
    assert directory.created == ""


def test_missing_files_are_reported_by_name(runs: Path) -> None:
    directory = ModelDirectory(runs / "none")
    for read in (directory.config, directory.predictions):  # which takes the classes from there
        with pytest.raises(ModelDirectoryError, match=r"^config\.json of “none” is missing or damaged; sta"):
            read()
    with pytest.raises(ModelDirectoryError, match=r"are missing or damaged \(card\.json\); `python -m"):
        directory.card()


def test_the_recipe_comes_back(directory: ModelDirectory) -> None:
    assert directory.recipe() == get_recipe("quick")
    directory.config_path.write_text('{"recipe": {"name": "quick"}}')
    with pytest.raises(ModelDirectoryError):
        directory.recipe()
    directory.config_path.write_text("{}")
    with pytest.raises(ModelDirectoryError):
        directory.recipe()


# Predictions


def test_predictions_come_back(directory: ModelDirectory) -> None:
    test = softmax(np.random.default_rng(0).random((20, 10))).astype(np.float16)
    written = {
        "test": test,
        "labels": np.arange(20) % 10,
        "validation": test[:5],
        "validation_indices": np.arange(5),
        **nothing_usual(10),
    }
    directory.predictions_path.write_bytes(archive(**written))
    predictions = directory.predictions()
    assert predictions.keys() == written.keys()
    for name, values in written.items():
        np.testing.assert_array_equal(predictions[name], values)
    for name in written:
        fewer = {key: values for key, values in written.items() if key != name}
        directory.predictions_path.write_bytes(archive(**fewer))
        with pytest.raises(ModelDirectoryError, match="python -m cifar_core evaluate one"):
            directory.predictions()


def test_damaged_predictions_are_reported_however_they_are_damaged(directory: ModelDirectory) -> None:
    random = np.random.default_rng(0)
    test = softmax(random.random((200, 10)))
    rest = {"validation": test, "validation_indices": np.arange(200), **nothing_usual(10)}
    whole = archive(test=test, labels=np.arange(200) % 10, **rest)
    single = io.BytesIO()
    np.save(single, test)
    variants = [b"", b"no archive", single.getvalue(), archive(test=test)]
    variants += [whole[:length] for length in range(10, len(whole), 997)]
    for content in variants:
        directory.predictions_path.write_bytes(content)
        with pytest.raises(ModelDirectoryError, match="python -m cifar_core evaluate one"):
            directory.predictions()
    for _ in range(200):  # a flipped byte is either noticed or harmless, and never another exception
        damaged = bytearray(whole)
        damaged[random.integers(len(damaged))] ^= int(random.integers(1, 256))
        directory.predictions_path.write_bytes(bytes(damaged))
        try:
            directory.predictions()
        except ModelDirectoryError:
            continue


def test_a_pickle_in_the_predictions_is_not_run(directory: ModelDirectory, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    bomb = np.array([Bomb()], dtype=object)
    directory.predictions_path.write_bytes(archive(test=bomb, validation=bomb, validation_indices=bomb))
    with pytest.raises(ModelDirectoryError):
        directory.predictions()
    assert not (tmp_path / "exploded").exists()


def test_the_folder_of_runs_is_absolute_and_can_be_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFAR_LAB_RUNS", "mine")
    assert paths.runs_root() == tmp_path / "mine"
    for unset in ("", None):
        monkeypatch.delenv("CIFAR_LAB_RUNS") if unset is None else monkeypatch.setenv("CIFAR_LAB_RUNS", unset)
        assert paths.runs_root() == paths.code_root() / "artifacts" / "runs"
    assert (paths.code_root() / "cifar_core" / "runs" / "model_dir.py").is_file()


@pytest.mark.parametrize("file", ["card.json", "model.onnx", "predictions.npz"])
def test_a_finished_run_whose_results_a_power_cut_emptied_can_be_resumed(runs: Path, file: str) -> None:
    run = complete(run_that_is("finished", runs / "mine"))
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    assert run.status().state == "finished"
    (run.path / file).write_bytes(b"")
    status = run.status()
    assert (status.state, status.state in RESUMABLE) == ("interrupted", True)
    assert "Resume makes them again" in status.error
    (run.path / file).unlink()
    assert run.status().state == "interrupted"
