"""The training images that a model finds most like a picture: those nearest to it in its own features.

Features of all training images would be 40 MB a model, so they are kept as their largest principal components
(Pearson 1901), in half precision: 5 MB. The search among them is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifar_core.datasets.dataset import Dataset
from cifar_core.files import read_arrays
from cifar_core.inference import features
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory

COMPONENTS = 48
_FITTED_TO = 5_000  # training images, evenly spread, that the components are found from
_STEP = 1_000  # training images at once
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

    def nearest(self, seen: NDArray[np.floating[Any]], count: int) -> NDArray[np.intp]:
        """Return which training images lie nearest to a picture, the nearest first.

        Parameters
        ----------
        seen : float [D]
            The picture's features, as `Classifier.outputs` returns them.
        count : int
            How many.

        Returns
        -------
        ndarray
            intp [count], or fewer where there are not so many.
        """
        point = (features.directions(seen) - self.mean) @ self.components
        distances = np.square(self.points.astype(np.float32) - point).sum(axis=1)
        return np.asarray(distances.argsort(kind="stable")[:count])

    def save(self, path: Path) -> None:
        """Keep them in the cache."""
        features.keep(path, mean=self.mean, components=self.components, points=self.points)


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
    size = dataset.sizes["train"]
    known = features.seen(classifier, dataset, "train", np.arange(size), tell)
    mean, components = features.principal_axes(known[:: max(size // _FITTED_TO, 1)], COMPONENTS)
    parts = [(known[at : at + _STEP] - mean) @ components for at in range(0, size, _STEP)]
    return Neighbours(mean, components, np.concatenate(parts).astype(np.float16))


def kept(model: ModelDirectory, dataset: Dataset) -> Neighbours | None:
    """Return a model's neighbours among these training images, if they were found here before."""
    try:
        return Neighbours(**read_arrays(place(model, dataset), _PARTS))
    except (OSError, ValueError, TypeError):  # not there, or damaged: they are found again
        return None


def place(model: ModelDirectory, dataset: Dataset) -> Path:
    """Return the file that keeps a model's neighbours; the dataset's may change after the model learned."""
    return features.place("neighbours", model, dataset)
