"""What do two nodes gain over one process when many pictures are classified, and what does a crash cost?

    python -m benchmarks.scoring [MODEL] [--pictures 10000]

The pictures of the test set, as PNG files in a temporary folder, are classified into Parquet files three
times: by one process, part after part, with the threads it has by default; by a Ray cluster of two nodes on
this machine, a processor each; and by such a cluster that loses a worker after a third of the parts and a
node after two thirds. The clock runs from the call to the last file: it has the seconds in which Ray's
workers start, not its nodes'. Every picture must have exactly one row, or there is no table.
"""

import dataclasses
import functools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import psutil
import typer
from PIL import Image
from pyarrow import parquet

from benchmarks.measure import command, show
from cifar_core.cli.console import progress
from cifar_core.datasets import cifar10
from cifar_core.datasets.cifar10 import TEST_SIZE
from cifar_core.errors import CifarLabError, ScaleError
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.scale.score import PART, prepared, score
from cifar_core.sources.opening import open_source
from cifar_core.sources.source import Source

Way = Callable[[ModelDirectory, Source, Path], float]


def main(
    model: Annotated[str, typer.Argument(help="The name of a model.", metavar="MODEL")] = "fast",
    pictures: Annotated[
        int, typer.Option(min=3 * PART, max=TEST_SIZE, help="Pictures to classify.")
    ] = TEST_SIZE,
) -> None:
    """Compare one process with a cluster of two nodes, whole and losing its workers."""
    chosen = catalogue.find(model)
    ways: dict[str, Way] = {
        "one process": alone,
        "two nodes": on_two_nodes,
        "two nodes, a worker and a node killed": functools.partial(on_two_nodes, kill=True),
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        files = Path(folder) / "pictures"
        files.mkdir()
        for index, image in enumerate(cifar10.load_test().images[:pictures]):
            Image.fromarray(image).save(files / f"{index:05}.png")
        source = open_source(files)
        task = bar.add_task("", total=len(ways))
        for number, (label, way) in enumerate(ways.items()):
            bar.update(task, description=label)
            destination = Path(folder) / str(number)
            destination.mkdir()
            rows.append([label, *timed(way, chosen, source, destination)])
            bar.advance(task)
    show(f"{pictures:,} pictures, by {model}", ["classified by", "time", "speed", "rows"], rows, {})


def timed(way: Way, model: ModelDirectory, source: Source, destination: Path) -> list[str]:
    """Classify, count the rows, and return what the table says of it."""
    seconds = way(model, source, destination)
    rows = [
        name
        for file in destination.glob("part-*.parquet")
        for name in parquet.read_table(file)["picture"].to_pylist()
    ]
    names = [picture.name for picture in source.listing().pictures]
    if sorted(rows) != names:
        raise CifarLabError(f"{len(rows):,} rows for {len(names):,} pictures.")
    return [f"{seconds:,.1f} s", f"{len(rows) / seconds:,.0f} images/s", f"{len(rows):,}"]


def alone(model: ModelDirectory, source: Source, destination: Path) -> float:
    """Classify part after part in this process; return the seconds."""
    began = time.perf_counter()
    with prepared(model, source, destination) as work:
        scorer = dataclasses.replace(work.scorer, threads=None)
        for start in range(0, len(work.left), PART):
            scorer.score(work.left[start : start + PART])
    return time.perf_counter() - began


def on_two_nodes(model: ModelDirectory, source: Source, destination: Path, *, kill: bool = False) -> float:
    """Classify on two nodes, and let them die meanwhile or not; return the seconds."""
    try:
        from ray.cluster_utils import Cluster
    except ImportError as error:
        raise ScaleError("This needs Ray: `pip install -r requirements-scale.txt`.") from error
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = nodes.add_node(num_cpus=1)
    deaths: list[Callable[[], object]]
    deaths = [kill_a_worker, functools.partial(nodes.remove_node, second)] if kill else []
    planned, done = len(deaths), 0
    try:
        began = time.perf_counter()
        with prepared(model, source, destination) as work:
            for part in score(work, nodes.address):
                done += part.pictures
                if deaths and done >= len(work.left) * (planned + 1 - len(deaths)) / (planned + 1):
                    deaths.pop(0)()
        seconds = time.perf_counter() - began
    finally:
        nodes.shutdown()
    if deaths:
        raise CifarLabError("All was done before it could be disturbed; take more pictures.")
    return seconds


def kill_a_worker() -> None:
    """Kill a process that classifies at this moment."""
    while True:
        for process in psutil.process_iter(["cmdline"]):
            if "ray::_score" in " ".join(process.info["cmdline"] or []):
                process.kill()
                return


if __name__ == "__main__":
    command(main)
