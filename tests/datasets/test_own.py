import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifar_core.datasets import own
from cifar_core.datasets.dataset import Dataset, split
from cifar_core.datasets.own_adding import add
from cifar_core.datasets.registry import CIFAR10, DIGITS, get_dataset, names
from cifar_core.errors import DatasetError
from tests.datasets.own_sources import in_folder, shape, shapes

SHAPES = shapes(10)


@pytest.fixture
def added(datasets: Path, tmp_path: Path) -> own.Own:
    assert not datasets.exists()
    return add("shapes", in_folder(tmp_path / "source", SHAPES)).dataset


def test_it_is_found_by_its_name(added: own.Own) -> None:
    assert names() == ["cifar10", "digits", "shapes"]
    found = get_dataset("shapes")
    assert (found.facts, found.title, found.sizes) == (added.facts, "shapes", {"train": 24, "test": 6})
    with pytest.raises(
        DatasetError, match="There is no dataset “other”; choose one of cifar10, digits, shapes"
    ):
        get_dataset("other")


@pytest.mark.parametrize("name", ["../shapes", "shapes/", "./shapes", "", ".", "SHAPES2", "x" * 5_000])
@pytest.mark.usefixtures("added")
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(DatasetError, match="There is no dataset"):
        get_dataset(name)


@pytest.mark.parametrize(("asked", "given"), [(8, 8), (32, 32), (48, 48), (128, 128), (224, 128)])
def test_it_serves_networks_of_several_sides(asked: int, given: int, added: own.Own) -> None:
    at = added.at(asked)
    batch = at.load("train")
    assert at.facts.side == given
    assert at.facts.digest == added.facts.digest
    assert batch.images.shape == (24, given, given, 3)
    index = added.index()
    [(row, name), *_] = [
        (row, name) for row, name in enumerate(index.names[~index.test]) if "квадрат" in name
    ]
    seen = np.asarray(
        shape(1, int(name.split("/")[1][:3])).resize((given, given), Image.Resampling.HAMMING), int
    )
    assert abs(seen - batch.images[row]).mean() < 12  # kept as JPEG
    assert added.class_names[batch.labels[row]] == "квадрат"


@pytest.mark.parametrize("dataset", [CIFAR10, DIGITS], ids=lambda dataset: dataset.name)
def test_the_others_have_one_side(dataset: Dataset) -> None:
    assert dataset.at(128) is dataset
    assert dataset.groups() is None


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def move(path: Path) -> None:
    """Put one picture into another class."""
    arrays = dict(np.load(path))
    arrays["labels"][0] = 1
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        (own.PICTURES, damage),
        (own.PICTURES, lambda path: path.write_bytes(b"")),
        (own.INDEX, move),
        (own.INDEX, damage),
        (own.INDEX, Path.unlink),
        (own.PICTURES, Path.unlink),
    ],
    ids=range(6),
)
def test_damage_is_found_and_said(name: str, harm: Callable[[Path], None], added: own.Own) -> None:
    harm(added.path / name)
    with pytest.raises(
        DatasetError, match=rf"^{name} of the dataset “shapes” is missing or damaged: remove it"
    ):
        added.verify()
    assert added.available() == (added.path / name).exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"dataset": 1}', '{"dataset": {}, "counts": {}}'])
def test_one_that_cannot_be_read_hides_no_other(content: str, added: own.Own) -> None:
    (added.path.parent / "other").mkdir()
    (added.path.parent / "other" / own.ABOUT).write_text(content)
    assert names()[2:] == ["other", "shapes"]
    assert get_dataset("shapes").facts == added.facts
    with pytest.raises(DatasetError, match=r"^dataset\.json of the dataset “other” is missing or damaged"):
        get_dataset("other")
    own.remove("other")
    assert own.names() == ["shapes"]


def test_it_is_removed_whole(added: own.Own) -> None:
    own.remove("shapes")
    assert own.names() == []
    assert [path.name for path in added.path.parent.iterdir()] == [".lock"]
    with pytest.raises(DatasetError, match="There is no dataset of your own called “shapes”"):
        own.remove("shapes")
    with pytest.raises(DatasetError, match=r"called “\.\./shapes”"):
        own.remove("../shapes")


def test_the_digest_is_of_class_names_and_pictures(added: own.Own) -> None:
    index = added.index()
    assert own.digest(added.class_names, index.labels, index.hashes) == added.facts.digest
    assert own.digest(("a", "b", "c"), index.labels, index.hashes) != added.facts.digest
    assert own.digest(added.class_names, index.labels[::-1], index.hashes) != added.facts.digest
    about = json.loads((added.path / own.ABOUT).read_text("utf-8"))
    assert about["dataset"]["class_names"] == list(added.class_names)


def test_validation_takes_whole_groups(added: own.Own) -> None:
    labels = added.load("train").labels
    train, validation = split(labels, added.groups(), validation_images=6)
    assert np.bincount(labels[validation]).tolist() == [2, 2, 2]
    assert len(train) == 18
