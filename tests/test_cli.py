"""The command line as a user meets it: real processes, the real data, one small model for all tests."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from cifar_core import dataset
from cifar_core.runtime import Classifier
from cifar_core.views import Views

ROOT = Path(__file__).parent.parent
PROGRAM = [sys.executable, "-m", "cifar_core"]
SMALL = ["--images", "3000", "--validation-images", "500", "--batch-size", "256"]
OPTIONS = {
    "data": ["--json"],
    "train": [
        *("--name", "--epochs", "--batch-size", "--learning-rate", "--patience", "--images"),
        *("--validation-images", "--seed", "--foreground", "--json"),
    ],
    "stop": ["--wait", "--no-wait"],
    "resume": ["--foreground"],
    "runs": ["--json"],
    "evaluate": ["--robustness", "--json"],
    "classify": ["--views", "--json"],
    "export": ["--litert", "--json"],
}


def environment(runs: Path, **changes: str | None) -> dict[str, str]:
    """The environment of a command whose runs are in `runs`; None unsets a variable."""
    values = {**os.environ, "PYTHONPATH": str(ROOT), "CIFAR_LAB_RUNS": str(runs), **changes}
    return {name: value for name, value in values.items() if value is not None}


def call(*arguments: str, env: Mapping[str, str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *arguments]
    return subprocess.run(command, env=env, cwd=cwd, check=False, capture_output=True, text=True, timeout=300)


def answer(*arguments: str, env: Mapping[str, str], cwd: Path = ROOT) -> str:
    """Return what a command prints, if it succeeds and has nothing to complain about."""
    done = call(*arguments, env=env, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def error(*arguments: str, env: Mapping[str, str], stdout: str = "") -> str:
    """Return the one line with which a command fails."""
    done = call(*arguments, env=env)
    assert (done.returncode, done.stdout) == (1, stdout)
    assert re.fullmatch(r"Error: .+\.\n", done.stderr), done.stderr
    return done.stderr


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "runs")


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


# Help, and commands that are misspelt


@pytest.mark.parametrize("command", OPTIONS)
def test_help(command: str, env: dict[str, str]) -> None:
    overall, text = answer("--help", env=env), answer(command, "--help", env=env)
    assert re.search(rf"^│ {command} +\w", overall, re.MULTILINE)
    assert set(re.findall(r"(?<!\S)--[a-z-]+", text)) == {*OPTIONS[command], "--help"}
    for line in re.findall(r"^│ +--.*", text, re.MULTILINE):
        assert re.search(r"[A-Z].{5}", line), f"no help text: {line}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["train"],
        ["classify", "tiny"],
        *(["classify", "quick", "cat.png", "--views", views] for views in ("0", "3", "six")),
        ["train", "quick", "--epochs", "many"],
    ],
)
def test_misspelt(arguments: list[str], env: dict[str, str]) -> None:
    done = call(*arguments, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: python -m cifar_core" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "module", ["cifar_core.__main__", "cifar_core.jobs", "cifar_core.training.worker", "cifar_core.formats"]
)
def test_starts_without_what_is_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split())
    assert "cifar_core" in loaded
    assert not {"pandas", "sklearn", "scipy", "onnxruntime", "tensorflow", "keras", "streamlit"} & loaded


# data


def test_data(env: dict[str, str]) -> None:
    folder = dataset.locate()
    assert str(folder) in answer("data", env=env)
    assert json.loads(answer("data", "--json", env=env)) == {"folder": str(folder), "verified": True}


def test_data_in_the_cache(env: dict[str, str], tmp_path: Path) -> None:
    cached = tmp_path / "cache" / "cifar-lab" / "cifar-10-batches-py"
    cached.parent.mkdir(parents=True)
    cached.symlink_to(dataset.locate())
    del env["CIFAR10_DIR"]
    env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    assert json.loads(answer("data", "--json", env=env))["folder"] == str(cached)


@pytest.mark.parametrize("arguments", [["data"], ["train", "quick"], ["train", "quick", "--foreground"]])
def test_an_empty_folder_of_data(arguments: list[str], env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    message = error(*arguments, env={**env, "CIFAR10_DIR": str(folder)})
    assert f"CIFAR10_DIR names {folder}, which lacks data_batch_1" in message
    assert not (tmp_path / "runs").exists()


def test_a_damaged_batch(env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for batch in dataset.BATCH_MD5:
        (folder / batch).symlink_to(dataset.locate() / batch)
    assert answer("data", env={**env, "CIFAR10_DIR": str(folder)})
    (folder / "data_batch_3").unlink()
    (folder / "data_batch_3").write_bytes(b"something else")
    assert "data_batch_3 is not the official file" in error("data", env={**env, "CIFAR10_DIR": str(folder)})


def test_no_network(env: dict[str, str], tmp_path: Path) -> None:
    del env["CIFAR10_DIR"]
    # A proxy that nobody listens at, so that the test means the same where there is a network.
    env |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    message = error("data", env=env)
    assert "could not be downloaded from https://www.cs.toronto.edu/" in message
    assert "check the network" in message
    assert "`python -m cifar_core data` downloads it" in error("train", "quick", env=env)


# Bad input


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "nonsense"], "no recipe “nonsense”; choose one of quick,"),
        (["train", "quick", "--epochs", "0"], "epochs must be between 1 and 1,000, not 0"),
        (["train", "quick", "--learning-rate", "nan"], "learning rate must be between"),
        (["train", "quick", "--batch-size", "1"], "batch size must be between"),
        (["train", "quick", "--images", "50001"], "not 50,001"),
        (["train", "quick", "--images", "1000"], "use more images"),
        (["train", "quick", "--validation-images", "-5"], "not -5"),
        (["train", "quick", "--patience", "-1"], "patience"),
        (["train", "quick", "--seed", "-1"], "seed"),
        (["train", "quick", "--name", "../outside"], "letters, digits"),
        (["stop", "nobody"], "no model or run “nobody”"),
        (["stop", "nobody", "--no-wait"], "no model or run “nobody”"),
        (["resume", "nobody"], "no model or run “nobody”"),
        (["evaluate", "nobody"], "no model or run “nobody”"),
        (["classify", "nobody", "cat.png"], "no model or run “nobody”"),
    ],
)
def test_bad_input(arguments: list[str], told: str, env: dict[str, str], tmp_path: Path) -> None:
    assert told in error(*arguments, env=env)
    assert not list(tmp_path.rglob("config.json")), "nothing was started"


def test_no_runs_yet(env: dict[str, str]) -> None:
    listed = json.loads(answer("runs", "--json", env=env))
    assert all(row["shipped"] for row in listed)
    if not listed:
        assert "`python -m cifar_core train quick`" in answer("runs", env=env)


# A finished run


@pytest.mark.slow
def test_runs(lab: dict[str, str], tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "tiny"
    card = json.loads((directory / "card.json").read_text())
    history = (directory / "history.csv").read_text().splitlines()
    best = float(history[1].split(",")[history[0].split(",").index("val_accuracy")])
    row = json.loads(answer("runs", "--json", env=lab))[0]
    assert row == {
        "name": "tiny",
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
    card = json.loads(answer("evaluate", "runs/tiny", "--json", env=lab, cwd=tmp_path))
    assert card == before == json.loads((directory / "card.json").read_text())
    with np.load(directory / "predictions.npz") as predictions:
        right = predictions["test"].argmax(axis=1) == dataset.load_test().labels
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

    text = answer("evaluate", "tiny", env=lab)
    for part in (
        f"{100 * card['accuracy']:.1f} % of the 10,000 test images",
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
    assert "already a run “tiny”" in error("train", "quick", "--name", "tiny", env=lab)


@pytest.mark.slow
def test_classify(lab: dict[str, str], tmp_path: Path) -> None:
    pixels = dataset.load_test().images[:3]
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
        assert set(row) == {"image", "class", "confidence", "probabilities", "none_of_the_ten"}
        assert tuple(row["probabilities"]) == dataset.CLASS_NAMES
        np.testing.assert_allclose(list(row["probabilities"].values()), probabilities, atol=1e-5)
        assert row["confidence"] == row["probabilities"][row["class"]] == max(row["probabilities"].values())

    ranked = sorted(rows[0]["probabilities"].items(), key=lambda item: -item[1])
    (first, second, third) = (f"{100 * share:.1f} %" for _, share in ranked[:3])
    doubt = "probably none of the ten; nearest is " if rows[0]["none_of_the_ten"] else ""
    words = f"0.png: {doubt}{ranked[0][0]}, {first} (then {ranked[1][0]} {second}, {ranked[2][0]} {third})"
    done = call("classify", "tiny", *given, env=lab, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines)) == (1, 5)
    assert lines[0] == words
    assert lines[1] == f"notes.txt: {rows[1]['error']}"
    assert answer("classify", "tiny", "0.png", env=lab, cwd=tmp_path) == words + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("views", [2, 6])
def test_classify_with_views(views: Views, lab: dict[str, str], tmp_path: Path) -> None:
    pixels = dataset.load_test().images[:2]
    names = ["0.png", "1.png"]
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(tmp_path / name)
    directory = tmp_path / "runs" / "tiny"
    card = json.loads((directory / "card.json").read_text())
    temperature = card["test_time_augmentation"]["temperature"]
    assert temperature != card["temperature"]
    raw = Classifier(directory / "model.onnx").probabilities(pixels, views)
    expected = softmax(np.log(raw.astype(float)) / temperature, axis=1)
    printed = answer("classify", "tiny", *names, "--views", str(views), "--json", env=lab, cwd=tmp_path)
    plain = answer("classify", "tiny", *names, "--json", env=lab, cwd=tmp_path)
    assert plain == answer("classify", "tiny", *names, "--views", "1", "--json", env=lab, cwd=tmp_path)
    for line, other, probabilities in zip(printed.splitlines(), plain.splitlines(), expected, strict=True):
        found = list(json.loads(line)["probabilities"].values())
        np.testing.assert_allclose(found, probabilities, atol=1e-5)
        assert np.abs(np.subtract(found, list(json.loads(other)["probabilities"].values()))).max() > 1e-4


# A run's life


@pytest.mark.slow
def test_stop_and_resume(env: dict[str, str], tmp_path: Path) -> None:
    # A shell that runs the tests in the background makes them, and what they start, deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
            assert "“long” is training" in error("train", "quick", env=env)
            assert "nothing to resume" in error("resume", "long", env=env)
            hint = "The run “long” is stopped; `python -m cifar_core resume long` continues it."
            assert answer("stop", "long", env=env) == f"{hint}\n"
            assert first.communicate(timeout=60) == ("", f"Error: {hint}\n")
            assert first.returncode == 1
        assert state() == "stopped"

        with follow("resume", "long") as second:
            assert second.stdout
            assert second.stdout.readline() == f"{started['directory']}\n"
            assert state() in ("starting", "running")
            second.send_signal(signal.SIGINT)
            assert second.communicate(timeout=120) == ("", f"{hint}\nInterrupted.\n")
            assert second.returncode == 130
        assert state() == "stopped"
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            call("stop", "long", env=env)
