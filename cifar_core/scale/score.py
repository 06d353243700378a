"""Classify every picture of a source on a cluster, into Parquet files: one row a picture, whatever it is.

The pictures are dealt into parts. A part is one file, written whole by whoever classified it: when a machine
dies, its parts are done again elsewhere and replace what there was, so no picture is lost or counted twice. A
second call goes on with the pictures that no file holds yet.
"""

import functools
import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cifar_core.errors import ImageError, ScaleError
from cifar_core.files import write_whole
from cifar_core.scale import cluster
from cifar_core.sources.source import Source

if TYPE_CHECKING:
    from cifar_core.inference.classify import Calibration
    from cifar_core.inference.runtime import Classifier
    from cifar_core.runs.model_dir import ModelDirectory

PART = 256  # pictures in a file: some seconds of work, which is what a dead machine costs


class Part(NamedTuple):
    """What one file got: its number of pictures, and of those that were none."""

    pictures: int
    refused: int


def score(
    model: "ModelDirectory", source: Source, destination: Path, address: str | None = None, part: int = PART
) -> Iterator[Part]:
    """Classify all pictures of a source that the destination does not hold yet.

    Parameters
    ----------
    model
        A finished model. Like the source and the destination, it lies where every node sees it.
    source
        The pictures.
    destination
        A folder. It gets files `part-*.parquet` with the columns picture (its name),
        class, confidence, probabilities (by class, calibrated), none_of_these and error; the last alone is
        set where there is no picture.
    address
        The cluster, as `cluster.connected` takes it.
    part
        Pictures in a file.

    Yields
    ------
    Part
        As soon as its file is whole; in no particular order.

    Raises
    ------
    ScaleError, ModelDirectoryError, OSError
        Before anything is read.
    """
    from cifar_core.inference.classify import calibration_of

    calibration = calibration_of(model)
    destination = destination.resolve()
    destination.mkdir(parents=True, exist_ok=True)
    remaining = left(source, destination)
    parts = [remaining[start : start + part] for start in range(0, len(remaining), part)]
    if not parts:
        return
    with cluster.connected(address) as ray:
        from ray.data import DataContext

        logging.getLogger("ray.data").setLevel(logging.ERROR)  # it would tell of every step of its plan
        DataContext.get_current().enable_progress_bars = False
        dealt = ray.data.from_items([{"names": names} for names in parts], override_num_blocks=len(parts))
        # Every processor has a worker of its own.
        scorer = Scorer(model.onnx_path.resolve(), calibration, source, destination, threads=1)
        done = dealt.map_batches(scorer.score, batch_size=1, num_cpus=1)
        for row in done.iter_rows():
            yield Part(int(row["pictures"]), int(row["refused"]))


def left(source: Source, destination: Path) -> list[str]:
    """Return the names of the pictures that no file in the destination holds."""
    from pyarrow import parquet

    done: set[str] = set()
    for file in destination.glob("part-*.parquet"):
        try:
            done.update(parquet.read_table(file, columns=["picture"])["picture"].to_pylist())
        except Exception as error:
            raise ScaleError(f"{file} is not a file of ours, or damaged; take it away first.") from error
    return [name for name in source.names() if _text(name) not in done]


def _text(name: str) -> str:
    """Return a name as Parquet can hold it: Unicode, a byte that is none of it as an escape."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@functools.lru_cache(maxsize=1)
def _classifier(onnx: Path, threads: int | None) -> "Classifier":
    """Return the model, loaded once in the life of a process."""
    from cifar_core.inference.runtime import Classifier

    return Classifier(onnx, threads)


@dataclass(frozen=True)
class Scorer:
    """What a node needs to know to classify a part; `threads` as `Classifier` takes them."""

    onnx: Path
    calibration: "Calibration"
    source: Source
    destination: Path
    threads: int | None = None

    def score(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Classify the pictures of one part, write its file, and say how many there were."""
        (names,) = batch["names"]
        names = [str(name) for name in names]
        rows = self.rows(names)
        # The same pictures have the same file, so that to do them again replaces it.
        digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        names_of_classes = _classifier(self.onnx, self.threads).facts.class_names
        write_whole(self.destination / f"part-{digest}.parquet", _parquet(rows, names_of_classes))
        refused = sum(row["error"] is not None for row in rows)
        return {"pictures": np.array([len(rows)]), "refused": np.array([refused])}

    def rows(self, names: list[str]) -> list[dict[str, Any]]:
        """Return a row for each picture."""
        from cifar_core.images import load
        from cifar_core.inference.classify import classify

        rows: list[dict[str, Any]] = [{"picture": _text(name), "error": None} for name in names]
        arrays, found = [], []
        classifier = _classifier(self.onnx, self.threads)
        for row, content in zip(rows, self.source.read(names), strict=True):
            try:
                if isinstance(content, ImageError):
                    raise content
                arrays.append(load(content, side=classifier.facts.side)[1])
                found.append(row)
            except ImageError as error:
                row["error"] = str(error)
        answers = []
        if arrays:
            answers = classify(classifier, self.calibration, np.stack(arrays))
        for row, answer in zip(found, answers, strict=True):
            row.update(answer.to_dict())
        return rows


def _parquet(rows: list[dict[str, Any]], class_names: Sequence[str]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    number = pa.float64()
    schema = pa.schema(
        {
            "picture": pa.string(),
            "class": pa.string(),
            "confidence": number,
            "probabilities": pa.struct(dict.fromkeys(class_names, number)),
            "none_of_these": pa.bool_(),
            "error": pa.string(),
        }
    )
    buffer = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    return bytes(buffer.getvalue())
