"""Whether a server answers as the app does: the same pictures, asked here and there."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cifar_core import images
from cifar_core.arrays import Images
from cifar_core.deploy.serving import FILES_SIGNATURE, IMAGES_SIGNATURE, Client
from cifar_core.errors import ServingError
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.members import refuse_average
from cifar_core.runs.model_dir import ModelDirectory

TOLERANCE = 1e-3  # of a probability; the same weights on another processor are at most 1e-5 apart


class Compared(NamedTuple):
    """One picture: the class and its probability here and there, and the largest difference of one."""

    name: str
    signature: str
    here: str
    here_confidence: float
    there: str
    there_confidence: float
    difference: float


class Comparison(NamedTuple):
    """All pictures, each through every signature that suits it, and the state of the server."""

    rows: list[Compared]
    version: int | None  # of the model that answers; None if the server does not say
    signatures: list[str]

    @property
    def largest_difference(self) -> float:
        """The largest difference of a probability."""
        return max(row.difference for row in self.rows)

    @property
    def agreement(self) -> float:
        """The share of answers with the same class."""
        return float(np.mean([row.here == row.there for row in self.rows]))

    @property
    def same(self) -> bool:
        """Whether the server has this very model."""
        return self.agreement == 1 and self.largest_difference <= TOLERANCE


def compare(
    client: Client, directory: ModelDirectory, classifier: Classifier, pictures: Sequence[tuple[str, bytes]]
) -> Comparison:
    """Ask a server and the local model about pictures, given as (name, content of the file), at least one.

    The middle of every picture goes as an array through `serving_default`; JPEG and PNG also go as files
    through `classify_bytes`, if the server has it.

    Raises
    ------
    ImageError, ModelDirectoryError, ServingError
        If a picture, the local model or the server is not as it should be.
    """
    refuse_average(directory)
    names, side = classifier.facts.class_names, classifier.facts.side
    looks = [images.load(content, side=side)[1] for _, content in pictures]
    middles = np.stack([seen[0] for seen in looks])

    def local(given: Iterable[Images]) -> list[npt.NDArray[np.float64]]:
        return [answer.probabilities for answer in classify(classifier, calibration_of(directory), given)]

    rows = [
        _compared(name, IMAGES_SIGNATURE, here, there, names)
        for (name, _), here, there in zip(
            pictures, local(middles[:, None]), client.predict(middles), strict=True
        )
    ]
    version, signatures = _about(client)
    if FILES_SIGNATURE in signatures:
        for (name, content), here in zip(pictures, local(looks), strict=True):
            if content.startswith((b"\xff\xd8\xff", b"\x89PNG")):
                [answer] = client.classify_files([content])
                rows.append(_compared(name, FILES_SIGNATURE, here, answer["probabilities"], names))
    return Comparison(rows, version, sorted(signatures))


def _about(client: Client) -> tuple[int | None, list[str]]:
    """Ask for version and signatures, which KServe, for one, does not tell."""
    try:
        ready = [item.version for item in client.status() if item.state == "AVAILABLE"]
        return max(ready, default=None), list(client.metadata())
    except ServingError:
        return None, [IMAGES_SIGNATURE]


def _compared(
    name: str,
    signature: str,
    here: npt.NDArray[np.float64],
    there: npt.NDArray[np.float64],
    class_names: Sequence[str],
) -> Compared:
    if len(there) != len(here):
        raise ServingError(
            f"The server tells {len(there)} classes apart, the model here {len(here)}: it serves another one."
        )
    mine, theirs = int(here.argmax()), int(there.argmax())
    return Compared(
        name,
        signature,
        class_names[mine],
        float(here[mine]),
        class_names[theirs],
        float(there[theirs]),
        float(np.abs(here - there).max()),
    )
