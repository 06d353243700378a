import pytest

from cifar_core.datasets import own_layout
from cifar_core.datasets.own_layout import Layout
from cifar_core.errors import DatasetError
from cifar_core.sources.source import Picture


def by_folder(names: list[str]) -> Layout:
    return own_layout.by_folder([Picture(name) for name in names])


def classes(found: Layout) -> dict[str, str]:
    return dict(zip((picture.name for picture in found.pictures), found.classes, strict=True))


@pytest.mark.parametrize(
    "around", ["", "pets/", "downloads/pets/images/", "./", "pets v2 (final)/", "train/"], ids=str
)
def test_the_one_level_of_folders_names_the_classes(around: str) -> None:
    names = [f"{around}{name}" for name in ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg")]
    found = by_folder(names)
    assert classes(found) == dict(zip(names, ["cat", "cat", "dog"], strict=True))
    assert not found.left_out
    assert not found.joined


@pytest.mark.parametrize(("one", "other"), [("train", "test"), ("Train", "valid"), ("training", "val")])
@pytest.mark.parametrize("around", ["", "pets/"])
def test_parts_of_a_dataset_are_put_together(one: str, other: str, around: str) -> None:
    names = [f"{around}{part}/{name}/1.jpg" for part in (one, other) for name in ("cat", "dog")]
    found = by_folder(names)
    assert found.classes == ["cat", "dog", "cat", "dog"]
    assert found.joined == tuple(sorted((f"{around}{one}", f"{around}{other}")))


def test_what_lies_elsewhere_is_left_out_and_said() -> None:
    pictures = ["pets/cat/1.jpg", "pets/dog/1.png", "pets/dog/2.HEIC"]
    strays = ["pets/cover.jpg", "pets/cat/more/1.jpg"]
    found = by_folder([*strays, *pictures])
    assert list(classes(found)) == pictures
    assert [item.name for item in found.left_out] == strays
    assert {item.reason for item in found.left_out} == {"It lies in no folder of a class."}


def test_names_of_classes_in_any_script() -> None:
    names = ["Кошка", "猫", "قطة", "बिल्ली", "Cafe\u0301", "naïve", "می\u200cخواهم"]
    found = by_folder([f"{name}/1.jpg" for name in names])
    assert found.classes == [*names[:4], "Café", *names[5:]]  # one letter, one name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/cat/1.jpg", "leads out of the archive"),
        ("/cat/1.jpg", "leads out of the archive"),
        ("C:/cat/1.jpg", "leads out of the archive"),
        (f"cat/{'x' * 300}.jpg", "longer than 255 bytes"),
        (f"{'ж' * 150}/1.jpg", "longer than 255 bytes"),
        (f"{'x' * 65}/1.jpg", "longer than 64 letters"),
        ("gpj\u202e/1.jpg", "nobody can see"),
        ("a\x1b[2J/1.jpg", "nobody can see"),
        ("\udcff/1.jpg", "nobody can see"),
        (" /1.jpg", "nobody can see"),
    ],
    ids=range(10),
)
def test_a_name_that_cannot_be_kept(name: str, reason: str) -> None:
    found = by_folder(["cat/1.jpg", "dog/1.jpg", name])
    assert list(classes(found)) == ["cat/1.jpg", "dog/1.jpg"]
    [item] = found.left_out
    assert item.name == name
    assert reason in item.reason


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["1.jpg", "2.jpg"], "The pictures lie in no folders"),
        (["a/cat/1.jpg", "b/dog/1.jpg"], "“a/cat” and “b/dog”, so it is not clear"),
        (["cat/indoor/1.jpg", "dog/indoor/1.jpg"], "“cat/indoor” and “dog/indoor”"),
        (["train/1.jpg", "test/1.jpg"], "“test” is no class but a part"),
    ],
    ids=range(4),
)
def test_folders_that_are_no_classes(names: list[str], told: str) -> None:
    with pytest.raises(DatasetError, match=told):
        by_folder(names)
