"""The command line without a model: help, the data, and what is refused."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cifar_core.runs import catalogue
from tests.command_line import ROOT, Typed, answer, call

OPTIONS = {
    "data": ["--json"],
    "data download": ["--from", "--json"],
    "train": [
        *("--data", "--name", "--epochs", "--batch-size", "--learning-rate", "--patience", "--images"),
        *("--validation-images", "--seed", "--base", "--foreground", "--json"),
    ],
    "stop": ["--wait", "--no-wait", "--kill"],
    "resume": ["--foreground"],
    "delete": ["--yes"],
    "data add": ["--mirrors", "--no-mirrors", "--json"],
    "data doubts": ["--model", "--save", "--json"],
    "data label": ["--to"],
    "data exclude": [],
    "data undo": [],
    "data remove": ["--yes"],
    "restore": [],
    "runs": ["--json"],
    "evaluate": ["--robustness", "--json"],
    "average": ["--json"],
    "classify": ["--tta", "--json"],
    "export": ["--litert", "--json"],
    "pack": ["--json"],
    "unpack": ["--name", "--json"],
    "score": ["--column", "--address", "--json"],
    "sweep": [
        *("--learning-rate", "--batch-size", "--weight-decay", "--label-smoothing", "--seed", "--epochs"),
        *(
            "--data",
            "--images",
            "--validation-images",
            "--name",
            "--grace",
            "--factor",
            "--address",
            "--json",
        ),
    ],
    "serving check": ["--model", "--json"],
    "vertex upload": [
        *("--project", "--region", "--bucket", "--saved-model", "--container", "--dry-run", "--json"),
    ],
    "vertex deploy": [
        *("--project", "--region", "--machine-type", "--min-replicas", "--max-replicas"),
        *("--dry-run", "--yes"),
    ],
    "vertex predict": ["--project", "--region", "--dry-run", "--json"],
    "vertex delete": ["--project", "--region", "--bucket", "--dry-run", "--yes"],
}


# Help, and commands that are misspelt


def commands(*group: str) -> set[str]:
    """Return the names of the commands that `--help` lists."""
    listed = re.findall(r"^│ ([a-z]+) +[A-Z]", answer(*group, "--help"), re.MULTILINE)
    return {" ".join([*group, name]) for name in listed}


def test_help_lists_every_command() -> None:
    groups = {"serving", "vertex"}
    inner = commands("data") | commands("serving") | commands("vertex")
    assert (commands() - groups) | inner == set(OPTIONS)


@pytest.mark.parametrize("command", OPTIONS)
def test_help_explains_every_option(command: str) -> None:
    text = answer(*command.split(), "--help")
    assert set(re.findall(r"(?<!\S)--[a-z-]+", text)) == {*OPTIONS[command], "--help"}
    for line in re.findall(r"^│ +\*? *--.*", text, re.MULTILINE):
        assert re.search(r"[A-Z].{5}", line), f"no help text: {line}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["train"],
        ["classify", "tiny"],
        *(["classify", "quick", "cat.png", "--tta", tta] for tta in ("0", "3", "six")),
        ["train", "quick", "--epochs", "many"],
    ],
)
def test_misspelt(arguments: list[str], env: dict[str, str]) -> None:
    done = call(*arguments, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: python -m cifar_core" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "module",
    ["cifar_core.cli.main", "cifar_core.runs.jobs", "cifar_core.training.worker", "cifar_core.formats"],
)
def test_starts_without_what_is_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split())
    assert "cifar_core" in loaded
    assert not {"pandas", "sklearn", "scipy", "onnxruntime", "tensorflow", "keras", "streamlit"} & loaded


# Bad input


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "nonsense"], "no recipe “nonsense”; choose one of quick,"),
        (["train", "quick", "--epochs", "0"], "epochs must be between 1 and 1,000, not 0"),
        (["train", "quick", "--learning-rate", "nan"], "learning rate must be between"),
        (["train", "quick", "--batch-size", "1"], "batch size must be between"),
        (["train", "quick", "--data", "digits", "--images", "1438"], "not 1,438"),
        (["train", "quick", "--images", "1000"], "use more images"),
        (["train", "quick", "--validation-images", "-5"], "not -5"),
        (["train", "report", "--validation-images", "5000"], "report validates on the test set"),
        (["train", "quick", "--patience", "-1"], "patience"),
        (["train", "quick", "--seed", "-1"], "seed"),
        (["train", "quick", "--data", "digits", "--name", "../outside"], "letters, digits"),
        (["sweep", "quick"], "Give values to try"),
        (["sweep", "report", "--seed", "1"], "validates on the test set"),
        (["stop", "nobody"], "no model or run “nobody”"),
        (["stop", "nobody", "--no-wait"], "no model or run “nobody”"),
        (["resume", "nobody"], "no model or run “nobody”"),
        (["delete", "nobody", "--yes"], "no model or run “nobody”"),
        (["delete", "quick"], "“quick” is no run of your own"),  # and asks nothing first
        (["evaluate", "nobody"], "no model or run “nobody”"),
        (["classify", "nobody", "cat.png"], "no model or run “nobody”"),
    ],
)
def test_bad_input(arguments: list[str], told: str, typed: Typed, runs: Path) -> None:
    done = typed(*arguments)
    assert (done.status, done.out) == (1, "")
    assert re.fullmatch(r"Error: .+\.\n", done.err)
    assert told in done.err
    assert not list(runs.rglob("config.json")), "nothing was started"


def test_no_runs_yet(env: dict[str, str], tmp_path: Path) -> None:
    listed = json.loads(answer("runs", "--json", env=env))
    assert [row["name"] for row in listed if row["shipped"]] == [model.name for model in catalogue.shipped()]
    assert all(row["shipped"] for row in listed)
    shutil.copytree(ROOT / "cifar_core", tmp_path / "code" / "cifar_core")  # which ships no model
    env["PYTHONPATH"] = str(tmp_path / "code")
    assert answer("runs", "--json", env=env, cwd=tmp_path) == "[]\n"
    assert "`python -m cifar_core train quick`" in answer("runs", env=env, cwd=tmp_path)
