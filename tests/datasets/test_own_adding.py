import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from cifar_core.datasets import own, own_adding
from cifar_core.datasets.dataset import Part
from cifar_core.datasets.own_adding import add
from cifar_core.errors import CifarLabError, DatasetError
from tests.datasets.own_sources import NAMES, in_folder, in_table, in_tar, in_zip, shape, shapes
from tests.pictures import encode, photo

pytestmark = pytest.mark.usefixtures("datasets")

SHAPES = shapes()
ENCRYPTED = 0x1
PARTS: tuple[Part, ...] = ("train", "test")


def reasons(added: own_adding.Added) -> dict[str, str]:
    return {item.name: item.reason for item in added.left_out}


@pytest.mark.parametrize("pack", [in_folder, in_zip, in_tar])
@pytest.mark.parametrize("around", ["", "set/"])
def test_the_same_pictures_are_the_same_dataset_however_they_come(
    pack: Callable[[Path, dict[str, bytes]], Path], around: str, datasets: Path, tmp_path: Path
) -> None:
    known = add("known", in_folder(tmp_path / "known", SHAPES)).dataset
    shuffled = {f"{around}{name}": SHAPES[name] for name in sorted(SHAPES, key=hash)}
    added = add("other", pack(tmp_path / "source", shuffled))
    assert (added.left_out, added.notes) == ([], [])
    assert added.dataset.facts.digest == known.facts.digest
    for part in PARTS:
        one, other = (dataset.load(part) for dataset in (known, added.dataset))
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.labels, other.labels)
    assert sorted(path.name for path in datasets.iterdir()) == [".lock", "known", "other"]


def test_what_a_dataset_holds(datasets: Path, tmp_path: Path) -> None:
    dataset = add("shapes", in_folder(tmp_path / "source", SHAPES), mirrors=False).dataset
    assert own.names() == ["shapes"]
    assert dataset.folder() == datasets / "shapes"
    assert dataset.class_names == tuple(sorted(NAMES))
    assert (dataset.facts.side, dataset.facts.mirrors, dataset.facts.name) == (32, False, "shapes")
    assert dataset.sizes == {"train": 19, "test": 5}
    assert np.sum([dataset.class_counts(part) for part in PARTS], axis=0).tolist() == [8, 8, 8]
    for part in PARTS:
        assert np.bincount(dataset.load(part).labels).tolist() == dataset.class_counts(part)
    dataset.verify()
    assert own.size_in_bytes(dataset.name) < 200_000


@pytest.mark.parametrize("named", [True, False])
def test_a_table_of_pictures_and_labels(named: bool, tmp_path: Path) -> None:
    known = add("known", in_folder(tmp_path / "known", SHAPES)).dataset
    classes = [name.partition("/")[0] for name in SHAPES]
    if named:
        table = in_table(tmp_path / "t.parquet", SHAPES, [NAMES.index(name) for name in classes], list(NAMES))
    else:
        table = in_table(tmp_path / "t.parquet", SHAPES, classes)
    assert add("table", table).dataset.facts.digest == known.facts.digest


def test_a_table_of_numbers_and_of_rows_without_labels(tmp_path: Path) -> None:
    labels = [NAMES.index(name.partition("/")[0]) for name in SHAPES]
    plain = add("plain", in_table(tmp_path / "plain.parquet", SHAPES, labels)).dataset
    assert plain.class_names == ("0", "1", "2")
    lacking = in_table(tmp_path / "lacking.parquet", SHAPES, [-1, 7, *labels[2:]], list(NAMES))
    assert reasons(add("lacking", lacking)) == {"00": "Its row has no label.", "01": "Its row has no label."}


def test_what_is_no_picture_is_left_out_and_the_rest_stays(tmp_path: Path) -> None:
    cut = SHAPES["Kreis/000.png"][:200]
    bad = {"Kreis/cut.png": cut, "Kreis/text.jpg": b"hello", "Kreis/empty.jpg": b"", "readme.txt": b"hi"}
    left = {"__MACOSX/Kreis/._000.png": b"x", "Kreis/.DS_Store": b"x", "Kreis/Thumbs.db": b"x"}
    added = add("shapes", in_zip(tmp_path / "shapes.zip", {**bad, **left, **SHAPES}))
    assert sum(added.dataset.sizes.values()) == len(SHAPES)
    told = reasons(added)
    assert told.keys() == bad.keys()
    assert "not a picture" in told["Kreis/text.jpg"]
    assert told["readme.txt"] == "This is no picture."
    assert "empty" in told["Kreis/empty.jpg"]


def test_a_class_of_which_too_few_pictures_differ_is_left_out(tmp_path: Path) -> None:
    same = encode(photo(90, 90, 1), "PNG")
    few = {f"few/{number}.png": encode(photo(90, 90, number), "PNG") for number in range(2)}
    burst = {f"burst/{number}.png": same for number in range(9)}
    added = add("shapes", in_folder(tmp_path / "source", {**SHAPES, **few, **burst}))
    assert added.dataset.class_names == tuple(sorted(NAMES))
    told = reasons(added)
    assert told["few/0.png"] == "A class needs 3 pictures that differ, and “few” has 2."
    assert told["burst/0.png"] == "A class needs 3 pictures that differ, and “burst” has 1."
    added.dataset.verify()


def test_near_duplicates_stay_together_and_are_told(tmp_path: Path) -> None:
    bursts = {
        f"{name}/{number}-{frame}.png": encode(shape(kind, number).resize((90 + frame,) * 2), "PNG")
        for kind, name in enumerate(NAMES)
        for number in range(8)
        for frame in range(3)
    }
    twin = {"十字/twin.png": SHAPES["Kreis/000.png"]}
    added = add("shapes", in_folder(tmp_path / "source", {**bursts, **twin}))
    index = added.dataset.index()
    groups: dict[str, set[int]] = {}
    for name, group in zip(index.names, index.groups, strict=True):
        groups.setdefault(name.split("-")[0], set()).add(int(group))
    assert all(len(found) == 1 for found in groups.values())
    assert groups["Kreis/0"] == groups["十字/twin.png"]
    assert not set(index.groups[index.test]) & set(index.groups[~index.test])
    assert added.notes == [
        "73 pictures look like another one; such stay together, in training or in the test.",
        "4 of them look like one of another class: look whether their class is right.",
    ]


@pytest.mark.parametrize(
    ("side", "kept", "format"), [(40, 40, "PNG"), (64, 64, "PNG"), (90, 90, "JPEG"), (300, 128, "JPEG")]
)
def test_pictures_are_kept_as_small_as_networks_need_them(
    side: int, kept: int, format: str, tmp_path: Path
) -> None:
    dataset = add("shapes", in_folder(tmp_path / "source", shapes(3, side))).dataset
    [content] = dataset.contents(dataset.index().spans[:1])
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.size, picture.format) == ((kept, kept), format)
        source = dict(zip(dataset.index().names, dataset.index().spans, strict=True))
    if format == "PNG":
        [content] = dataset.contents(np.array([source["Kreis/000.png"]]))
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), np.asarray(shape(0, 0, side)))


def test_parts_of_a_dataset_are_put_together_and_that_is_said(tmp_path: Path) -> None:
    parts = {
        f"{'test' if number % 4 == 0 else 'train'}/{name}": SHAPES[name] for number, name in enumerate(SHAPES)
    }
    added = add("shapes", in_folder(tmp_path / "source", parts))
    assert sum(added.dataset.sizes.values()) == len(SHAPES)
    assert added.notes == ["What lay in test, train was put together; it is parted anew."]


# What is refused whole, and leaves nothing behind


def locked(path: Path) -> Path:
    """A ZIP archive whose members say that they need a password."""
    in_zip(path, SHAPES)
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= ENCRYPTED
            at = content.find(mark, at + 4)
    path.write_bytes(content)
    return path


def bomb(path: Path) -> Path:
    """200 kB that unpack to 160 MB."""
    return in_zip(path, {f"{'ab'[number % 2]}/{number}.png": bytes(4_000_000) for number in range(40)})


def text(path: Path) -> Path:
    path.write_bytes(b"PK no")
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "locked": (locked, "encrypted"),
    "a bomb": (bomb, "unpacks to more than"),
    "a way out": (
        lambda path: in_zip(path, {f"../{name}": b"x" for name in SHAPES}),
        "leads out of the archive",
    ),
    "too many": (
        lambda path: in_zip(path, dict.fromkeys(map(str, range(501)), b"")),
        "501 files are too many",
    ),
    "long names": (lambda path: in_tar(path, {f"{'x' * 300}/1.png": b"x"}), "longer than 255 bytes"),
    "one class": (lambda path: in_zip(path, dict(list(SHAPES.items())[:8])), "only “Kreis” is left"),
    "many classes": (lambda path: in_zip(path, {f"{n}/1.jpg": b"" for n in range(101)}), "101 classes"),
    "nothing": (lambda path: in_zip(path, {}), "There are no pictures"),
    "no pictures": (
        lambda path: in_zip(path, dict.fromkeys(SHAPES, b"no")),
        "nothing is left; 24 were left out",
    ),
    "no archive": (text, "is neither a folder, a ZIP"),
    "nowhere": (lambda path: path, "There is no folder or file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_sentence_and_nothing_left_behind(
    case: str, datasets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_adding, "MOST_PICTURES", 500)
    monkeypatch.setattr(own_adding, "_UNPACKED_BYTES", 100_000_000)
    make, told = REFUSED[case]
    source = make(tmp_path / "source")
    with pytest.raises(CifarLabError, match=told) as raised:
        add("refused", source)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)
    assert [path.name for path in datasets.iterdir()] == [".lock"]


def test_a_locked_archive_is_told_from_one_with_a_locked_picture(tmp_path: Path) -> None:
    archive = in_zip(tmp_path / "shapes.zip", SHAPES)
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("Kreis/locked.png", SHAPES["Kreis/000.png"])
    content = bytearray(archive.read_bytes())
    content[content.rfind(b"PK\x03\x04") + 6] |= ENCRYPTED
    archive.write_bytes(content)
    assert "encrypted" in reasons(add("shapes", archive))["Kreis/locked.png"]


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "x" * 65, "cifar10", "digits", "über"])
def test_a_name_that_no_dataset_may_have(name: str, datasets: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"name"):
        add(name, in_folder(tmp_path / "source", SHAPES))
    assert not list(datasets.rglob(own.ABOUT))


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    known = add("shapes", in_folder(tmp_path / "source", SHAPES)).dataset
    with pytest.raises(DatasetError, match=r"^There is already a dataset “shapes”; choose another name, or"):
        add("shapes", in_folder(tmp_path / "other", shapes(4)))
    known.verify()


def test_one_at_a_time(datasets: Path, tmp_path: Path) -> None:
    datasets.mkdir()
    with FileLock(datasets / ".lock"), pytest.raises(DatasetError, match="Another dataset is being added"):
        add("shapes", in_folder(tmp_path / "source", SHAPES))


def test_what_a_kill_left_behind_goes_with_the_next_one(datasets: Path, tmp_path: Path) -> None:
    left = datasets / ".adding"
    left.mkdir(parents=True)
    (left / own.PICTURES).write_bytes(b"half")
    assert own.names() == []
    add("shapes", in_folder(tmp_path / "source", SHAPES)).dataset.verify()
    assert not left.exists()


def test_ctrl_c_leaves_nothing_behind(datasets: Path, tmp_path: Path) -> None:
    def interrupted(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add("shapes", in_folder(tmp_path / "source", SHAPES), progress=interrupted)
    assert [path.name for path in datasets.iterdir()] == [".lock"]


@pytest.mark.skipif(os.name == "nt", reason="where a folder cannot be in the place of a file's")
def test_a_place_that_is_no_folder(datasets: Path, tmp_path: Path) -> None:
    datasets.write_bytes(b"")
    with pytest.raises(DatasetError, match="No dataset can be kept in"):
        add("shapes", in_folder(tmp_path / "source", SHAPES))
