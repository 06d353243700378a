"""What people call a run: any alphabet, and nothing that nobody can see, whoever wrote the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import ModelDirectoryError
from cifar_core.recipe import Recipe
from cifar_core.runs import jobs, resources
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import MOST_NOTE, MOST_TITLE
from tests.model_directories import made

GOOD = ["Anna's run", "Пробуем 2", "猫と犬", "می‌خواهم", "👩‍🔬 first", "a/b\\c ..", "x" * MOST_TITLE]
BAD = ["tab\x07", "\x1b[31mred", "exe\u202egpj", "zero\u200bwidth", "half \ud800", "x" * (MOST_TITLE + 1)]


@pytest.mark.parametrize("title", GOOD)
def test_a_run_can_be_called_anything_that_can_be_seen(runs: Path, title: str) -> None:
    run = made(runs / "mine")
    before = run.stamp()
    run.write_label(f"  {title}\n", "first line\nsecond  line")
    assert (run.title, run.label().note) == (title, "first line second line")
    assert run.name == "mine"
    assert run.stamp() != before


@pytest.mark.parametrize("title", BAD)
def test_a_name_that_cannot_be_shown_is_refused_and_the_one_before_stays(runs: Path, title: str) -> None:
    run = made(runs / "mine")
    run.write_label("before", "noted")
    with pytest.raises(ModelDirectoryError, match=r"characters, not|nobody can see"):
        run.write_label(title)
    with pytest.raises(ModelDirectoryError, match=r"characters, not|nobody can see"):
        run.write_label("x", title * (MOST_NOTE // MOST_TITLE + 1))
    assert (run.title, run.label().note) == ("before", "noted")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"title": 5}',
        b'{"title": null}',
        b'{"title": "\\u0007"}',
        b'{"title": "a\\nb"}',
        b'{"title": " "}',
        *(json.dumps({"title": title}).encode() for title in BAD),
        json.dumps({"title": "x", "note": "y" * (MOST_NOTE + 1)}).encode(),
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
)
def test_what_no_label_can_be_is_not_believed(runs: Path, content: bytes) -> None:
    run = made(runs / "mine")
    run.label_path.write_bytes(content)
    assert (run.title, run.label().note) == ("mine", "")


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({}, "Quick 1 · 1,200 images"),
        ({"title": "Anna's run"}, "Anna's run"),
        ({"name": "mine"}, "mine"),
        ({"name": "mine", "title": "Anna's run"}, "Anna's run"),
    ],
)
def test_a_new_run_has_a_name_for_people_and_a_safe_one_for_its_folder(
    runs: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], title: str
) -> None:
    monkeypatch.setattr(jobs, "_launch", lambda _: None)
    monkeypatch.setattr(resources, "refuse_if_short_of_memory", lambda *_: None)
    dataset = type(CIFAR10)()
    monkeypatch.setattr(dataset, "refuse_if_missing", lambda: None)
    monkeypatch.setattr(dataset, "at", lambda _: dataset)
    run = jobs.start(tiny, dataset=dataset, **given)
    assert run.title == title
    assert run == ModelDirectory(runs / run.name)
    assert run.name.startswith(given.get("name", "quick-20"))
