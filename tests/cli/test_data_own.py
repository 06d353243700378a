"""`data add` and `data remove`, and what a dataset of one's own is for."""

import io
import json
from pathlib import Path

import pytest

from cifar_core.datasets import own
from tests.command_line import Typed
from tests.datasets.own_sources import in_folder, in_zip, shapes
from tests.model_directories import run_that_is

SHAPES = {**shapes(), "readme.txt": b"hi", "Kreis/not\x1b[2J.png": b"no"}
FACTS = {"name", "title", "here", "folder", "sizes", "classes", "problem"}


@pytest.fixture
def source(datasets: Path, runs: Path, tmp_path: Path) -> str:
    assert not datasets.exists()
    assert not runs.exists()
    return str(in_zip(tmp_path / "shapes.zip", SHAPES))


def test_it_is_added_listed_and_removed(
    source: str, datasets: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = typed("data", "add", "shapes", source)
    assert (added.status, added.err) == (0, "")
    first, *rest = added.out.splitlines()
    what = "19 training and 5 test pictures of 3 classes"
    assert first == f"shapes: {what}, in {datasets / 'shapes'}"
    assert rest == [
        "Left out: 2",
        "  readme.txt: This is no picture.",
        "  Kreis/not\ufffd[2J.png: This file is not a picture, or it is damaged or cut off; save it again as "
        "JPEG or PNG.",
    ]
    assert f"shapes: your own pictures, {what}\n  in {datasets / 'shapes'}, whole\n" in typed("data").out

    monkeypatch.setattr("sys.stdin", io.StringIO())  # where nobody answers
    asked = typed("data", "remove", "shapes")
    assert asked.status == 1
    assert "Nothing was done; answer y to go on, or give --yes." in asked.err
    assert own.names() == ["shapes"]
    assert typed("data", "remove", "shapes", "--yes") == (0, "“shapes” is removed.\n", "")
    assert own.names() == []
    assert "There is no dataset of your own called “shapes”" in typed("data", "remove", "shapes").err


def test_results_for_scripts(source: str, typed: Typed) -> None:
    added = json.loads(typed("data", "add", "shapes", source, "--no-mirrors", "--json").out)
    assert added.keys() == FACTS | {"left_out", "notes"}
    assert [item["name"] for item in added["left_out"]] == ["readme.txt", "Kreis/not\x1b[2J.png"]
    assert (added["sizes"], added["classes"]) == ({"train": 19, "test": 5}, 3)
    [*_, listed] = json.loads(typed("data", "--json").out)
    assert listed == {name: added[name] for name in FACTS}
    found = own.find("shapes")
    assert found is not None
    assert not found.facts.mirrors


def test_of_what_is_left_out_the_first_are_shown(datasets: Path, tmp_path: Path, typed: Typed) -> None:
    assert not datasets.exists()
    bad = {f"Kreis/{number:02}.jpg": b"no" for number in range(30)}
    added = typed("data", "add", "shapes", str(in_folder(tmp_path / "source", {**shapes(), **bad})))
    assert added.out.splitlines()[-1] == "  and 10 more; --json lists all"
    assert len(added.out.splitlines()) == 1 + 1 + 20 + 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["data", "add", "cifar10", "SOURCE"], "“cifar10” comes with the app; choose another name."),
        (["data", "add", "a/b", "SOURCE"], "A dataset's name may hold"),
        (["data", "add", "new", "/nowhere"], "There is no folder or file /nowhere; check its name."),
        (["data", "remove", "digits", "--yes"], "There is no dataset of your own called “digits”"),
        (
            ["train", "quick", "--data", "nothing"],
            "There is no dataset “nothing”; choose one of cifar10, digits.",
        ),
    ],
    ids=range(5),
)
def test_one_line_says_what_is_wrong(arguments: list[str], told: str, source: str, typed: Typed) -> None:
    done = typed(*(source if argument == "SOURCE" else argument for argument in arguments))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"Error: {told}")
    assert done.err.count("\n") == 1


def test_one_that_is_damaged_is_listed_with_its_cure(source: str, datasets: Path, typed: Typed) -> None:
    typed("data", "add", "shapes", source)
    (datasets / "shapes" / own.ABOUT).write_text("{}")
    assert "data remove shapes` and add its pictures again" in typed("data").out
    [*_, row] = json.loads(typed("data", "--json").out)
    assert (row.keys(), row["here"], row["sizes"]) == (FACTS, False, None)
    assert typed("data", "remove", "shapes", "--yes").status == 0


def test_what_a_run_learns_from_is_not_removed(source: str, runs: Path, typed: Typed) -> None:
    typed("data", "add", "shapes", source)
    found = own.find("shapes")
    assert found is not None
    run_that_is("running", runs / "one", dataset=found.facts.to_dict())
    assert (
        "The run “one” learns from “shapes”; stop it first" in typed("data", "remove", "shapes", "--yes").err
    )
    assert own.names() == ["shapes"]
