"""ZIP archives as others make them, and as nobody should."""

import os
import struct
import zipfile
from pathlib import Path

import pytest

from cifar_core.errors import ImageError, SourceError
from cifar_core.images import MAX_BYTES
from cifar_core.sources.zip import ZipArchive
from tests.sources.made import FILES, PNG, contents, zipped


def test_a_bomb_is_read_no_further_than_a_picture_may_be_long(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z", {"bomb.png": bytes(3 * MAX_BYTES)})
    (content,) = contents(ZipArchive(path)).values()
    assert isinstance(content, bytes)
    assert len(content) == MAX_BYTES + 1


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_could_unpack_to_gigabytes_at_once_is_refused(tmp_path: Path, method: int) -> None:
    found = contents(ZipArchive(zipped(tmp_path / "z", FILES, method)))
    assert {*found} == {"a.png", "below/b.png"}
    assert all("unusual way" in str(content) for content in found.values())


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_damaged_member_spoils_no_other(tmp_path: Path, method: int) -> None:
    path = zipped(tmp_path / "z", FILES, method)
    content = bytearray(path.read_bytes())
    start = content.index(b"a.png") + len(b"a.png")
    content[start : start + 3] = b"\xff\xff\xff"
    path.write_bytes(content)
    found = contents(ZipArchive(path))
    assert isinstance(found.pop("a.png"), ImageError)
    assert found.items() <= FILES.items()
    assert len(found) == 2


def test_an_encrypted_member_is_said(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z", {"a.png": PNG})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\3\4", 1) + 6] |= 1  # behind the folder
    path.write_bytes(content)
    assert "encrypted" in str(contents(ZipArchive(path))["a.png"])


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z", {"a.png": PNG * 9, "b.png": PNG * 9})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\1\2")
    first = content.index(b"PK\3\4", 1)
    content[entry + 42 : entry + 46] = struct.pack("<I", first)  # b.png begins where a.png does
    path.write_bytes(content)
    with pytest.raises(SourceError, match="overlap"):
        ZipArchive(path).listing()


def test_backslashes_of_windows_are_slashes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for name, content in (("cat\\", b""), ("cat\\a.png", PNG), (".\\b.png", PNG)):
            info = zipfile.ZipInfo(name)
            info.create_system = 0
            archive.writestr(info, content)
        (unix := zipfile.ZipInfo("a\\b.png")).create_system = 3
        archive.writestr(unix, PNG)
    listing = ZipArchive(tmp_path / "z").listing()
    assert [picture.name for picture in listing.pictures] == ["cat/a.png", "b.png", "a\\b.png"]
    assert listing.others == []


def test_a_link_is_another_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        (link := zipfile.ZipInfo("a.png")).external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert ZipArchive(tmp_path / "z").listing()[:2] == ([], ["a.png"])


def test_a_part_is_read_without_the_table_of_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ZipArchive(zipped(tmp_path / "z", FILES))
    pictures = source.listing().pictures
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert [*source.read(pictures)] == [*FILES.values()]


def test_a_cut_archive_is_one_sentence(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SourceError, match=r"z is damaged: File is not a zip file; get it again\."):
        ZipArchive(path).listing()
