"""What a model sees in pictures, as directions, and the few axes along which they differ most."""

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifar_core import paths
from cifar_core.datasets.dataset import Dataset, Ints, Part
from cifar_core.errors import ModelDirectoryError
from cifar_core.files import write_whole
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory

_IN_MEMORY = 10_000  # pictures at once
_STEP = 250  # of them between two words about how far it is


def directions(features: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return features, float [..., D], of length 1: where they point is what they say of the class."""
    values = np.asarray(features, np.float32)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12))


def seen(
    classifier: Classifier,
    dataset: Dataset,
    part: Part,
    indices: Ints,
    tell: Callable[[float], object],
) -> NDArray[np.float16]:
    """Look at pictures with a model; it takes as long as to classify them.

    Parameters
    ----------
    classifier
        The model.
    dataset, part, indices
        Which pictures, int [N], of the side that the model takes.
    tell
        Called now and then with the share that is done, from 0 to 1.

    Returns
    -------
    ndarray
        Their directions, float16 [N, D].
    """
    return np.concatenate(list(_looked_at(classifier, dataset, part, indices, tell)))


def _looked_at(
    classifier: Classifier, dataset: Dataset, part: Part, indices: Ints, tell: Callable[[float], object]
) -> Iterator[NDArray[np.float16]]:
    for first in range(0, len(indices), _IN_MEMORY):
        images = dataset.pick(part, indices[first : first + _IN_MEMORY]).images
        for start in range(0, len(images), _STEP):
            tell((first + start) / len(indices))
            some = images[start : start + _STEP]
            yield directions(classifier.outputs(some).features).astype(np.float16)


def principal_axes(
    sample: NDArray[np.floating[Any]], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find the axes along which pictures differ most: principal component analysis (Pearson 1901).

    Parameters
    ----------
    sample : float [N, D]
        The directions of pictures.
    count
        How many axes.

    Returns
    -------
    mean, axes : ndarray
        float32 [D] and [D, K], K at most `count`, N and D; the principal components are
        `(sample - mean) @ axes`. The largest number of each axis is positive, so they are always the same.
    """
    values = np.asarray(sample, np.float64)
    mean = values.mean(axis=0)
    centred = values - mean
    # Of D × D numbers, which takes milliseconds where the singular values of N × D take seconds.
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, : min(count, len(values))]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return mean.astype(np.float32), np.ascontiguousarray(axes * signs, np.float32)


def place(kind: str, model: ModelDirectory, dataset: Dataset, more: str = "") -> Path:
    """Return the file that keeps what was computed once, named by what model and dataset hold.

    Parameters
    ----------
    kind
        The folder in the cache.
    model, dataset
        A model trained on, and pictures changed, since have another file.
    more
        What else tells two such files of a model apart.

    Raises
    ------
    ModelDirectoryError
        If the model's file cannot be read.
    """
    try:
        content = model.answers_path.read_bytes()
    except OSError as error:
        raise ModelDirectoryError(f"The model file of “{model.name}” cannot be read.") from error
    facts = dataset.facts
    key = "\n".join((hashlib.sha256(content).hexdigest(), facts.name, facts.digest, more))
    return paths.cache() / kind / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"


def keep(path: Path, **arrays: Any) -> None:
    """Write arrays to the cache, whole; where it cannot be written to, they are computed again next time."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, file.getvalue(), durable=False)
