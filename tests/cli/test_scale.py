"""`score` and `classify` on folders and archives: what they say, and what they refuse."""

import json
from pathlib import Path

import pytest

from tests.command_line import Typed
from tests.pictures import encode, photo
from tests.sources.made import folder, tabled

PICTURES = {f"{name}.png": encode(photo(32, 32, seed), "PNG") for seed, name in enumerate("ab")}


def test_a_folder_is_classified_as_its_pictures(tmp_path: Path, typed: Typed) -> None:
    images = folder(tmp_path / "in", {**PICTURES, "below/c.png": b"none", "notes.txt": b"words"})
    done = typed("classify", "quick", str(images), str(images / "a.png"), "--json")
    answers = [json.loads(line) for line in done.out.splitlines()]
    names = [*(str(images / name) for name in ("a.png", "b.png", "below/c.png")), str(images / "a.png")]
    assert [row["image"] for row in answers] == names
    assert [row["image"] for row in answers if "error" in row] == [str(images / "below/c.png")]
    assert (done.status, done.err) == (1, "Error: 1 of 4 pictures could not be classified.\n")


def test_an_empty_folder_stops_no_other_picture(tmp_path: Path, typed: Typed) -> None:
    images, empty = folder(tmp_path / "in", PICTURES), folder(tmp_path / "empty", {"notes.txt": b"words"})
    done = typed("classify", "quick", str(empty), str(images / "a.png"))
    first, second = done.out.splitlines()
    assert first == f"{empty}: There are no pictures in this folder."
    assert second.startswith(f"{images / 'a.png'}: ")
    assert done.status == 1


@pytest.mark.parametrize("place", ["SOURCE", "DESTINATION"])
def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, typed: Typed, place: str) -> None:
    source, out = str(folder(tmp_path / "in", PICTURES)), str(tmp_path / "out")
    done = typed("score", "quick", *(("", out) if place == "SOURCE" else (source, "")))
    assert (done.status, done.out) == (2, "")
    assert f"Invalid value for '{place}': it is empty" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("empty", "There are no pictures in "),
        ("missing", "There is no folder or file "),
        ("table", "has no column of picture files, only “image”; --column names one of “image”."),
    ],
)
def test_score_refuses_what_has_no_pictures(tmp_path: Path, typed: Typed, source: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    tabled(tmp_path / "table", [b"a hash", b"another"])
    done = typed("score", "quick", str(tmp_path / source), str(tmp_path / "out"))
    assert (done.status, done.out) == (1, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
