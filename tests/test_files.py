import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from cifar_core import files


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_scratch_folder_is_empty_and_goes_whatever_happens(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "scratch"
    (folder / "half").mkdir(parents=True)  # left by a killed process
    with suppress(KeyError), files.scratch_folder(folder) as scratch:
        assert names_in(scratch) == []
        (scratch / "new").touch()
        raise KeyError
    assert names_in(folder.parent) == []


def test_write_whole_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    files.write_whole(path, "old")
    files.write_whole(path, "90 ± 1 %".encode())
    assert path.read_text() == "90 ± 1 %"
    files.write_whole(path, "± new")
    assert path.read_bytes() == "± new".encode()
    assert names_in(tmp_path) == ["card.json"]


def test_a_file_is_on_the_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    force, replace = files.force_to_disk, Path.replace

    def forced(path: Path) -> None:
        done.append(f"forced {path.suffix or 'folder'}")
        force(path)

    def replaced(self: Path, target: Path) -> Path:
        done.append("replaced")
        return replace(self, target)

    monkeypatch.setattr(files, "force_to_disk", forced)
    monkeypatch.setattr(Path, "replace", replaced)
    files.write_whole(tmp_path / "card.json", "new")
    assert done == ["forced .tmp", "replaced", "forced folder"]
    done.clear()
    files.write_whole(tmp_path / "status.json", "a heartbeat", durable=False)
    assert done == ["replaced"]


def test_write_over_needs_no_more_room_than_there_was(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text('{"state": "running"}')
    files.write_over(path, '{"state": 1}')
    assert path.read_text() == '{"state": 1}        '
    files.write_over(path, '{"state": "a longer one ±"}')
    assert path.read_text() == '{"state": "a longer one ±"}'
    assert names_in(tmp_path) == ["status.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "card.json"
    files.write_whole(path, "old")

    def full_disk(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[:2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full_disk)
        with pytest.raises(OSError, match="No space left"):
            files.write_whole(path, "new")
    assert (path.read_text(), names_in(tmp_path)) == ("old", ["card.json"])

    def forbidden(*_: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", forbidden)
        patch.setattr(time, "sleep", lambda _: None)
        with pytest.raises(PermissionError):
            files.write_whole(path, "new")
    assert (path.read_text(), names_in(tmp_path)) == ("old", ["card.json"])


def test_a_reader_that_holds_the_file_for_a_moment_does_not_fail_the_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, refusals = Path.replace, [PermissionError(13, "Windows: in use")] * 3

    def replace(self: Path, target: Path) -> Path:
        if refusals:
            raise refusals.pop()
        return really(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    files.write_whole(tmp_path / "status.json", "new")
    assert (tmp_path / "status.json").read_text() == "new"
    assert names_in(tmp_path) == ["status.json"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    files.write_whole(path, "0" * 200_000)
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import itertools, sys, pathlib\nfrom cifar_core.files import write_whole\n"
            "for i in itertools.cycle(range(10)): write_whole(pathlib.Path(sys.argv[1]), str(i) * 200_000)",
            str(path),
        ]
    )
    seen = Counter[str]()
    try:
        while len(seen) < 10 or seen.total() < 300:
            assert writer.poll() is None
            content = path.read_text()
            assert len(content) == 200_000
            assert len(set(content)) == 1
            seen[content[0]] += 1
    finally:
        writer.kill()
        writer.wait()


def test_leftovers_of_a_killed_writer_go_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    for name in (
        ".status.json.17.tmp",
        "checkpoint/.last.npz.17.tmp",
        "checkpoint/last.npz",
        ".lock",
        "a.tmp",
    ):
        (tmp_path / name).touch()
    files.remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.rglob("*")} == {"checkpoint", "last.npz", ".lock", "a.tmp"}
