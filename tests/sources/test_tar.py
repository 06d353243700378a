"""tar archives as others make them, damaged, and as nobody should."""

import bz2
import gzip
import io
import os
import tarfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from cifar_core.errors import SourceError
from cifar_core.images import MAX_BYTES
from cifar_core.sources import tar
from cifar_core.sources.tar import TarArchive
from tests.sources.made import FILES, PNG, contents, member, names, tarred

MODES = ["w", "w:gz"]


@pytest.mark.parametrize("mode", MODES)
def test_hard_links_are_pictures_and_other_links_are_not(tmp_path: Path, mode: str) -> None:
    with tarfile.open(tmp_path / "t", mode) as archive:  # type: ignore[call-overload]
        for info in (
            member("./a.png", len(PNG)),
            member("./b.png", kind=tarfile.LNKTYPE, to="./a.png"),
            member("lost.png", kind=tarfile.LNKTYPE, to="nothing.png"),
            member("c.png", kind=tarfile.SYMTYPE, to="/etc/passwd"),
            member("d.png", kind=tarfile.FIFOTYPE),
            member("../e.png", len(PNG)),
        ):
            archive.addfile(info, io.BytesIO(PNG) if info.size else None)
    source = TarArchive(tmp_path / "t")
    assert contents(source) == {"a.png": PNG, "b.png": PNG, "../e.png": PNG}
    assert source.listing().others == ["lost.png", "c.png", "d.png"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_archives_behind_one_another_are_one(tmp_path: Path, pack: Any) -> None:
    parts = [tarred(tmp_path / str(n), {f"{n}.png": PNG + b"%d" % n}).read_bytes() for n in range(3)]
    (tmp_path / "t").write_bytes(b"".join(map(pack, parts)))
    assert contents(TarArchive(tmp_path / "t")) == {f"{n}.png": PNG + b"%d" % n for n in range(3)}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("damaged", [0, 1, 10, 19])
def test_a_damaged_header_loses_nothing_without_a_word(tmp_path: Path, damaged: int, pack: Any) -> None:
    path = tarred(tmp_path / "t", {f"{n:02}.png": PNG for n in range(20)})
    content = bytearray(path.read_bytes())
    content[damaged * 1024 + 100] ^= 1  # each has a header and a block
    path.write_bytes(pack(content))
    where = rf"at byte {damaged * 1024:,}, after {damaged} files" if damaged else ""
    with pytest.raises(SourceError, match=rf"t is damaged.*{where}.*get it again\."):
        TarArchive(path).listing()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("size", [1024 + 100, 1024 + 512 + 3, 2048 - 1])
def test_a_cut_archive_is_one_sentence(tmp_path: Path, size: int, pack: Any) -> None:
    content = tarred(tmp_path / "t", {f"{n}.png": PNG for n in range(2)}).read_bytes()
    (tmp_path / "t").write_bytes(pack(content[:size]))
    with pytest.raises(SourceError, match=r"t is damaged"):
        TarArchive(tmp_path / "t").listing()


def test_a_cut_gzip_file_is_one_sentence(tmp_path: Path) -> None:
    path = tarred(tmp_path / "t", {f"{n}.png": os.urandom(900) for n in range(20)}, "w:gz")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SourceError, match=r"t is damaged"):
        TarArchive(path).listing()


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGLINK])
def test_a_name_of_gigabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    with gzip.open(tmp_path / "t", "wb", compresslevel=1) as file:
        file.write(member("a.png", 4 << 30, kind).tobuf(tarfile.GNU_FORMAT))
        file.write(bytes(50_000_000))
    tracemalloc.start()
    with pytest.raises(SourceError, match="file name of over"):
        TarArchive(tmp_path / "t").listing()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar, "_ALWAYS", 1_000_000)
    files = {"a.png": PNG, "big.bin": bytes(3_000_000), "b.png": PNG}
    with pytest.raises(SourceError, match="unpacks to over 1,000,000 bytes"):
        TarArchive(tarred(tmp_path / "packed", files, "w:gz")).listing()
    assert names(TarArchive(tarred(tmp_path / "plain", files))) == ["a.png", "b.png"]
    with gzip.open(tmp_path / "zeros", "wb") as file:
        file.write(tarred(tmp_path / "t", {"a.png": PNG}).read_bytes() + bytes(3_000_000))
    with pytest.raises(SourceError, match="unpacks to over"):
        TarArchive(tmp_path / "zeros").listing()


@pytest.mark.parametrize("mode", MODES)
def test_a_large_member_is_read_no_further_than_a_picture_may_be_long(tmp_path: Path, mode: str) -> None:
    path = tarred(tmp_path / "t", {"a.png": bytes(MAX_BYTES + 1000), "b.png": PNG}, mode)
    found = contents(TarArchive(path))
    assert found == {"a.png": bytes(MAX_BYTES + 1), "b.png": PNG}


def test_a_part_is_read_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tarred(tmp_path / "t", FILES)
    source = TarArchive(path)
    first, *_, last = source.listing().pictures
    monkeypatch.setattr(tarfile, "TarFile", None)
    assert [*source.read([last, first])] == [FILES[last.name], FILES[first.name]]
    assert not source.one_pass
    assert TarArchive(tarred(tmp_path / "p", FILES, "w:xz")).one_pass


def test_packed_hard_links_are_read_with_what_they_mean(tmp_path: Path) -> None:
    """Not by unpacking once more from the front for each."""
    links, size = 300, 2_000_000
    with tarfile.open(tmp_path / "t", "w:gz", compresslevel=1) as archive:
        archive.addfile(member("filler.bin", size), io.BytesIO(bytes(size)))
        archive.addfile(member("a.png", len(PNG)), io.BytesIO(PNG))
        archive.addfile(member("z.png", len(PNG)), io.BytesIO(PNG))
        for number in range(links):
            archive.addfile(member(f"{number}.png", kind=tarfile.LNKTYPE, to="a.png"))
    source = TarArchive(tmp_path / "t")
    pictures = source.listing().pictures
    assert len(pictures) == links + 2
    assert [picture.start for picture in pictures] == sorted(picture.start for picture in pictures)
    assert [*source.read(pictures)] == [PNG] * (links + 2)


def test_members_are_listed_in_linear_time(tmp_path: Path) -> None:
    path = tarred(tmp_path / "t", {f"{number}.png": b"" for number in range(5_000)})
    began = time.process_time()
    assert len(TarArchive(path).listing().pictures) == 5_000
    assert time.process_time() - began < 10
