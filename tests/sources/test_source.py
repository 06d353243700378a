"""Pictures out of folders, archives and Parquet files, whole and damaged."""

import io
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from cifar_core.errors import ImageError, SourceError
from cifar_core.images import MAX_BYTES
from cifar_core.sources.source import TarArchive, open_source

FILES = {"a.png": b"first", "below/b.png": b"second", "below/empty": b""}


def folder(path: Path) -> Path:
    for name, content in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    (path / ".hidden").write_bytes(b"no")
    return path


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("below")
        for name, content in FILES.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("passwd")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


@pytest.mark.parametrize("make", [folder, zipped, tarred])
def test_every_file_has_a_name_and_its_content(tmp_path: Path, make: Any) -> None:
    source = open_source(make(tmp_path / "source"))
    assert sorted(source.names()) == sorted(FILES)
    names = [*FILES][::-1]
    assert list(source.read(names)) == [FILES[name] for name in names]


@pytest.mark.parametrize("nested", [False, True], ids=["bytes", "as Hugging Face has them"])
def test_rows_of_a_parquet_file_across_groups(tmp_path: Path, nested: bool) -> None:
    contents = [f"row {row}".encode() for row in range(25)]
    column = [{"bytes": content, "path": None} for content in contents] if nested else contents
    table = pa.table({"label": [*range(25)], "image": column})
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=7)
    source = open_source(tmp_path / "rows.parquet")
    assert source.names() == [f"{row:02}" for row in range(25)]
    assert list(source.read(["24", "00", "06", "07"])) == [contents[row] for row in (24, 0, 6, 7)]


def test_of_a_group_of_rows_only_a_batch_and_what_is_wanted_are_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [bytes([row % 256]) * 10_000 for row in range(2_000)]
    parquet.write_table(pa.table({"image": contents}), tmp_path / "rows.parquet")
    source = open_source(tmp_path / "rows.parquet")
    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", None)
    tracemalloc.start()
    found = [*source.read(["0003", "0999", "1999"])]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [contents[3], contents[999], contents[1999]]
    assert peak < 5_000_000  # of 20 million


def test_a_row_without_a_picture_is_said(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"image": [b"x", None]}), tmp_path / "rows.parquet")
    first, second = open_source(tmp_path / "rows.parquet").read(["0", "1"])
    assert first == b"x"
    assert isinstance(second, ImageError)


def test_names_that_come_twice_are_told_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("same", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("same", b"2")
    source = open_source(tmp_path / "z")
    assert source.names() == ["same", "same (2)"]
    assert list(source.read(["same (2)", "same"])) == [b"2", b"1"]


def test_a_bomb_is_read_no_further_than_a_picture_may_be_long(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(3 * MAX_BYTES))
    (content,) = open_source(tmp_path / "z").read(["bomb"])
    assert isinstance(content, bytes)
    assert len(content) == MAX_BYTES + 1


def test_a_tar_archive_is_read_no_further_than_to_the_last_picture_asked_for(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "tar", "w") as archive:
        for name in ("a", "b", "c", "d"):
            (member := tarfile.TarInfo(name)).size = 3 * 512
            archive.addfile(member, io.BytesIO(name.encode() * member.size))
    os.truncate(tmp_path / "tar", 2 * 4 * 512 + 600)  # in the third: each has a header and three blocks
    with pytest.raises(SourceError):
        TarArchive(tmp_path / "tar").names()
    found = [*TarArchive(tmp_path / "tar").read(["b", "a"])]
    assert found == [b"b" * 3 * 512, b"a" * 3 * 512]


def test_a_picture_of_a_tar_archive_is_given_before_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, taken = ["a", "b", "c"], []
    with tarfile.open(tmp_path / "tar", "w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    extract = tarfile.TarFile.extractfile

    def noted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
        taken.append(member.name)
        assert archive.offset == member.offset_data  # of an empty one: no other has been looked at
        return extract(archive, member)

    monkeypatch.setattr(tarfile.TarFile, "extractfile", noted)
    contents = TarArchive(tmp_path / "tar").read(names)
    assert [(next(contents), [*taken]) for _ in names] == [(b"", names[:1]), (b"", names[:2]), (b"", names)]


def test_a_picture_that_has_gone_is_said(tmp_path: Path) -> None:
    first, gone, second = open_source(tarred(tmp_path / "tar")).read(["a.png", "gone", "below/b.png"])
    assert isinstance(gone, ImageError)
    assert (first, second) == (b"first", b"second")


def test_a_damaged_member_spoils_no_other(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z")
    content = bytearray(path.read_bytes())
    start = content.index(b"a.png") + len(b"a.png")
    content[start : start + 3] = b"\xff\xff\xff"
    path.write_bytes(content)
    first, second = open_source(path).read(["a.png", "below/b.png"])
    assert isinstance(first, ImageError)
    assert second == b"second"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "There is no folder or file"),
        ("text", b"words", "neither a folder"),
        ("x.parquet", b"words", "is damaged"),
    ],
)
def test_what_is_no_source_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path / name)


def test_a_parquet_file_without_pictures_or_the_column(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"label": [1], "image": [b"x"]}), tmp_path / "rows.parquet")
    with pytest.raises(SourceError, match="no column “label” of picture files"):
        open_source(tmp_path / "rows.parquet", "label")
    parquet.write_table(pa.table({"label": [1]}), tmp_path / "none.parquet")
    with pytest.raises(SourceError, match="no column of picture files"):
        open_source(tmp_path / "none.parquet")
