"""Classify every picture of a source on a cluster, into Parquet files: one row a picture, whatever it is.

The pictures are dealt into parts. A part becomes one file, written whole by the process that classified it.
When a machine dies, its parts are done again elsewhere and replace what there was: no picture is lost or
counted twice. A second call goes on with the pictures that no file holds yet.
"""

import contextlib
import functools
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cifar_core.errors import CifarLabError, ImageError, ScaleError, SourceError
from cifar_core.formats import count, printable
from cifar_core.scale import cluster
from cifar_core.scale.destination import Answers, Destination
from cifar_core.sources.source import Listing, Picture, Source, digest, distinct, one_line

if TYPE_CHECKING:
    from cifar_core.inference.classify import Calibration
    from cifar_core.inference.runtime import Classifier
    from cifar_core.runs.model_dir import ModelDirectory

PART = 256  # pictures in a file: some seconds of work, which is what a dead machine costs
_SENT = 64 * 1024**2  # bytes of pictures that go to a node at once, where it cannot read them itself
_RETRIES = 5  # of a part whose worker or machine died

Named = tuple[str, Picture]  # what its row is called, and the picture
Content = bytes | ImageError


class Part(NamedTuple):
    """What one file got: its number of pictures, and of those that were none."""

    pictures: int
    refused: int


class Work(NamedTuple):
    """What there is to do, what was done before, and who does it."""

    listing: Listing
    before: Part
    left: list[Named]
    scorer: "Scorer"


@contextlib.contextmanager
def prepared(model: "ModelDirectory", source: Source, destination: Path) -> Iterator[Work]:
    """Have a destination for oneself, and find what it lacks.

    Parameters
    ----------
    model
        A finished model. Like the source and the destination, it lies where every node sees it.
    source
        The pictures.
    destination
        A folder outside the source, empty or with answers of this model for this source. It gets files
        `part-*.parquet` with the columns picture (its name), class, confidence, probabilities (by class,
        calibrated), none_of_these and error; the last alone is set where there is no picture.

    Raises
    ------
    ScaleError, SourceError, ModelDirectoryError
        Also where the source has no pictures, or one of them has changed since it was done.
    """
    from cifar_core.inference.classify import calibration_of, known_of
    from cifar_core.runs.members import refuse_average

    refuse_average(model)
    calibration = calibration_of(model)
    folder = Destination(destination.resolve())
    if folder.path.is_relative_to(source.path):
        raise ScaleError(f"{folder.path} is in the folder of the pictures; choose one outside.")
    listing = source.listing()
    if not listing.pictures:
        raise SourceError(
            f"There are no pictures in {source.path}{_besides(listing.others)}; check its name."
        )
    settings = np.array([calibration.temperature, calibration.ood_threshold]).tobytes()
    learned = hashlib.sha256(settings + b"".join(array.tobytes() for array in known_of(model))).hexdigest()
    identity = f"{digest(model.onnx_path)} {learned}"
    with folder.taken(Answers(model.name, identity, str(source.path), source.identity())):
        done = folder.done()
        names = distinct([_text(picture.name) for picture in listing.pictures])
        named = [*zip(names, listing.pictures, strict=True)]
        for name, picture in named:
            if name in done and done[name].stamp != picture.stamp:
                raise ScaleError(
                    f"“{printable(name)}” has changed since {folder.path} was written; choose another folder."
                )
        left = [(name, picture) for name, picture in named if name not in done]
        refused = sum(done[name].refused for name, _ in named if name in done)
        # Every processor has a worker of its own.
        scorer = Scorer(model.onnx_path.resolve(), calibration, source, folder, threads=1)
        yield Work(listing, Part(len(named) - len(left), refused), left, scorer)


def score(work: Work, address: str | None = None, part: int = PART) -> Iterator[Part]:
    """Classify all pictures that a destination does not hold yet.

    Parameters
    ----------
    work
        What `prepared` found.
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
    ScaleError, SourceError, ModelDirectoryError
        What hinders the rest; what was yielded is done.
    """
    if not work.left:
        return
    with cluster.connected(address) as ray:
        from ray.exceptions import RayError

        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_score)
        scorer = ray.put(work.scorer)
        dealt = _dealt(work, part)
        pending: list[Any] = []
        while True:
            # One part at work and one that waits, for every processor there is by now.
            room = 2 * max(1, int(ray.cluster_resources().get("CPU", 1))) - len(pending)
            pending += [task.remote(scorer, *item) for item in itertools.islice(dealt, max(0, room))]
            if not pending:
                return
            ready, pending = ray.wait(pending)
            try:
                yield ray.get(ready[0])
            except RayError as error:
                cause = getattr(error, "cause", None)
                if isinstance(cause, CifarLabError):
                    raise cause from error
                raise ScaleError(f"A part cannot be classified: {one_line(cause or error)}.") from error


def _dealt(work: Work, part: int) -> Iterator[tuple[list[Named], list[Content] | None]]:
    """Deal pictures into parts; with their bytes, if a node would have to read all before them, too."""
    source = work.scorer.source
    if not source.one_pass:
        for start in range(0, len(work.left), part):
            yield work.left[start : start + part], None
        return
    named: list[Named] = []
    contents: list[Content] = []
    held = 0
    read = source.read([picture for _, picture in work.left])
    for item, content in zip(work.left, read, strict=True):
        named.append(item)
        contents.append(content)
        held += len(content) if isinstance(content, bytes) else 0
        if len(named) == part or held > _SENT:
            yield named, contents
            named, contents, held = [], [], 0
    if named:
        yield named, contents


def _score(scorer: "Scorer", named: list[Named], contents: list[Content] | None) -> Part:
    return scorer.score(named, contents)


def _text(name: str) -> str:
    """Return a name as Parquet can hold it: Unicode, with an escape for each byte that is not."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _besides(others: Sequence[str]) -> str:
    return f", only other files: {count(len(others))}, such as {printable(others[0])}" if others else ""


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
    destination: Destination
    threads: int | None = None

    def score(self, named: Sequence[Named], contents: Sequence[Content] | None = None) -> Part:
        """Classify the pictures of one part, write its file, and say how many there were."""
        rows = self.rows(named, contents)
        class_names = _classifier(self.onnx, self.threads).facts.class_names
        self.destination.write(rows, [picture.stamp for _, picture in named], class_names)
        return Part(len(rows), sum(row["error"] is not None for row in rows))

    def rows(self, named: Sequence[Named], contents: Sequence[Content] | None = None) -> list[dict[str, Any]]:
        """Return a row for each picture; those whose contents are not given are read."""
        from cifar_core.images import load
        from cifar_core.inference.classify import classify

        rows: list[dict[str, Any]] = [{"picture": name, "error": None} for name, _ in named]
        looks, found = [], []
        classifier = _classifier(self.onnx, self.threads)
        read = contents if contents is not None else self.source.read([picture for _, picture in named])
        for row, content in zip(rows, read, strict=True):
            try:
                if isinstance(content, ImageError):
                    raise content
                looks.append(load(content, side=classifier.facts.side)[1])
                found.append(row)
            except ImageError as error:
                row["error"] = str(error)
        answers = []
        if looks:
            answers = classify(classifier, self.calibration, looks)
        for row, answer in zip(found, answers, strict=True):
            row.update(answer.to_dict())
        return rows
