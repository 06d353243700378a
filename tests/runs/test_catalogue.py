import re
from pathlib import Path

import pytest

from cifar_core import paths
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.errors import ModelDirectoryError
from cifar_core.recipes import get_recipe
from cifar_core.runs import catalogue
from cifar_core.runs.status import State
from tests.model_directories import complete, made, run_that_is

NOT_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "x/..",
    "a/b",
    "a\\b",
    "/tmp/x",
    "C:\\x",
    ".hidden",
    "-x",
    "_x",
    "x" * 65,
    "x\n",
    "x y",
    "x\0",
    "é",
    "~",
    "%2e%2e",
]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_a_name_cannot_leave_the_folder(runs: Path, name: str) -> None:
    made(runs.parent / "x")
    made(runs / "a")
    with pytest.raises(ModelDirectoryError, match="name may hold up to 64"):
        catalogue.new_run(name)
    with pytest.raises(ModelDirectoryError, match="There is no model or run"):
        catalogue.find(name)


@pytest.mark.parametrize("name", ["x", "0", "X" * 64, "quick-20261123-180000", "a..b", "a.b_c-d"])
def test_a_fit_name_gives_a_directory_in_the_folder(runs: Path, name: str) -> None:
    directory = catalogue.new_run(name)
    assert (directory.path, directory.name) == (runs / name, name)
    assert not runs.exists()  # it is a name so far

    made(runs / name)
    with pytest.raises(ModelDirectoryError, match="already a run"):
        catalogue.new_run(name)
    assert catalogue.find(name) == directory


def test_find_takes_a_path_only_where_it_is_allowed(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = made(tmp_path / "elsewhere" / "model")
    monkeypatch.chdir(tmp_path)
    for path in (str(elsewhere.path), "elsewhere/model", "./elsewhere/model"):
        with pytest.raises(ModelDirectoryError):
            catalogue.find(path)
        assert catalogue.find(path, allow_path=True) == elsewhere

    for path in ("elsewhere", "elsewhere/none", "elsewhere/model/config.json", "x" * 5_000, "a\0b", ""):
        with pytest.raises(ModelDirectoryError):
            catalogue.find(path, allow_path=True)
    monkeypatch.chdir(elsewhere.path)
    with pytest.raises(ModelDirectoryError):
        catalogue.find("", allow_path=True)
    made(runs / "model")
    assert catalogue.find("model", allow_path=True).path == runs / "model"


def test_listings(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_ARTIFACTS", tmp_path / "artifacts")
    assert catalogue.runs() == catalogue.models() == []

    old = complete(made(runs / "old", created="2026-11-20T10:00:00+00:00"))
    newest = complete(made(runs / "b", created="2026-11-23T10:00:00+00:00"))
    unfinished = made(runs / "c", created="2026-11-22T10:00:00+00:00")
    damaged = made(runs / "damaged")
    damaged.config_path.write_bytes(b"{")
    (runs / "no-run").mkdir()
    (runs / "file").touch()
    (runs / ".worker.lock").touch()
    old.config_path.touch()  # that a file was written again later makes the run no younger
    assert catalogue.runs() == [newest, unfinished, old, damaged]

    shipped = [complete(made(tmp_path / "artifacts/models" / name)) for name in ("alpha", "old")]
    made(tmp_path / "artifacts/models" / "half")
    assert catalogue.models() == [shipped[0], newest, old]  # one's own run hides the shipped model
    assert catalogue.find("old") == old
    assert catalogue.find("alpha") == shipped[0]


def test_an_untrained_run_hides_no_shipped_model(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "_ARTIFACTS", tmp_path / "artifacts")
    shipped = complete(made(tmp_path / "artifacts/models/quick"))
    run = run_that_is("running", runs / "quick")
    assert catalogue.models() == [shipped]
    assert catalogue.find_model("quick") == shipped
    assert catalogue.find("quick") == run  # which can be stopped
    complete(run)
    assert catalogue.models() == [run] == [catalogue.find_model("quick")]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("running", "“new” is still being trained; wait until it is finished."),
        ("stopped", "“new” was not trained to its end; `python -m cifar_core resume new` goes on with it."),
        ("finished", "“new” has no model.onnx any more; train it again."),
    ],
)
def test_what_is_no_model_yet_says_what_to_do(runs: Path, state: State, said: str) -> None:
    run = run_that_is(state, runs / "new")
    for name in ("new", str(run.path)):
        with pytest.raises(ModelDirectoryError, match=f"^{re.escape(said)}$"):
            catalogue.find_model(name, allow_path=True)


def test_two_that_are_called_alike_are_told_apart_by_their_folders(runs: Path) -> None:
    one, two, three = (made(runs / name) for name in ("one", "two", "three"))
    assert catalogue.titles([one, two]) == {"one": "one", "two": "two"}
    one.write_label("Anna's run")
    two.write_label("Anna's run")
    assert catalogue.titles([one, two]) == {"one": "Anna's run (one)", "two": "Anna's run (two)"}
    three.write_label("Anna's run (one)")
    assert len(set(catalogue.titles([one, two, three]).values())) == 3
    two.write_label("one")  # as another's folder
    assert catalogue.titles([one, two]) == {"one": "Anna's run", "two": "one (two)"}


def test_a_run_without_a_name_is_called_by_recipe_number_dataset_and_pictures(runs: Path) -> None:
    quick = get_recipe("quick")
    assert catalogue.new_title(quick, CIFAR10) == "Quick 1"
    made(runs / "one").write_label("Quick 1")
    made(runs / "three").write_label("Quick 3 · 8,000 images")
    made(runs / "other").write_label("Quick 99 is what Anna calls it")
    assert catalogue.new_title(quick.with_(images=8_000), CIFAR10) == "Quick 4 · 8,000 images"
    digits = quick.on(DIGITS.sizes["train"])
    assert catalogue.new_title(digits, DIGITS) == "Quick 4 · Handwritten digits"
    long = type("Long", (), {"name": "long", "title": "x" * 300, "sizes": {"train": 9}})()
    made(runs / "long").write_label(catalogue.new_title(quick, long))
