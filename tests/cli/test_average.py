"""`average` on the command line, and the commands that an average is given to."""

import json
from pathlib import Path

import pytest
from PIL import Image

from cifar_core.datasets.registry import DIGITS
from cifar_core.evaluation import averaging
from cifar_core.formats import percent
from cifar_core.runs.model_dir import ModelDirectory
from tests.command_line import Typed


def test_it_makes_a_model_and_prints_what_that_brings(two: list[ModelDirectory], typed: Typed) -> None:
    done = typed("average", "both", "linear", "other")
    assert (done.status, done.err) == (0, "")
    made, gain = ModelDirectory(two[0].path.parent / "both"), averaging.gain(two)
    for model in (*two, made):
        assert f"{model.name}: {percent(model.card()['accuracy'])} (95 % interval" in done.out
    assert (
        f"Against “{gain.best.name}”, the best of them alone: {gain.duel.difference * 100:+.2f}" in done.out
    )

    done = typed("average", "again", "other", "linear", "--json")
    found = json.loads(done.out)
    assert found["accuracy"] == made.card()["accuracy"]
    assert found["members"] == {model.name: model.card()["accuracy"] for model in reversed(two)}
    assert found["p_value"] == gain.duel.p_value
    assert Path(found["directory"]) == made.path.parent / "again"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["more", "linear"], "An average is of two to 5 different models."),
        (["more", "linear", "linear"], "An average is of two to 5 different models."),
        (["more", "linear", "duo"], "“duo” is an average, which has no network of its own"),
        (["more", "linear", "nobody"], "There is no model or run “nobody”"),
        (["more", "linear", "../other"], "There is no model or run “../other”"),
        (["duo", "linear", "other"], "There is already a run “duo”; choose another name."),
        (["../more", "linear", "other"], "A run's name may hold"),
    ],
)
@pytest.mark.usefixtures("duo")
def test_what_cannot_be_averaged_gets_a_sentence(typed: Typed, arguments: list[str], sentence: str) -> None:
    done = typed("average", *arguments)
    assert (done.status, done.out) == (1, "")
    assert sentence in done.err


def test_it_is_listed_evaluated_and_classified_with(
    duo: ModelDirectory, typed: Typed, tmp_path: Path
) -> None:
    row = next(row for row in json.loads(typed("runs", "--json").out) if row["name"] == "duo")
    assert (row["recipe"], row["state"], row["accuracy"]) == ("average", "finished", duo.card()["accuracy"])
    assert row["epochs_planned"] is None
    assert "of" not in next(line for line in typed("runs").out.splitlines() if " duo " in line)

    card = json.loads(typed("evaluate", "duo", "--json").out)
    assert card == duo.card()
    assert card["test_time_augmentation"]["views"] == 6
    assert "With 6 views" in typed("evaluate", "duo").out

    Image.fromarray(DIGITS.load("test").images[0]).save(tmp_path / "digit.png")
    answers = [
        json.loads(typed("classify", name, str(tmp_path / "digit.png"), "--json", "--tta", "6").out)
        for name in ("duo", "linear", "other")
    ]
    assert answers[0]["class"] in {answer["class"] for answer in answers[1:]}


@pytest.mark.parametrize(
    "command",
    [
        ["export", "duo", "."],
        ["export", "duo", ".", "--litert"],
        ["pack", "duo", "packed.zip"],
        ["score", "duo", ".", "answers"],
        ["train", "transfer", "--data", "digits", "--base", "duo"],
    ],
)
@pytest.mark.usefixtures("duo")
def test_what_needs_one_network_says_so(
    typed: Typed, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path / "pictures")
    done = typed(*command)
    assert (done.status, done.out) == (1, "")
    assert "“duo” is an average, which has no network of its own; choose one of its members" in done.err
    assert not list((tmp_path / "pictures").iterdir())


def test_deleting_a_member_says_which_averages_miss_it(duo: ModelDirectory, typed: Typed) -> None:
    done = typed("delete", "other", "--yes")
    assert "Averages of it no longer answer: duo." in done.out
    done = typed("classify", "duo", "none.png")
    assert done.status == 1
    assert "averages “other”, which is not here any more" in done.err
    typed("restore", "other")
    assert json.loads(typed("runs", "--json").out)
    assert duo.has_results()
