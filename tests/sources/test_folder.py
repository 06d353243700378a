"""Pictures as files: linked, hidden, closed and gone."""

import os
from pathlib import Path

import pytest

from cifar_core.errors import ImageError, SourceError
from cifar_core.sources.folder import Folder
from tests.sources.made import FILES, PNG, contents, folder, names

posix = pytest.mark.skipif(os.name == "nt", reason="needs the right to make links")


@posix
def test_pictures_behind_a_linked_folder_are_found_once(tmp_path: Path) -> None:
    folder(tmp_path / "elsewhere", FILES)
    (tmp_path / "source" / "own").mkdir(parents=True)
    for link, target in (("b", "../elsewhere"), ("a", "../elsewhere"), ("own/loop", "..")):
        (tmp_path / "source" / link).symlink_to(target, target_is_directory=True)
    assert contents(Folder(tmp_path / "source")) == {f"a/{name}": FILES[name] for name in FILES}


@posix
def test_a_folders_own_name_comes_before_a_links(tmp_path: Path) -> None:
    folder(tmp_path / "real", FILES)
    (tmp_path / "alias").symlink_to("real", target_is_directory=True)
    assert names(Folder(tmp_path)) == sorted(f"real/{name}" for name in FILES)


@posix
def test_a_link_to_nothing_is_a_picture_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("nothing")
    (found,) = contents(Folder(tmp_path)).values()
    assert isinstance(found, ImageError)


@posix
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.png")
    listing = Folder(tmp_path).listing()
    assert listing.others == ["pipe"]
    (found,) = Folder(tmp_path).read(listing.pictures)
    assert isinstance(found, ImageError)


def test_a_closed_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "open", FILES)
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def refused(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(SourceError, match=r"closed cannot be read: Permission denied\."):
        Folder(tmp_path).listing()


def test_a_changed_picture_has_another_stamp(tmp_path: Path) -> None:
    folder(tmp_path, FILES)
    before = {picture.name: picture.stamp for picture in Folder(tmp_path).listing().pictures}
    (tmp_path / "a.png").write_bytes(PNG)
    after = {picture.name: picture.stamp for picture in Folder(tmp_path).listing().pictures}
    assert {name for name in before if before[name] != after[name]} == {"a.png"}


def test_a_disk_that_is_gone_spoils_no_picture(tmp_path: Path) -> None:
    source = Folder(folder(tmp_path / "source", FILES))
    pictures = source.listing().pictures
    (tmp_path / "source" / "a.png").unlink()
    assert isinstance(next(source.read(pictures)), ImageError)
    (tmp_path / "source").rename(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match=r"There is no folder .*source here"):
        next(source.read(pictures))
