"""What the real lists say about single images, against the lists themselves."""

from pathlib import Path

import numpy as np
import pytest

from cifar_core.annotations import image_notes, lists
from cifar_core.annotations.image_notes import Notes
from cifar_core.datasets import cifar10


@pytest.fixture(scope="module")
def notes(list_files: object) -> Notes:  # noqa: ARG001
    return image_notes.load()


def test_people_are_quoted_where_they_disagree(notes: Notes, cifar10_folder: Path) -> None:
    labels, votes = cifar10.load_test(cifar10_folder).labels, lists.human_votes()
    assert votes is not None
    alike = lists.unanimous(votes)
    said = [notes.people(image) for image in range(10_000)]
    assert [sentence is None for sentence in said] == alike.tolist()
    # The image people are most divided over, counted by hand from the votes.
    image = int(lists.entropy(votes).argmax())
    sentence = said[image] or ""
    top = int(votes[image].argmax())
    beginning = f"{votes[image, top]} of {votes[image].sum()} people say {cifar10.CLASS_NAMES[top]}, "
    assert sentence.startswith(beginning)
    assert sentence.count(", ") == (votes[image] > 0).sum() - 1
    label = int(labels[image])
    assert notes.votes_for(image, label) == (votes[image, label], votes[image].sum())
    outvoted = [notes.outvoted(index, int(labels[index])) for index in range(10_000)]
    assert sum(outvoted) == 77  # as `trust.majority` documents


def test_annotators_are_quoted_where_they_rejected_the_label(notes: Notes) -> None:
    table = lists.questioned_labels()
    assert table is not None
    row = table[table["verdict"] == "guessed"].iloc[0]
    assert notes.annotators(int(row["image"])) == (
        f"Five annotators judged this label: {row['votes_given']} {row['given']}, "
        f"{row['votes_guessed']} {row['guessed']}, {row['votes_both']} both, {row['votes_neither']} neither"
    )
    assert sum(notes.annotators(image) is not None for image in range(10_000)) == 54


def test_twins_are_named(notes: Notes) -> None:
    table = lists.duplicates()
    assert table is not None
    for kind, words in (("near-duplicate", "Near-duplicate of"), ("very similar", "Very similar to")):
        row = table[table["kind"] == kind].iloc[0]
        assert notes.duplicate(int(row["test"])) == f"{words} training image {row['train']}"
    assert sum(notes.duplicate(image) is not None for image in range(10_000)) == 286


def test_without_the_lists_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_TRUST", str(tmp_path))
    empty = image_notes.load()
    assert len(empty.missing) == 3
    for silent in (empty, image_notes.none()):
        assert {silent.people(0), silent.annotators(0), silent.duplicate(0), silent.votes_for(0, 3)} == {None}
        assert not silent.outvoted(0, 3)


def test_a_sentence_names_the_classes_in_the_order_of_their_votes() -> None:
    votes = np.zeros((1, 10), int)
    votes[0, [3, 5, 4]] = 18, 31, 2
    known = Notes(votes, None, None, None, ())
    assert known.people(0) == "31 of 51 people say dog, 18 cat, 2 deer"
    assert known.outvoted(0, 3)
    assert not known.outvoted(0, 5)
