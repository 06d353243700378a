"""`score` on a real cluster of two nodes: every picture has one row, whatever dies."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from pyarrow import parquet

from benchmarks.scoring import alone
from cifar_core import paths
from cifar_core.inference import runtime
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.runs import catalogue
from cifar_core.scale import score as scoring
from cifar_core.scale.score import Part, prepared, score
from cifar_core.sources.opening import open_source
from tests.model_directories import LONG, until
from tests.pictures import encode, photo, photos
from tests.sources.made import tarred

COUNT, PART = 240, 20
BAD = {"bad.png": b"no picture", "empty.jpg": b""}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for index, image in enumerate(photos(COUNT)):
        Image.fromarray(image).save(folder / f"{index:03}.png")
    for name, content in BAD.items():
        (folder / name).write_bytes(content)
    (folder / "notes.txt").write_text("words")
    return folder


def rows(destination: Path) -> list[dict[str, Any]]:
    files = sorted(destination.glob("part-*.parquet"))
    return [row for file in files for row in parquet.read_table(file).to_pylist()]


def workers() -> list[psutil.Process]:
    """Return the processes that classify for us at this moment."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may have ended meanwhile
            if "ray::_score" in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_node_lose_nothing(cluster: Any, pictures: Path, tmp_path: Path) -> None:
    model = catalogue.find("quick")
    killed, node = False, cluster.add_node(num_cpus=1)
    parts: list[Part] = []
    with prepared(model, open_source(pictures), tmp_path / "out") as work:
        for part in score(work, cluster.address, PART):
            parts.append(part)
            if not killed:  # while the others work
                until(workers)[0].send_signal(signal.SIGKILL)
                cluster.remove_node(node)
                killed = True
    assert killed
    assert sum(part.refused for part in parts) == len(BAD)
    found = rows(tmp_path / "out")
    assert sorted(row["picture"] for row in found) == sorted(
        path.name for path in pictures.iterdir() if path.suffix != ".txt"
    )

    by_name = {row["picture"]: row for row in found}
    for name in BAD:
        assert by_name[name]["error"]
        assert by_name[name]["class"] is by_name[name]["probabilities"] is None
    expected = classify(Classifier(model.onnx_path), calibration_of(model), photos(COUNT)[:, None])
    for index, answer in enumerate(expected):
        row = by_name[f"{index:03}.png"]
        assert (row["class"], row["none_of_these"], row["error"]) == (
            answer.class_name, answer.none_of_these, None,
        )  # fmt: skip
        np.testing.assert_allclose([*row["probabilities"].values()], answer.probabilities, atol=1e-5)
        assert row["confidence"] == pytest.approx(answer.confidence, abs=1e-5)


@pytest.mark.slow
def test_the_command_goes_on_where_it_was(cluster: Any, pictures: Path, tmp_path: Path) -> None:
    """Even elsewhere: it begins on a cluster that it starts itself, and goes on in one that is there."""
    command = [sys.executable, "-m", "cifar_core", "score", "quick", str(pictures), str(tmp_path / "out")]
    first = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert first.returncode == 1, first.stderr  # of the bad ones
    assert first.stderr.startswith("Error: 2 of them could not be read")
    assert json.loads(first.stdout) == {
        "pictures": COUNT + 2, "done_before": 0, "refused": 2, "other_files": 1,
    }  # fmt: skip

    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    Image.new("RGB", (40, 30), "red").save(buffer := io.BytesIO(), "JPEG")
    more = pictures / "later.jpg"
    more.write_bytes(buffer.getvalue())
    try:
        elsewhere = [*command, "--address", cluster.address]
        second = subprocess.run(elsewhere, capture_output=True, text=True, check=False)
    finally:
        more.unlink()
    assert second.returncode == 1, second.stderr  # the bad ones still are
    assert second.stderr.startswith("Error: 2 of them could not be read")
    assert second.stdout.startswith(f"{COUNT + 3:,} pictures are classified")
    assert "Other files were left out: 1, such as notes.txt." in second.stdout
    found = rows(tmp_path / "out")
    assert len(found) == len({row["picture"] for row in found}) == COUNT + 3
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cifar_core", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        cwd=paths.code_root(),
    )


# A name that is not UTF-8, as Python has it.
LATIN = os.fsdecode(b"caf\xe9.png")


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there every file name is Unicode")
def test_a_name_that_is_not_utf8_is_stored_with_an_escape(tmp_path: Path) -> None:
    model, source = catalogue.find("quick"), tmp_path / "in"
    source.mkdir()
    for name in ("a.png", LATIN):
        Image.new("RGB", (32, 32), "red").save(source / name)
    with prepared(model, open_source(source), tmp_path / "out") as work:
        assert work.scorer.score(work.left) == Part(2, 0)
    assert [row["picture"] for row in rows(tmp_path / "out")] == ["a.png", r"caf\xe9.png"]
    assert all(row["class"] for row in rows(tmp_path / "out"))
    with prepared(model, open_source(source), tmp_path / "out") as work:
        assert (work.before, work.left) == (Part(2, 0), [])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_cluster_takes_archives_and_names_that_are_not_utf8(
    cluster: Any, tmp_path: Path, mode: str
) -> None:
    files = {name: encode(photo(32, 32), "PNG") for name in ("a.png", "b.png", LATIN, "z.png")}
    model, source = catalogue.find("quick"), open_source(tarred(tmp_path / "t", files, mode))
    with prepared(model, source, tmp_path / "out") as work:
        assert [*score(work, cluster.address, part=2)] == [Part(2, 0)] * 2
    assert sorted(row["picture"] for row in rows(tmp_path / "out")) == [
        "a.png",
        "b.png",
        r"caf\xe9.png",
        "z.png",
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is one way to end a process there")
@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM"])
def test_a_killed_command_leaves_nothing_behind(pictures: Path, tmp_path: Path, number: str) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for copy in range(5_000):
        os.link(pictures / f"{copy % COUNT:03}.png", many / f"{copy}.png")
    command = [sys.executable, "-m", "cifar_core", "score", "quick", str(many), str(tmp_path / "out")]
    started = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: [*(tmp_path / "out").glob("part-*")] or started.poll() is not None)
    below = psutil.Process(started.pid).children(recursive=True)
    assert any("ray" in child.name() for child in below)
    started.send_signal(signal.Signals[number])
    assert started.wait(LONG) != 0
    until(lambda: not [child for child in below if _lives(child)])


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_one_process_has_the_threads_that_a_classifier_has_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int | None] = []

    def noted(path: Path, threads: int | None = None) -> Classifier:
        given.append(threads)
        return Classifier(path, threads)

    monkeypatch.setattr(runtime, "Classifier", noted)
    scoring._classifier.cache_clear()
    (tmp_path / "in").mkdir()
    Image.new("RGB", (32, 32), "red").save(tmp_path / "in" / "a.png")
    alone(catalogue.find("quick"), open_source(tmp_path / "in"), tmp_path / "out")
    assert given == [None]


NO_RAY = "import sys; sys.modules['ray'] = None"


@pytest.mark.parametrize("command", ["score", "sweep"])
def test_without_ray_it_is_one_line(tmp_path: Path, pictures: Path, command: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_RAY)
    arguments = {
        "score": ["score", "quick", str(pictures), str(tmp_path / "out")],
        "sweep": ["sweep", "quick", "--data", "digits", "--seed", "1"],
    }
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run(*arguments[command], PYTHONPATH=path, CIFAR_LAB_RUNS=str(tmp_path / "runs"))
    assert done.returncode == 1
    assert done.stderr == "Error: This needs Ray: `pip install -r requirements-scale.txt`.\n"


def test_no_source_and_no_model_are_one_line(tmp_path: Path, pictures: Path) -> None:
    out = str(tmp_path / "out")
    for arguments, message in (
        (["score", "quick", "missing", out], "There is no folder or file missing"),
        (["score", "missing", str(pictures), out], "There is no model or run “missing”"),
    ):
        done = run(*arguments)
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
