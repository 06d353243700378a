"""A folder of answers knows whose they are, and takes no others."""

import functools
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from cifar_core.errors import CifarLabError, ScaleError, SourceError
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.scale.score import Part, prepared
from cifar_core.sources.opening import open_source
from tests.pictures import encode, photo
from tests.scale.test_score import rows
from tests.sources.made import folder, tabled, tarred, zipped

PICTURES = {f"{number}.png": encode(photo(32, 32, number), "PNG") for number in range(3)}
OTHER = {f"{number}.png": encode(photo(32, 32, number + 3), "PNG") for number in range(3)}


def table(path: Path, files: dict[str, bytes] = PICTURES) -> Path:
    return tabled(path, [*files.values()])


def scored(source: Path, out: Path, model: str | ModelDirectory = "quick") -> Part:
    """Do what the command does, in one process; return what was done before."""
    directory = catalogue.find(model) if isinstance(model, str) else model
    with prepared(directory, open_source(source), out) as work:
        if work.left:
            work.scorer.score(work.left)
        return work.before


@pytest.mark.parametrize("make", [folder, zipped, tarred, table])
def test_it_goes_on_where_it_was(tmp_path: Path, make: Any) -> None:
    source = make(tmp_path / "source", {**PICTURES, "bad.png": b"\xff\xd8\xff no picture"})
    assert scored(source, tmp_path / "out") == Part(0, 0)
    assert scored(source, tmp_path / "out") == Part(4, 1)  # what was refused still is
    assert len(rows(tmp_path / "out")) == 4


@pytest.mark.parametrize("make", [folder, zipped, tarred, table])
def test_another_model_and_another_source_are_refused(tmp_path: Path, make: Any) -> None:
    first, second = make(tmp_path / "first", PICTURES), make(tmp_path / "second", OTHER)
    scored(first, tmp_path / "out")
    with pytest.raises(ScaleError, match=r"holds answers of “quick”; choose another folder for “fast”\."):
        scored(first, tmp_path / "out", "fast")
    with pytest.raises(ScaleError, match=r"out holds answers of “.*first”; .* for “.*second”\."):
        scored(second, tmp_path / "out")
    assert scored(first, tmp_path / "out") == Part(3, 0)


@pytest.mark.parametrize("make", [folder, zipped, tarred, table])
def test_a_source_that_has_changed_is_refused(tmp_path: Path, make: Any) -> None:
    source = make(tmp_path / "source", PICTURES)
    scored(source, tmp_path / "out")
    make(source, OTHER)
    with pytest.raises(ScaleError, match="has changed since"):
        scored(source, tmp_path / "out")


def test_a_folder_may_grow(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", PICTURES)
    scored(source, tmp_path / "out")
    folder(source, {"later.png": OTHER["0.png"]})
    assert scored(source, tmp_path / "out") == Part(3, 0)
    assert len(rows(tmp_path / "out")) == 4


@pytest.mark.parametrize("change", ["model.onnx", "card.json"])
def test_a_model_that_has_changed_is_refused(tmp_path: Path, change: str) -> None:
    shutil.copytree(catalogue.find("quick").path, tmp_path / "quick")
    model, source = ModelDirectory(tmp_path / "quick"), folder(tmp_path / "source", PICTURES)
    scored(source, tmp_path / "out", model)
    if change == "card.json":
        model.card_path.write_text(json.dumps({**model.card(), "temperature": 1.5}))
    else:
        shutil.copy(catalogue.find("fast").onnx_path, model.onnx_path)
    with pytest.raises(ScaleError, match="“quick”, which has changed since"):
        scored(source, tmp_path / "out", model)


def test_two_at_once_are_one(tmp_path: Path) -> None:
    source, model = open_source(folder(tmp_path / "source", PICTURES)), catalogue.find("quick")
    with (
        prepared(model, source, tmp_path / "out"),
        pytest.raises(ScaleError, match="Another `score` writes into"),
        prepared(model, source, tmp_path / "out"),
    ):
        pytest.fail("both have it")
    assert scored(tmp_path / "source", tmp_path / "out") == Part(0, 0)


def test_a_worker_that_was_left_behind_writes_nothing(tmp_path: Path) -> None:
    source, model = open_source(folder(tmp_path / "source", PICTURES)), catalogue.find("quick")
    with prepared(model, source, tmp_path / "out") as killed:
        pass
    with prepared(model, source, tmp_path / "out") as work:
        killed.scorer.score(killed.left[:2])
        assert rows(tmp_path / "out") == []
        work.scorer.score(work.left)
    assert len(rows(tmp_path / "out")) == 3


@pytest.mark.parametrize("out", [".", "below/out", "../source/out"])
def test_a_destination_among_the_pictures_is_refused(tmp_path: Path, out: str) -> None:
    source = folder(tmp_path / "source", PICTURES)
    with pytest.raises(ScaleError, match="is in the folder of the pictures"):
        scored(source, source / out)
    assert {path.name for path in source.iterdir()} == {*PICTURES}


@pytest.mark.parametrize("files", [{}, {"notes.txt": b"words", ".hidden.png": b""}])
@pytest.mark.parametrize("make", [folder, zipped, functools.partial(tarred, mode="w:gz")])
def test_nothing_to_do_is_said(tmp_path: Path, make: Any, files: dict[str, bytes]) -> None:
    (tmp_path / "source").mkdir() if make is folder else None
    message = "only 1 other files, such as notes.txt" if files else "There are no pictures in .*source; check"
    with pytest.raises(SourceError, match=message):
        scored(make(tmp_path / "source", files), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_without_rows_has_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There are no pictures in"):
        scored(table(tmp_path / "p", {}), tmp_path / "out")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("part-0.parquet", b"words", "does not say whose answers it holds"),
        ("score.json", b"words", "score.json is damaged"),
        ("score.json", b"[]", "score.json is damaged"),
        ("score.json", b'{"model": "quick"}', "score.json is damaged"),
    ],
)
def test_files_that_are_not_ours_are_left_alone(
    tmp_path: Path, file: str, content: bytes, message: str
) -> None:
    out = folder(tmp_path / "out", {file: content})
    with pytest.raises(ScaleError, match=message):
        scored(folder(tmp_path / "source", PICTURES), out)
    assert (out / file).read_bytes() == content


def test_a_damaged_part_is_said(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", PICTURES)
    scored(source, tmp_path / "out")
    (part,) = (tmp_path / "out").glob("part-*")
    os.truncate(part, 100)
    with pytest.raises(ScaleError, match="is not a file of ours, or damaged"):
        scored(source, tmp_path / "out")


def test_a_destination_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("words")
    source = folder(tmp_path / "source", PICTURES)
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(CifarLabError, match=rf"{out.name} cannot be written: [A-Z]") as error:
            scored(source, out)
        assert "Errno" not in str(error.value)
