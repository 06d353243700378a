"""Labels mended and taken back, whatever became of the log meanwhile."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cifar_core.datasets import own, own_changes, own_editing, own_look
from cifar_core.datasets.own_adding import add
from cifar_core.datasets.own_changes import CHANGES
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import DatasetError
from tests.datasets.own_sources import NAMES, in_folder, shape, shapes
from tests.pictures import encode

pytestmark = pytest.mark.usefixtures("datasets")


@pytest.fixture
def added(datasets: Path, tmp_path: Path) -> own.Own:  # noqa: ARG001
    return add("shapes", in_folder(tmp_path / "source", shapes(10))).dataset


def now() -> own.Own:
    found = own.find("shapes")
    assert found is not None
    return found


def of_class(dataset: own.Own, label: int, *, test: bool = False) -> list[int]:
    index = dataset.stored()
    return np.flatnonzero((dataset.labels().labels == label) & (index.test == test)).tolist()


def test_a_picture_gets_another_class_and_back(added: own.Own) -> None:
    [row, *_] = of_class(added, 0)
    files = {path.name: path.read_bytes() for path in added.path.iterdir()}
    own_editing.give("shapes", [row], added.class_names[1])
    moved = now()
    assert moved.class_counts("train") == [7, 9, 8]
    assert moved.sizes == added.sizes
    assert np.bincount(moved.load("train").labels).tolist() == [7, 9, 8]
    assert moved.facts.digest != added.facts.digest
    assert moved.at(64).facts.digest == moved.facts.digest
    moved.verify()
    assert {name: (added.path / name).read_bytes() for name in files} == files

    own_editing.undo("shapes")
    assert now().facts == added.facts
    assert now().class_counts("train") == added.class_counts("train")
    with pytest.raises(DatasetError, match="Nothing of “shapes” is changed"):
        own_editing.undo("shapes")
    assert len((added.path / CHANGES).read_bytes().splitlines()) == 2  # nothing is lost


def test_what_is_taken_out_is_neither_learned_nor_tested(added: own.Own) -> None:
    [row, *_] = of_class(added, 2)
    own_editing.give("shapes", [row, row], None)
    assert now().sizes == {"train": 23, "test": 6}
    assert len(now().load("train").images) == len(now().groups()) == 23
    assert now().facts.digest != added.facts.digest
    assert now().labels().labels[row] == own_changes.OUT


@pytest.mark.parametrize("test", [False, True])
def test_models_are_compared_while_the_test_set_is_the_same(added: own.Own, test: bool) -> None:
    [row, *_] = of_class(added, 0, test=test)
    own_editing.give("shapes", [row], None)
    assert now().facts.digest != added.facts.digest
    assert (now().facts.tested_on != added.facts.tested_on) == test
    assert CIFAR10.facts.tested_on == CIFAR10.facts.digest


def test_what_is_kept_changes_nothing_but_that_it_is_decided(added: own.Own) -> None:
    [row, *_] = of_class(added, 1)
    own_editing.give("shapes", [row], added.class_names[1])
    assert now().facts == added.facts
    assert np.flatnonzero(now().labels().decided).tolist() == [row]


def test_changes_are_undone_one_by_one_the_last_first(added: own.Own) -> None:
    digests = [added.facts.digest]
    for row in of_class(added, 0)[:3]:
        own_editing.give("shapes", [row], added.class_names[2])
        digests.append(now().facts.digest)
    for digest in digests[-2::-1]:
        own_editing.undo("shapes")
        assert now().facts.digest == digest


@pytest.mark.parametrize("test", [False, True])
def test_no_class_is_emptied(added: own.Own, test: bool) -> None:
    with pytest.raises(DatasetError, match=f"“{added.class_names[0]}” would have too little left"):
        own_editing.give("shapes", of_class(added, 0, test=test), added.class_names[1])
    assert now().facts == added.facts
    assert not (added.path / CHANGES).exists()


@pytest.mark.parametrize(
    ("rows", "class_name", "said"),
    [
        ([], None, "no pictures of"),
        ([30], None, "no pictures of"),
        ([-1], None, "no pictures of"),
        ([0], "cat", "has no class of that name"),
    ],
)
def test_what_is_not_there_is_not_changed(
    added: own.Own, rows: list[int], class_name: str | None, said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        own_editing.give(added.name, rows, class_name)


def test_a_dataset_that_is_gone_is_not_changed() -> None:
    with pytest.raises(DatasetError, match="There is no dataset of your own called “shapes”"):
        own_editing.give("shapes", [0], None)


def line(**values: object) -> str:
    return json.dumps(values) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        "\n",
        "[]\n",
        "\0" * 100 + "\n",
        "[" * 100_000 + "\n",
        line(pictures=[0]) + "nonsense\n" + line(pictures=[1]),
        line(pictures=[30]),
        line(pictures=[-1]),
        line(pictures=[2**70]),
        line(pictures=["0"]),
        line(pictures=[]),
        line(pictures=[0], class_name="cat"),
        line(pictures=[0], class_name=["a"]),
        line(pictures=[0], classname="a"),
        line(undo=True),
        line(pictures=[0] * 30_000),
    ],
    ids=range(15),
)
def test_a_damaged_log_is_said_and_forgetting_it_brings_back_the_labels(content: str, added: own.Own) -> None:
    (added.path / CHANGES).write_text(content)
    with pytest.raises(DatasetError, match=r"^changes\.jsonl of the dataset “shapes” is damaged \(line \d\)"):
        own.find("shapes")
    with pytest.raises(DatasetError, match="damaged"):
        own_editing.undo("shapes")
    own_editing.forget("shapes")
    assert now().facts == added.facts
    [kept] = added.path.glob("forgotten-*")
    assert kept.read_text() == content


@pytest.mark.parametrize(
    "harm", [lambda path: path.mkdir(), lambda path: path.write_bytes(b" " * 21_000_000)], ids=["dir", "long"]
)
def test_a_log_that_is_none_is_said(harm: Callable[[Path], object], added: own.Own) -> None:
    harm(added.path / CHANGES)
    with pytest.raises(DatasetError, match=r"^changes\.jsonl of the dataset “shapes” is damaged"):
        own.find("shapes")


def test_a_line_that_a_power_cut_left_half_counts_for_nothing(added: own.Own) -> None:
    [row, other, *_] = of_class(added, 0)
    own_editing.give("shapes", [row], None)
    before = now().facts
    with (added.path / CHANGES).open("ab") as file:
        file.write(b'{"pictures":[1')
    own._changed.cache_clear()
    assert now().facts == before
    own_editing.give("shapes", [other], None)
    assert now().sizes["train"] == added.sizes["train"] - 2


def test_copies_and_pictures_that_look_alike_are_marked_also_across_classes(tmp_path: Path) -> None:
    files = shapes(8)
    disc = files[f"{NAMES[0]}/000.png"]
    darker = shape(0, 1).point(lambda value: value * 4 // 5)
    files |= {f"{NAMES[0]}/copy.png": disc, f"{NAMES[1]}/darker.png": encode(darker, "PNG")}
    dataset = add("alike", in_folder(tmp_path / "alike", files)).dataset
    stored, labels = dataset.stored(), dataset.labels().labels
    found = own_look.marks(stored, labels)

    def marked(which: np.ndarray) -> set[str]:
        return set(stored.names[which].tolist())

    assert marked(found.same) == {f"{NAMES[0]}/000.png", f"{NAMES[0]}/copy.png"}
    assert marked(found.across) == {f"{NAMES[0]}/001.png", f"{NAMES[1]}/darker.png"}
    assert marked(found.alike) == marked(found.same) | marked(found.across)
    [row] = np.flatnonzero(stored.names == f"{NAMES[1]}/darker.png")
    labels = labels.copy()
    labels[row] = own_changes.OUT
    assert not own_look.marks(stored, labels).across.any()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (shapes(25), []),
        (shapes(8), ["Few"]),
        (shapes(25, side=24), ["Small"]),
        (
            shapes(25) | {f"{NAMES[0]}/{n}.png": encode(shape(0, n), "PNG") for n in range(25, 200)},
            ["Uneven"],
        ),
    ],
    ids=["enough", "few", "small", "uneven"],
)
def test_what_a_dataset_is_short_of_is_said(tmp_path: Path, files: dict[str, bytes], said: list[str]) -> None:
    dataset = add("shapes", in_folder(tmp_path / "given", files)).dataset
    assert [words.partition(":")[0] for words in own_look.advice(dataset)] == said
