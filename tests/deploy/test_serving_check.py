"""`export` and `serving check`, as they are typed."""

import json
from pathlib import Path

import pytest

from tests.command_line import call, error
from tests.deploy.conftest import MODEL
from tests.servers import free_port


@pytest.mark.slow
def test_check(kserve: str, pictures: list[Path]) -> None:
    files = [str(path) for path in pictures]
    done = call("serving", "check", f"{kserve}/v1/models/{MODEL}", *files, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["model"], found["same"], found["agreement"]) == (MODEL, True, 1)
    assert 0 < found["largest_difference"] < 1e-4
    assert [row["name"] for row in found["images"]] == files
    assert all(row["here"] == row["there"] for row in found["images"])

    done = call("serving", "check", kserve, files[0], "--model", MODEL)
    assert (done.returncode, done.stderr) == (0, "")
    first, last = done.stdout.splitlines()
    row = found["images"][0]
    assert first.startswith(
        f"{files[0]} (serving_default): {row['there']}, {100 * row['there_confidence']:.1f} %"
    )
    assert last.startswith("100.0 % of 1 answers name the same class; the largest difference")


@pytest.mark.slow
def test_failures(pictures: list[Path], tmp_path: Path) -> None:
    nobody, picture = f"http://127.0.0.1:{free_port()}", str(pictures[0])
    (tmp_path / "notes.txt").write_text("no picture")
    assert "Nothing answers at" in error("serving", "check", nobody, picture, "--model", MODEL)
    assert "Say which model with --model" in error("serving", "check", nobody, picture)
    assert "no model or run “nobody”" in error("serving", "check", nobody, picture, "--model", "nobody")
    assert "is not an endpoint's address" in error("serving", "check", "localhost", picture)
    assert "notes.txt: This file is not a picture" in error(
        "serving", "check", nobody, str(tmp_path / "notes.txt"), "--model", MODEL
    )
    assert "no model or run “nobody”" in error("export", "nobody", str(tmp_path))
