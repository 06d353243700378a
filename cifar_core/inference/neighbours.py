"""The training images that a model finds most like a picture: those nearest to it in its own features.

Features of all training images would be 40 MB a model, so they are kept as their largest principal components
(Pearson 1901), in half precision: 5 MB. The search among them is exact.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifar_core import paths
from cifar_core.datasets.dataset import Dataset
from cifar_core.errors import ModelDirectoryError
from cifar_core.files import read_arrays, write_whole
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory

COMPONENTS = 48
_FITTED_TO = 5_000  # training images, evenly spread, that the components are found from
_IN_MEMORY = 10_000  # training images at once
_STEP = 1_000  # of them between two words about how far it is
_PARTS = {"mean", "components", "points"}


@dataclass(frozen=True)
class Neighbours:
    """The training images as a model sees them.

    Attributes
    ----------
    mean, components
        float32 [D] and [D, K], K at most `COMPONENTS`: what turns features into points.
    points
        float16 [N, K], one a training image, in the training set's own order.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    points: NDArray[np.float16]

    def nearest(self, features: NDArray[np.floating[Any]], count: int) -> NDArray[np.intp]:
        """Return which training images lie nearest to a picture, the nearest first.

        Parameters
        ----------
        features : float [D]
            Of the picture, as `Classifier.outputs` returns them.
        count : int
            How many.

        Returns
        -------
        ndarray
            intp [count], or fewer where there are not so many.
        """
        point = (_unit(features) - self.mean) @ self.components
        distances = np.square(self.points.astype(np.float32) - point).sum(axis=1)
        return np.asarray(distances.argsort(kind="stable")[:count])

    def save(self, path: Path) -> None:
        """Write them to a file, whole."""
        file = io.BytesIO()
        np.savez(file, mean=self.mean, components=self.components, points=self.points)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, file.getvalue(), durable=False)  # what is lost is made again


def find(classifier: Classifier, dataset: Dataset, tell: Callable[[float], object]) -> Neighbours:
    """Look at all training images with a model; it takes as long as to classify them.

    Parameters
    ----------
    classifier
        The model.
    dataset
        What it learned from.
    tell
        Called now and then with the share that is done, from 0 to 1.
    """
    features = np.concatenate(list(_features(classifier, dataset, tell)))
    sample = features[:: max(len(features) // _FITTED_TO, 1)].astype(np.float32)
    mean = sample.mean(axis=0)
    _, _, axes = np.linalg.svd(sample - mean, full_matrices=False)
    components = np.ascontiguousarray(axes[:COMPONENTS].T)
    parts = [(features[at : at + _STEP] - mean) @ components for at in range(0, len(features), _STEP)]
    return Neighbours(mean, components, np.concatenate(parts).astype(np.float16))


def _features(
    classifier: Classifier, dataset: Dataset, tell: Callable[[float], object]
) -> Iterator[NDArray[np.float16]]:
    size = dataset.sizes["train"]
    for first in range(0, size, _IN_MEMORY):
        images = dataset.pick("train", np.arange(first, min(first + _IN_MEMORY, size))).images
        for start in range(0, len(images), _STEP):
            tell((first + start) / size)
            yield _unit(classifier.outputs(images[start : start + _STEP]).features).astype(np.float16)


def kept(model: ModelDirectory) -> Neighbours | None:
    """Return a model's neighbours, if they were found on this machine before."""
    try:
        return Neighbours(**read_arrays(place(model), _PARTS))
    except (OSError, ValueError, TypeError):  # not there, or damaged: they are found again
        return None


def place(model: ModelDirectory) -> Path:
    """Return the file that keeps a model's neighbours, named by what the model is."""
    try:
        digest = hashlib.sha256(model.onnx_path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise ModelDirectoryError(f"The model file of “{model.name}” cannot be read.") from error
    return paths.cache() / "neighbours" / f"{digest}.npz"


def _unit(features: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return features of length 1: where they point is what they say of the class, as for `ood`."""
    values = np.asarray(features, np.float32)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12))
