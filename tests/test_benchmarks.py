"""Run every benchmark as its user does, as short as can be; its times are nobody's business here."""

import contextlib
import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from benchmarks import contenders, crowd, measure, time_to_accuracy
from benchmarks.measure import Contender
from cifar_core import formats, hardware, paths
from cifar_core.datasets import cifar10
from cifar_core.errors import CifarLabError
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.model_dir import HISTORY_COLUMNS, ModelDirectory
from cifar_core.runs.status import State, Status
from tests.model_directories import made, sound_card

NAMES = [
    *("app_speed", "crowd", "frontier", "fuzz_images", "inference", "interactions", "looks", "maps"),
    *("operations", "own_pictures", "photographs", "pipeline", "recording", "resizing", "scoring"),
    *("screenshots", "time_to_accuracy", "training_memory", "training_throughput", "waiting"),
]


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    return subprocess.run(command, cwd=paths.code_root(), capture_output=True, text=True, check=False)


def rows(output: str) -> dict[str, list[str]]:
    """The cells of the one table printed, by the first cell of their row."""
    lines = [line.strip() for line in output.splitlines()]
    (rule,) = [number for number, line in enumerate(lines) if line and not line.strip("─")]
    body = itertools.takewhile(bool, lines[rule + 1 :])
    return {label: cells for label, *cells in (re.split(r" {2,}", line) for line in body)}


def table(name: str, *arguments: str) -> dict[str, list[str]]:
    done = run(name, *arguments)
    assert done.returncode == 0, done.stderr
    assert hardware.describe() in done.stdout
    assert "tensorflow 2." in done.stdout
    return rows(done.stdout)


def numbers(cells: list[str]) -> list[float]:
    """Every number in these cells, in their order; those in brackets too."""
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", " ".join(cells))]


@pytest.mark.browser
@pytest.mark.usefixtures("cifar10_folder")
def test_a_page_is_pictured_in_both_themes_and_widths(tmp_path: Path) -> None:
    done = run("screenshots", str(tmp_path), "--page", "data-balance", "--settle", "0")
    assert done.returncode == 0, done.stderr
    pictures = {}
    for path in tmp_path.iterdir():
        with Image.open(path) as picture:
            pictures[path.stem] = np.asarray(picture)
    assert {name: picture.shape[1] for name, picture in pictures.items()} == {
        f"data-balance-{theme}-{device}": width
        for theme in ("light", "dark")
        for device, width in (("desk", 1440), ("phone", 390))
    }
    assert pictures["data-balance-light-desk"].mean() > 200 > 100 > pictures["data-balance-dark-desk"].mean()


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_explains_itself(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert re.search(r"^ +Usage: python -m benchmarks\S+ .*\n\s*\n +[A-Z].{20}", done.stdout, re.MULTILINE)


def test_more_steps_than_an_epoch_has_are_refused() -> None:
    done = run("training_throughput", "--steps", "780")
    assert (done.returncode, done.stdout) == (2, "")
    assert "10 + 780 steps are more than the 781 of an epoch" in " ".join(
        done.stderr.replace("│", "").split()
    )


def test_what_goes_wrong_is_one_line() -> None:
    done = run("inference", "no-such-model")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: There is no model or run “no-such-model”")
    assert done.stderr.count("\n") == 1


def test_a_contender_that_fails_says_why() -> None:
    with pytest.raises(CifarLabError, match="“nobody” could not be measured: KeyError: 'no_such_function'"):
        measure.in_turns({"nobody": Contender("no_such_function", {})}, rounds=1)


def test_the_page_of_results_has_the_figures_of_the_cards() -> None:
    done = run("shipped")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| `")]
    assert len(lines) == 3 * len(catalogue.shipped())
    page = (paths.code_root() / "docs" / "results.md").read_text("utf-8")
    assert [line for line in lines if line not in page] == []


def test_what_is_left_of_the_calibration_error(cifar10_folder: Path) -> None:  # noqa: ARG001
    done = run("calibration", "cnn")
    assert done.returncode == 0, done.stderr
    [row] = [line for line in done.stdout.splitlines() if line.startswith("| `cnn`")]
    one, of_the_test, two, _, _ = numbers(row.split("|")[2:-1])
    assert f"{one} %" == formats.percent(catalogue.find("cnn").card()["calibration_error"])
    assert two < of_the_test / 1.5 < one


@pytest.mark.slow
def test_training_throughput(cifar10_folder: Path) -> None:  # noqa: ARG001
    short = ("--rounds", "1", "--warmup", "1", "--steps", "2", "--batch-size", "16", "--precision", "float32")
    found = table("training_throughput", *short)
    assert list(found) == [
        "CIFAR Lab, float32",
        "plain Keras",
        "plain PyTorch",
        "plain PyTorch, channels last",
    ]
    for label, cells in found.items():
        if "PyTorch" in label and importlib.util.find_spec("torch") is None:
            assert cells == ["not installed"]
        else:
            median, least, most, ratio = numbers(cells)
            assert 0 < least <= median <= most
            assert ratio > 0
    assert found["CIFAR Lab, float32"][-1] == "1.00"


@pytest.mark.slow
def test_fast_is_measured_beside_the_network_that_it_comes_from(cifar10_folder: Path) -> None:  # noqa: ARG001
    short = ("--rounds", "1", "--warmup", "1", "--steps", "1", "--batch-size", "50")
    ours, *theirs = table("training_throughput", "fast", *short).items()
    assert ours[0] == "CIFAR Lab, bfloat16"
    assert numbers(ours[1])[0] > 0
    assert [label for label, _ in theirs] == ["PyTorch, bfloat16", "PyTorch, bfloat16, compiled"]


@pytest.mark.slow
def test_the_plain_script_trains_the_reports_network() -> None:
    from benchmarks import plain_keras
    from cifar_core.training import architectures

    plain, ours = plain_keras.network(), architectures.build("report_cnn", {}, fused=True)
    assert [weight.shape for weight in plain.weights] == [weight.shape for weight in ours.weights]


@pytest.mark.slow
def test_inference() -> None:
    found = table("inference", "report", "--rounds", "1", "--images", "3", "--batches", "1")
    assert list(found) == ["report: CIFAR Lab", "report: model(x) in a tf.function", "report: model.predict"]
    for cells in found.values():
        assert len(numbers(cells[:2] + cells[3:])) == 6  # a figure and a ratio each
        assert [re.sub(r"[\d,.]+", "#", cell) for cell in cells] == [
            "# s (#)",
            "# ms (#)",
            "# images/s (#)",
            "# MB (#)",
        ]
        assert all(re.search(r"[1-9]", cell) for cell in cells)


@pytest.mark.slow
def test_training_memory(cifar10_folder: Path) -> None:  # noqa: ARG001
    done = run("training_memory", "quick", "--precision", "float32", "--batch-size", "16")
    assert done.returncode == 0, done.stderr
    precision, batch, held, asked = rows(done.stdout)["quick"]
    assert (precision, batch, asked) == ("float32", "16", "1.4 GB")
    assert 0.7 < numbers([held])[0] < 2.5
    assert not [run for run in catalogue.runs() if run.name.startswith("memory-")]


@pytest.mark.slow
def test_pipeline(cifar10_folder: Path) -> None:  # noqa: ARG001
    found = table("pipeline", "quick", "--rounds", "1", "--warmup", "1", "--steps", "2", "--batch-size", "64")
    assert list(found) == [
        "batches alone", "training on one batch", "whole training", "in Keras' own layers"
    ]  # fmt: skip
    for cells in found.values():
        median, least, most, milliseconds, share = numbers(cells)
        assert 0 < least <= median <= most
        assert milliseconds == pytest.approx(64_000 / median, rel=0.05)
        assert share > 0
    assert found["whole training"][-1] == "100.0 %"


@pytest.mark.slow
def test_operations(cifar10_folder: Path) -> None:  # noqa: ARG001
    short = ("--warmup", "2", "--steps", "2", "--batch-size", "64")
    done = run("operations", "report", *short)
    assert done.returncode == 0, done.stderr
    found = {name: numbers(cells) for name, cells in rows(done.stdout).items()}
    whole, _ = found["a step"]
    for milliseconds, share in found.values():
        assert milliseconds == pytest.approx(share / 100 * whole, abs=0.002 * whole)
    assert any(name.endswith("Conv2D") for name in found)
    assert any("Conv2DBackpropInput" in name for name in found)
    assert "Conv2DBackpropFilterWithBias" in found, "oneDNN's kernels are off, unlike in the worker"
    assert sum(spent for spent, _ in found.values()) == pytest.approx(2 * whole, abs=0.1)
    # One image takes 52.8 million products there, and as many back each way, but for the first layer's 0.9.
    assert "20.2 billion multiplications and additions" in done.stdout


@pytest.mark.slow
def test_what_is_compiled_has_a_row_of_operations(cifar10_folder: Path) -> None:  # noqa: ARG001
    found = rows(run("operations", "fast", "--warmup", "2", "--steps", "2", "--batch-size", "16").stdout)
    assert numbers(found["GELU, compiled"])[0] > 0


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("model/conv2d/convolution:Conv2D", "Conv2D"),
        ("gradients/model:_MklNativeConv2DBackpropFilterWithBias", "Conv2DBackpropFilterWithBias"),
        ("CpuExecutable::ExecuteAsyncOnStream", "GELU, compiled"),
        ("Executor::Run", ""),
        ("MirrorPad:MirrorPad", ""),  # of the pictures, beside the step
    ],
)
def test_what_the_profiler_calls_an_operation(event: str, kind: str) -> None:
    assert contenders._kind_of_operation(event) == kind


@pytest.mark.parametrize("state", ["running", "finished"])
def test_a_crowd_is_there_while_a_run_trains_or_its_figures_are_refused(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trains = ModelDirectory(tmp_path)
    trains.write_status(Status(state, os.getpid(), psutil.Process().create_time()))
    monkeypatch.setattr(jobs, "start", lambda *_: trains)
    monkeypatch.setattr(cifar10, "load_test", lambda: SimpleNamespace(images=[]))
    server = contextlib.nullcontext()
    server.url, server.process = "", psutil.Process()  # type: ignore[attr-defined]
    monkeypatch.setattr(crowd, "Server", lambda **_: server)
    monkeypatch.setattr(crowd.Crowd, "gather", lambda *_: [1e9] * 4)
    if state == "running":
        crowd.main(train="quick")
        assert "while quick trains" in " ".join(capsys.readouterr().out.split())
        assert trains.stop_path.exists()
    else:
        message = r"ended before the visits did \(finished\); choose a longer recipe\.$"
        with pytest.raises(CifarLabError, match=message):
            crowd.main(train="quick")
        assert not trains.stop_path.exists()


def trained(path: Path, seconds: float, accuracy: float, val_accuracies: list[float]) -> ModelDirectory:
    """A model directory as far as `time_to_accuracy` reads it; every epoch took as long."""
    directory = made(path)
    each = seconds / len(val_accuracies)
    lines = [f"{i},{i * each},0.001,1.0,0.5,1.0,{value}" for i, value in enumerate(val_accuracies, 1)]
    directory.history_path.write_text("\n".join([",".join(HISTORY_COLUMNS), *lines]) + "\n")
    figures = {"accuracy": accuracy, "training_seconds": seconds, "hardware": "abacus"}
    directory.card_path.write_text(json.dumps(sound_card(directory.facts(), path.name) | figures))
    return directory


def test_time_to_accuracy_claims_the_soonest_that_reached_the_target_in_the_test(tmp_path: Path) -> None:
    models = [
        trained(tmp_path / "plainly", 1_000.0, 0.86, [0.80, 0.85, 0.84, 0.87]),
        trained(tmp_path / "hasty", 100.0, 0.849, [0.70, 0.86]),  # in validation only
        trained(tmp_path / "good", 400.0, 0.94, [0.83, 0.90, 0.939, 0.941]),
    ]
    paths = [str(model.path) for model in models]
    done = run("time_to_accuracy", *paths, "--report", paths[0], "--plain-images-per-second", "100")
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout) == {
        "plainly": ["500 s", "–", "1,000 s", "86.0 %", "1.00", "abacus"],
        "hasty": ["100 s", "–", "100 s", "84.9 %", "–", "abacus"],
        "good": ["200 s", "400 s", "400 s", "94.0 %", "2.50", "abacus"],
        # 50,000 images an epoch at 100 images/s, two epochs until 85 %, four in all
        "plain Keras": ["1,000 s", "–", "2,000 s", "–", "–", hardware.describe()],
    }
    assert "85.0 % in the test: good, 400 s; plain Keras: 1,000 s, × 2.50.\n" in done.stdout
    assert "94.0 % in the test: good, 400 s; plain Keras: never.\n" in done.stdout
    assert "another machine" in done.stdout


def test_time_to_accuracy_of_the_shipped_models() -> None:
    done = run("time_to_accuracy", "--plain-images-per-second", "250")
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert {"report", "plain Keras"} <= set(found)
    assert all(min(numbers(cells)) > 0 for cells in found.values())


def test_time_to_accuracy_measures_the_plain_script_where_its_speed_is_not_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(contenders: dict[str, Contender], rounds: int) -> dict[str, list[dict[str, Any]]]:
        assert (list(contenders), rounds) == (["plain Keras"], 1)
        assert contenders["plain Keras"].function == "keras_script"
        return {"plain Keras": [{"images_per_second": 250.0, "versions": {"tensorflow": "2.0"}}]}

    monkeypatch.setattr(time_to_accuracy, "in_turns", measured)
    time_to_accuracy.main(["report"])
    output = capsys.readouterr().out
    assert "Plain Keras: 250 images/s, epochs as report.\n" in output
    assert output.endswith("tensorflow 2.0\n")
