"""Which kind a source is, and what is a picture in all of them."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from cifar_core.errors import ImageError, SourceError
from cifar_core.sources.folder import Folder
from cifar_core.sources.opening import open_source
from cifar_core.sources.parquet import ParquetFiles
from cifar_core.sources.source import Picture, distinct, is_picture
from cifar_core.sources.tar import TarArchive
from cifar_core.sources.zip import ZipArchive
from tests.sources.made import FILES, OTHERS, PNG, contents, folder, member, tabled, tarred, zipped


def stored(path: Path) -> Path:
    return zipped(path, method=zipfile.ZIP_STORED)


def packed(path: Path) -> Path:
    return tarred(path, mode="w:gz")


KINDS = [folder, zipped, stored, tarred, packed]


@pytest.mark.parametrize("make", KINDS)
def test_every_picture_has_a_name_and_its_content(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    source = open_source(make(tmp_path / "source"))
    listing = source.listing()
    assert sorted(listing.others) == sorted(OTHERS)
    assert contents(source) == FILES
    backwards = listing.pictures[::-1]
    assert [*source.read(backwards)] == [FILES[picture.name] for picture in backwards]


@pytest.mark.parametrize("make", KINDS)
def test_a_picture_that_has_gone_is_said(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    source = open_source(make(tmp_path / "source"))
    gone = Picture("gone.png", start=10**6, size=10)
    first, missing = source.read([source.listing().pictures[0], gone])
    assert first == FILES["a.png"]
    assert isinstance(missing, ImageError)


@pytest.mark.parametrize("make", KINDS)
def test_a_source_is_told_from_others(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    source = open_source(make(tmp_path / "a"))
    assert source.identity() == open_source(tmp_path / "a").identity()
    assert source.identity() != open_source(zipped(tmp_path / "other", {"a.png": b"other"})).identity()


def zip_at_the_end(path: Path) -> Path:
    return tarred(path, {"a.png": PNG, "b.zip": zipped(path.with_name("b")).read_bytes()})


def named_like_parquet(path: Path) -> Path:
    return tarred(path, {"PAR1.png": PNG, "PK\3\4.png": PNG})


def zip_in_a_cell(path: Path) -> Path:
    return tabled(path, [PNG, zipped(path.with_name("b")).read_bytes()])


def behind_a_program(path: Path) -> Path:
    path.write_bytes(b"MZ a program" + zipped(path.with_name("b")).read_bytes())
    return path


def empty_zip(path: Path) -> Path:
    zipfile.ZipFile(path, "w").close()
    return path


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (zip_at_the_end, TarArchive),
        (named_like_parquet, TarArchive),
        (zip_in_a_cell, ParquetFiles),
        (behind_a_program, ZipArchive),
        (empty_zip, ZipArchive),
        (folder, Folder),
        *(
            (lambda path, mode=mode: tarred(path, mode=mode), TarArchive)
            for mode in ("w:gz", "w:bz2", "w:xz")
        ),
    ],
)
@pytest.mark.parametrize("name", ["source", "source.PARQUET", "source.pq", "source.zip"])
def test_the_content_decides_what_a_source_is(
    tmp_path: Path, name: str, make: Callable[[Path], Path], kind: type
) -> None:
    source = open_source(make(tmp_path / name))
    assert type(source) is kind
    source.listing()


def test_a_folder_of_parquet_files_is_one_source(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(2):
        tabled(
            tmp_path / "data" / f"{number}.parquet", [PNG + b"%d%d" % (number, row) for row in range(11)], 4
        )
    (tmp_path / "README.md").write_text("words")
    found = contents(open_source(tmp_path))
    assert len(found) == 22
    assert found["data/1.parquet/03"] == PNG + b"13"
    folder(tmp_path / "pictures")
    assert type(open_source(tmp_path)) is Folder


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "There is no folder or file"),
        ("text", b"words", "neither a folder"),
        ("empty", b"", "neither a folder"),
        ("x.parquet", b"PAR1words", "is damaged"),
        ("encrypted", b"PAREwords", "is damaged"),
        ("cut.zip", b"PK\3\4words", "is damaged"),
        ("no tar.gz", b"\x1f\x8bwords", "is damaged"),
    ],
)
def test_what_is_no_source_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as error:
        open_source(tmp_path / name).listing()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "told_apart"),
    [
        (["a", "a", "a (2)"], ["a", "a (3)", "a (2)"]),
        (["a (2)", "a", "a"], ["a (2)", "a", "a (3)"]),
        (["a", "a", "a (2)", "a (2)"], ["a", "a (3)", "a (2)", "a (2) (2)"]),
        (["a", "a", "a"], ["a", "a (2)", "a (3)"]),
    ],
)
def test_names_that_come_twice_are_told_apart(given: list[str], told_apart: list[str]) -> None:
    assert distinct(given) == told_apart


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_members_of_one_name_are_all_there(tmp_path: Path, kind: str) -> None:
    members = [("a", PNG + b"1"), ("a", PNG + b"2"), ("a (2)", PNG + b"3")]
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "x", "w") as archive:
            for name, content in members:
                archive.writestr(name, content)
    else:
        with tarfile.open(tmp_path / "x", "w") as tar:
            for name, content in members:
                tar.addfile(member(name, len(content)), io.BytesIO(content))
    found = contents(open_source(tmp_path / "x"))
    assert found == {"a": PNG + b"1", "a (3)": PNG + b"2", "a (2)": PNG + b"3"}


@pytest.mark.parametrize(
    ("name", "head", "picture"),
    [
        ("a.PNG", b"words", True),
        ("a.heic", b"", True),
        ("a", b"\0\0\0\x18ftypheic", True),
        ("a", b"\0\0\0\x18ftypisom", False),
        ("a", b"RIFF\0\0\0\0WEBP", True),
        ("a", b"RIFF\0\0\0\0WAVE", False),
        ("a", b"II*\0", True),
        ("a", b"P6\n3 3", True),
        ("README", b"Python", False),
        ("a.csv", b"", False),
    ],
)
def test_a_picture_is_known_by_its_name_or_its_first_bytes(name: str, head: bytes, picture: bool) -> None:
    assert is_picture(name, head) is picture


def test_a_folder_of_parquet_files_with_other_columns_is_refused(tmp_path: Path) -> None:
    tabled(tmp_path / "a.parquet", [PNG])
    parquet.write_table(pa.table({"label": [1]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"b\.parquet has no column “image”"):
        open_source(tmp_path)
