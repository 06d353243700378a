"""`data doubts`, `data label`, `data exclude` and `data undo`: labels mended on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifar_core.datasets import own
from cifar_core.datasets.own_changes import OUT
from tests.command_line import Typed
from tests.datasets.own_sources import NAMES, in_folder, shape, shapes
from tests.pictures import encode

COUNT = 20
WRONG = f"{NAMES[1]}/disc.png"  # a disc among the squares


@pytest.fixture
def mislabelled(datasets: Path, tmp_path: Path, typed: Typed) -> str:
    """A dataset with one label that is wrong; its name."""
    assert not datasets.exists()
    files = {**shapes(COUNT), WRONG: encode(shape(0, COUNT), "PNG")}
    assert typed("data", "add", "shapes", str(in_folder(tmp_path / "shapes", files))).status == 0
    return "shapes"


def labels(name: str) -> np.ndarray:
    dataset = own.find(name)
    assert dataset is not None
    return dataset.labels().labels


def test_a_wrong_label_is_found_shown_mended_and_taken_back(
    mislabelled: str, typed: Typed, tmp_path: Path
) -> None:
    folder = tmp_path / "doubted"
    rows = json.loads(typed("data", "doubts", mislabelled, "--json", "--save", str(folder)).out)
    assert [(row["label"], row["likelier"]) for row in rows[:1]] == [(NAMES[1], NAMES[0])]
    assert 0 <= rows[0]["label_probability"] < rows[0]["likelier_probability"] <= 1
    number = rows[0]["picture"]
    saved_as = {file.name for file in folder.iterdir()}
    assert saved_as == {f"{row['picture']:05}.png" for row in rows}
    with Image.open(folder / f"{number:05}.png") as saved:
        assert saved.size == (own.SIDE, own.SIDE)

    listed = typed("data", "doubts", mislabelled).out.splitlines()
    assert listed[0].startswith(f"{number}: {NAMES[1]} ")
    assert f", rather {NAMES[0]} " in listed[0]
    assert len(listed) == len(rows)

    before = labels(mislabelled)
    moved = typed("data", "label", mislabelled, str(number), "--to", NAMES[0])
    assert moved.out == "1 picture of “shapes”: Kreis. `data undo shapes` takes it back.\n"
    assert labels(mislabelled)[number] == NAMES.index(NAMES[0])
    assert number not in [
        row["picture"] for row in json.loads(typed("data", "doubts", mislabelled, "--json").out)
    ]
    out = typed("data", "exclude", mislabelled, str(number), str(number))
    assert out.out == "1 picture of “shapes”: taken out. `data undo shapes` takes it back.\n"
    assert labels(mislabelled)[number] == OUT
    assert typed("data", "undo", mislabelled).out.endswith("is taken back; 1 is left.\n")
    assert typed("data", "undo", mislabelled).out.endswith("is taken back; none is left.\n")
    assert np.array_equal(labels(mislabelled), before)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["doubts", "nothing"], "There is no dataset of your own called “nothing”"),
        (["doubts", "shapes", "--model", "nobody"], "There is no model or run “nobody”"),
        (["label", "shapes", "0", "--to", "Dreieck"], "“shapes” has no class of that name"),
        (["label", "shapes", "9999", "--to", "Kreis"], "These are no pictures of “shapes”"),
        (["exclude", "nothing", "0"], "There is no dataset of your own called “nothing”"),
        (["undo", "shapes"], "Nothing of “shapes” is changed."),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(
    mislabelled: str, typed: Typed, arguments: list[str], said: str
) -> None:
    before = labels(mislabelled)
    done = typed("data", *arguments)
    assert (done.status, done.out) == (1, "")
    assert said in done.err
    assert np.array_equal(labels(mislabelled), before)


@pytest.mark.slow
def test_who_learned_from_the_labels_does_not_judge_them(
    mislabelled: str,
    runs: Path,
    typed: Typed,
) -> None:
    assert not runs.exists()
    trained = typed("train", "quick", "--data", mislabelled, "--name", "own", "--epochs", "1", "--foreground")
    assert trained.status == 0, trained.err
    done = typed("data", "doubts", mislabelled, "--model", "own")
    assert done.status == 1
    assert "“own” learned from the labels that it would judge; choose another with --model." in done.err
