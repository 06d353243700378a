"""The map of the test images: two numbers each, so that those lie near that a model finds alike.

At once by the two largest principal components of what it sees, a shadow of it; or by t-SNE (van der Maaten
and Hinton 2008), which keeps neighbours together, takes longer, and begins with those two.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from cifar_core.arrays import Labels
from cifar_core.datasets.dataset import Dataset, Ints
from cifar_core.files import read_arrays
from cifar_core.inference import features
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory

COMPONENTS = 48  # that t-SNE looks at
FEW, MOST = 2_000, 10_000  # test images on a map
_PERPLEXITY = 30.0  # neighbours that t-SNE counts with

Way = Literal["PCA", "t-SNE"]
WAYS: tuple[Way, ...] = get_args(Way)


class Box(NamedTuple):
    """A part of the map: the ends of its sides, ends included."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True)
class Embedding:
    """Test images on a map.

    Attributes
    ----------
    images
        Which, int64 [N], ascending.
    components
        What a model sees in each, float16 [N, K]: its principal components, the largest first.
    tsne
        Where t-SNE puts them, float32 [N, 2], or [0, 2] before it was asked.
    mean, axes
        float32 [D] and [D, K]: what makes components of features.
    """

    images: Ints
    components: NDArray[np.float16]
    tsne: NDArray[np.float32]
    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    def positions(self, way: Way) -> NDArray[np.float32]:
        """Return where they lie, float32 [N, 2]; none before t-SNE has arranged them."""
        return self.tsne if way == "t-SNE" else _two(self.components)

    def place_of(self, seen: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return where PCA puts another picture, float32 [2], by its features, float [D].

        t-SNE cannot: it arranges all pictures at once, and a new one would move the others.
        """
        return np.asarray(_two(self._components_of(seen)[None])[0])

    def nearest(self, seen: NDArray[np.floating[Any]], count: int) -> Ints:
        """Return the test images that a model finds most like a picture, int64 [count], the nearest first.

        By its features, float [D], so by more than the two numbers that the map shows.
        """
        away = self.components.astype(np.float32) - self._components_of(seen)
        return np.asarray(self.images[np.square(away).sum(axis=1).argsort(kind="stable")[:count]])

    def _components_of(self, seen: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        return np.asarray((features.directions(seen) - self.mean) @ self.axes, np.float32)

    def save(self, path: Path) -> None:
        """Keep it in the cache."""
        features.keep(path, **vars(self))


def find(
    classifier: Classifier, dataset: Dataset, labels: Labels, count: int, tell: Callable[[float], object]
) -> Embedding:
    """Look at test images with a model; it takes as long as to classify them.

    Parameters
    ----------
    classifier
        The model.
    dataset
        What it learned from, of the side that it takes.
    labels : int [N]
        The classes of all test images; of each class the map has its share.
    count
        How many images to put on the map, at most.
    tell
        Called now and then with the share that is done, from 0 to 1.
    """
    images = sample(labels, count)
    seen = features.seen(classifier, dataset, "test", images, tell)
    mean, axes = features.principal_axes(seen, COMPONENTS)
    components = ((seen - mean) @ axes).astype(np.float16)
    return Embedding(images, components, np.empty((0, 2), np.float32), mean, axes)


def sample(labels: Labels, count: int) -> Ints:
    """Choose so many images, evenly from each class and over the test set; all where there are no more.

    Parameters
    ----------
    labels : int [N]
        Their classes.
    count
        How many.

    Returns
    -------
    ndarray
        Their places, int64, ascending, always the same.
    """
    y = np.asarray(labels)
    if len(y) <= count:
        return np.arange(len(y))
    by_class = np.argsort(y, kind="stable")
    return np.sort(by_class[np.arange(count) * len(y) // count])


def arranged(embedding: Embedding) -> Embedding:
    """Return the map with what t-SNE makes of it, the same each time on a machine."""
    from sklearn.manifold import TSNE  # 75 MB, which who never asks for it need not pay

    components = embedding.components.astype(np.float32)
    start = _two(components)
    if len(components) < 3:
        return replace(embedding, tsne=start)
    tsne = TSNE(
        perplexity=min(_PERPLEXITY, (len(components) - 1) / 3),
        init=start / max(float(start[:, 0].std()), 1e-12) * 1e-4,  # as scikit-learn scales it
        random_state=0,
        n_jobs=1,  # its threads wait for each other busily, so beside other work two are slower than one
    )
    return replace(embedding, tsne=np.asarray(tsne.fit_transform(components), np.float32))


def inside(positions: NDArray[np.floating[Any]], box: Box) -> NDArray[np.intp]:
    """Find what lies in a box, its edges included.

    Parameters
    ----------
    positions : float [N, 2]
        To the right, and up.
    box
        The box.

    Returns
    -------
    ndarray
        The rows, intp [M], ascending.
    """
    right, up = positions[:, 0], positions[:, 1]
    within = (right >= box.left) & (right <= box.right) & (up >= box.bottom) & (up <= box.top)
    return np.flatnonzero(within)


def closest_classes(positions: NDArray[np.floating[Any]], labels: Labels) -> tuple[int, int]:
    """Find the two classes whose images lie closest, by the middle of each.

    Parameters
    ----------
    positions : float [N, 2]
        Where images lie.
    labels : int [N]
        Their classes, two or more different ones.

    Returns
    -------
    tuple of int
        The classes, the lesser number first.
    """
    classes = np.unique(labels)
    middles = np.array([np.median(positions[labels == label], axis=0) for label in classes])
    distances = np.linalg.norm(middles[:, None] - middles, axis=2)
    distances[np.tril_indices(len(classes))] = np.inf
    one, other = np.unravel_index(distances.argmin(), distances.shape)
    return int(classes[one]), int(classes[other])


def kept(model: ModelDirectory, dataset: Dataset, count: int) -> Embedding | None:
    """Return a model's map of so many images, if it was made on this machine before."""
    try:
        found = Embedding(**read_arrays(place(model, dataset, count)))
    except (OSError, ValueError, TypeError):  # not there, or damaged: it is made again
        return None
    fits = len(found.images) == len(found.components) and len(found.tsne) in (0, len(found.images))
    return found if fits else None


def place(model: ModelDirectory, dataset: Dataset, count: int) -> Path:
    """Return the file that keeps a model's map of so many images."""
    return features.place("maps", model, dataset, str(count))


def _two(components: NDArray[Any]) -> NDArray[np.float32]:
    """Return the first two columns, zeros where a model sees but one thing."""
    missing = max(2 - components.shape[1], 0)
    return np.pad(components[:, :2].astype(np.float32), ((0, 0), (0, missing)))
