"""A damaged run on the command line: a line that says what is wrong, and no traceback."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cifar_core.datasets.registry import DIGITS
from cifar_core.runs.model_dir import ModelDirectory
from tests.command_line import Typed
from tests.model_directories import run_that_is

OPTIONS: list[Any] = [
    [32, 64, 128],
    "widths",
    None,
    {"widths": "abc", "activation": "relu"},
    {"widths": [32], "activation": "relu"},
    {"widths": [32, 64, 128], "activation": 5},
    {"widths": [32, 64, 128], "activation": "relu", "more": 1},
]
COMMANDS = [["resume", "mine"], ["evaluate", "mine"], ["export", "mine", "o"], ["classify", "mine", "x"]]


@pytest.fixture
def stopped(runs: Path) -> ModelDirectory:
    return run_that_is("stopped", runs / "mine", dataset=DIGITS.facts.to_dict())


@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_a_recipe_with_options_of_the_wrong_kind_is_one_line(
    stopped: ModelDirectory, typed: Typed, options: Any
) -> None:
    config = json.loads(stopped.config_path.read_bytes())
    config["recipe"]["network_options"] = options
    stopped.config_path.write_text(json.dumps(config))
    done = typed("resume", "mine")
    assert (done.status, done.err) == (
        1,
        "Error: config.json of “mine” is missing or damaged; start a new run.\n",
    )
    [row, *_] = json.loads(typed("runs", "--json").out)
    assert (row["name"], row["recipe"], row["state"]) == ("mine", None, "stopped")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_named_pipe_for_a_model_is_one_line(
    stopped: ModelDirectory, typed: Typed, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    monkeypatch.chdir(tmp_path)
    stopped.config_path.unlink()
    for path in (stopped.config_path, stopped.onnx_path):
        os.mkfifo(path)
    done = typed(*command)
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "There is no model or run “mine”" in done.err
