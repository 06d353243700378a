"""The command line and a run: one small model for all tests, which look at it, use it, stop and resume it."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from cifar_core.datasets.registry import DIGITS
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import TTA
from tests.command_line import PROGRAM, ROOT, answer, call, environment, error
from tests.model_directories import LONG

DATA = ["--data", "digits"]
SMALL = [
    *DATA,
    *("--images", "1400", "--validation-images", "200", "--batch-size", "25", "--learning-rate", "0.05"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run named tiny, just finished; tests that change it work on a copy."""
    runs = tmp_path_factory.mktemp("runs")
    command = ["train", "quick", *SMALL, "--epochs", "1", "--seed", "7", "--name", "tiny", "--foreground"]
    done = call(*command, env=environment(runs))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{runs / 'tiny'}\n"
    accuracy = json.loads((runs / "tiny" / "card.json").read_text())["accuracy"]
    assert done.stderr.startswith(f"{100 * accuracy:.1f} % of the test images are classified right, after ")
    return runs / "tiny"


@pytest.fixture
def lab(trained: Path, tmp_path: Path) -> dict[str, str]:
    """An environment whose only run is a copy of `trained`."""
    shutil.copytree(trained, tmp_path / "runs" / "tiny")
    return environment(tmp_path / "runs")


@pytest.mark.slow
def test_runs(lab: dict[str, str], tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "tiny"
    card = json.loads((directory / "card.json").read_text())
    history = (directory / "history.csv").read_text().splitlines()
    best = float(history[1].split(",")[history[0].split(",").index("val_accuracy")])
    row = json.loads(answer("runs", "--json", env=lab))[0]
    assert row == {
        "name": "tiny",
        "title": "tiny",
        "directory": str(directory),
        "recipe": "quick",
        "state": "finished",
        "shipped": False,
        "validation": "split",
        "epochs": 1,
        "epochs_planned": 1,
        "best_validation_accuracy": best,
        "accuracy": card["accuracy"],
        "seconds": card["training_seconds"],
        "error": None,
    }
    shown = [f"{100 * best:.1f} %", f"{100 * card['accuracy']:.1f} %", f"{card['training_seconds']:.0f} s"]
    line = next(line for line in answer("runs", env=lab).splitlines() if "tiny" in line)
    assert re.split(r" {2,}", line.strip()) == ["tiny", "quick", "finished", "1 of 1", *shown]


@pytest.mark.slow
def test_runs_lists_what_it_can_beside_a_damaged_run(lab: dict[str, str], tmp_path: Path) -> None:
    config = json.loads((tmp_path / "runs" / "tiny" / "config.json").read_text())
    config["recipe"]["validation"] = "test"
    history = "epoch,seconds,learning_rate,loss,accuracy,val_loss,val_accuracy\n1,75.2,1,1,0.4,1,0.5\n2,90,1,"
    files = {
        "half/config.json": "{",
        "blank/config.json": json.dumps(config),
        "blank/card.json": json.dumps({"accuracy": None, "training_seconds": None}),
        "failed/config.json": json.dumps(config),
        "failed/history.csv": history,
        "failed/status.json": json.dumps(
            {"state": "failed", "error": "The [bold]loss is gone.", "seconds": 75.2}
        ),
    }
    for name, content in files.items():
        (tmp_path / "runs" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "runs" / name).write_text(content)
    rows = {row["name"]: row for row in json.loads(answer("runs", "--json", env=lab))}
    assert rows["tiny"]["state"] == "finished"
    assert (rows["half"]["state"], rows["half"]["recipe"]) == ("interrupted", None)
    assert (rows["blank"]["state"], rows["blank"]["accuracy"]) == ("interrupted", None)
    assert (rows["failed"]["epochs"], rows["failed"]["best_validation_accuracy"]) == (1, 0.5)
    text = answer("runs", env=lab)
    assert re.search(r"failed +quick +failed +1 of 1 +50\.0 % \* +1 min 15 s", text)
    assert "failed: The [bold]loss is gone." in text
    assert "* validated on the test set" in text


@pytest.mark.slow
def test_a_shipped_model(lab: dict[str, str], trained: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cifar_core", tmp_path / "code" / "cifar_core")
    shutil.copytree(trained, tmp_path / "code" / "artifacts" / "models" / "fine")
    lab["PYTHONPATH"] = str(tmp_path / "code")
    rows = json.loads(answer("runs", "--json", env=lab, cwd=tmp_path))
    assert [(row["name"], row["state"], row["shipped"]) for row in rows] == [
        ("tiny", "finished", False),
        ("fine", "finished", True),
    ]
    assert re.search(r"fine +quick +finished \(shipped\)", answer("runs", env=lab, cwd=tmp_path))


@pytest.mark.slow
def test_evaluate_recomputes_what_was_lost(lab: dict[str, str], tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "tiny"
    before = json.loads((directory / "card.json").read_text())
    (directory / "card.json").write_text(json.dumps({**before, "accuracy": 0.99}))
    (directory / "predictions.npz").unlink()
    text = answer("evaluate", "runs/tiny", env=lab, cwd=tmp_path)
    card = json.loads((directory / "card.json").read_text())
    assert card == before
    with np.load(directory / "predictions.npz") as predictions:
        right = predictions["test"].argmax(axis=1) == DIGITS.load("test").labels
    assert card["accuracy"] == right.mean()
    low, high = card["accuracy_interval"]
    assert low < card["accuracy"] < high
    assert {
        *(
            "name",
            "recipe",
            "loss",
            "macro_f1",
            "calibration_error_before",
            "calibration_error",
            "temperature",
        ),
        *("parameters", "bytes", "training_seconds", "epochs", "seed", "hardware", "command"),
    } <= set(card)
    assert (card["name"], card["seed"], card["epochs"]) == ("tiny", 7, 1)

    for part in (
        f"{100 * card['accuracy']:.1f} % of the 360 test images",
        f"95 % interval {100 * low:.1f} % to {100 * high:.1f} %",
        f"{100 * card['test_time_augmentation']['accuracy']:.1f} % accuracy",
        f"{card['loss']:.3f}",
        f"{card['parameters']:,}",
        "1 epoch in",
    ):
        assert part in text


@pytest.mark.slow
def test_a_model_that_cannot_be_used(lab: dict[str, str], tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "tiny"
    (directory / "card.json").write_text("{}")
    assert "`python -m cifar_core evaluate tiny`" in error("classify", "tiny", "cat.png", env=lab)
    (directory / "model.onnx").write_bytes((directory / "model.onnx").read_bytes()[:1000])
    for arguments in (["classify", "tiny", "cat.png"], ["evaluate", "tiny"]):
        assert "model file of “tiny” is missing or damaged" in error(*arguments, env=lab)
    assert (directory / "card.json").read_text() == "{}"
    for command in ("stop", "resume"):
        assert f"is finished, there is nothing to {command}" in error(command, "tiny", env=lab)
    assert "already a run “tiny”" in error("train", "quick", *DATA, "--name", "tiny", env=lab)


@pytest.mark.slow
def test_classify(lab: dict[str, str], tmp_path: Path) -> None:
    pixels = DIGITS.load("test").images[:3]
    names = ["0.png", "1.png", os.fsdecode(b"\xff.png")]  # names need not be UTF-8
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    given = [names[0], "notes.txt", names[1], "missing.png", names[2]]

    done = call("classify", "tiny", *given, "--json", env=lab, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "Error: 2 of 5 pictures could not be classified.\n")
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["image"] for row in rows] == given
    for row in (rows[1], rows[3]):
        assert set(row) == {"image", "error"}
        assert row["error"].endswith(".")

    directory = tmp_path / "runs" / "tiny"
    temperature = json.loads((directory / "card.json").read_text())["temperature"]
    assert temperature != 1
    raw = Classifier(directory / "model.onnx").probabilities(pixels)
    expected = softmax(np.log(raw.astype(float)) / temperature, axis=1)
    for row, probabilities in zip((rows[0], rows[2], rows[4]), expected, strict=True):
        assert set(row) == {"image", "class", "confidence", "probabilities", "none_of_these"}
        assert tuple(row["probabilities"]) == DIGITS.class_names
        np.testing.assert_allclose(list(row["probabilities"].values()), probabilities, atol=1e-5)
        assert row["confidence"] == row["probabilities"][row["class"]] == max(row["probabilities"].values())

    ranked = sorted(rows[0]["probabilities"].items(), key=lambda item: -item[1])
    (first, second, third) = (f"{100 * share:.1f} %" for _, share in ranked[:3])
    doubt = "probably none of these; nearest is " if rows[0]["none_of_these"] else ""
    words = f"0.png: {doubt}{ranked[0][0]}, {first} (then {ranked[1][0]} {second}, {ranked[2][0]} {third})"
    done = call("classify", "tiny", *given, env=lab, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines)) == (1, 5)
    assert lines[0] == words
    assert lines[1] == f"notes.txt: {rows[1]['error']}"
    assert answer("classify", "tiny", "0.png", env=lab, cwd=tmp_path) == words + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("tta", [2, 6])
def test_classify_with_views(tta: TTA, lab: dict[str, str], tmp_path: Path) -> None:
    test, classifier = DIGITS.load("test").images, Classifier(tmp_path / "runs" / "tiny" / "model.onnx")
    pixels = test[classifier.probabilities(test).max(axis=1).argsort()[:2]]  # where a view makes a difference
    names = ["0.png", "1.png"]
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(tmp_path / name)
    directory = tmp_path / "runs" / "tiny"
    card = json.loads((directory / "card.json").read_text())
    temperature = card["test_time_augmentation"]["temperature"]
    assert temperature != card["temperature"]
    raw = classifier.probabilities(pixels, tta)
    expected = softmax(np.log(raw.astype(float)) / temperature, axis=1)
    printed = answer("classify", "tiny", *names, "--tta", str(tta), "--json", env=lab, cwd=tmp_path)
    plain = answer("classify", "tiny", *names, "--json", env=lab, cwd=tmp_path)
    assert plain == answer("classify", "tiny", *names, "--tta", "1", "--json", env=lab, cwd=tmp_path)
    for line, other, probabilities in zip(printed.splitlines(), plain.splitlines(), expected, strict=True):
        found = list(json.loads(line)["probabilities"].values())
        np.testing.assert_allclose(found, probabilities, atol=1e-5)
        # Digits are not mirrored, so that two views are one, and only the temperature is another.
        least = 1e-4 if tta == 6 else 1e-6
        assert np.abs(np.subtract(found, list(json.loads(other)["probabilities"].values()))).max() > least


# A run's life


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_stop_and_resume(env: dict[str, str], tmp_path: Path) -> None:
    @contextlib.contextmanager
    def follow(*arguments: str) -> Iterator[subprocess.Popen[str]]:
        command = [*PROGRAM, *arguments, "--foreground"]
        with subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()  # or a test that failed would wait for it for ever

    def state() -> str:
        return str(json.loads(answer("runs", "--json", env=env))[0]["state"])

    try:
        with follow("train", "quick", *SMALL, "--epochs", "1000", "--name", "long", "--json") as first:
            assert first.stdout
            started = json.loads(first.stdout.readline())
            assert started == {"name": "long", "directory": str(tmp_path / "runs" / "long")}
            assert state() in ("starting", "running")
            assert "“long” is training" in error("train", "quick", *DATA, env=env)
            assert "nothing to resume" in error("resume", "long", env=env)
            hint = "The run “long” is stopped; `python -m cifar_core resume long` continues it."
            assert answer("stop", "long", env=env) == f"{hint}\n"
            assert first.communicate(timeout=LONG) == ("", f"Error: {hint}\n")
            assert first.returncode == 1
        assert state() == "stopped"

        with follow("resume", "long") as second:
            assert second.stdout
            assert second.stdout.readline() == f"{started['directory']}\n"
            assert state() in ("starting", "running")
            second.send_signal(signal.SIGINT)
            assert second.communicate(timeout=LONG) == ("", f"{hint}\nInterrupted.\n")
            assert second.returncode == 130
        assert state() == "stopped"

        asked = f"This deletes {started['directory']}; for a day `restore` brings it back.\n"
        refused = call("delete", "long", env=env)  # nobody is there to answer
        assert (refused.returncode, refused.stdout.strip()) == (1, "")
        assert refused.stderr.startswith(asked)
        assert refused.stderr.endswith("Error: Nothing was done; answer y to go on, or give --yes.\n")
        assert state() == "stopped"
        deleted = (
            "The run “long” is deleted; `python -m cifar_core restore long` brings it back within a day.\n"
        )
        assert answer("delete", "long", "--yes", env=env) == deleted
        assert not Path(started["directory"]).exists()
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            call("stop", "long", env=env)
