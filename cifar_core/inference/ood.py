"""“None of these”: whether a picture shows none of the classes that a model was trained on.

A score says it of each picture, the higher the likelier; a picture above the `threshold` counts as none of
them. The score is how strongly the classes answer, the energy of Liu, Wang, Owens and Li 2020,
"Energy-based out-of-distribution detection", times how nearly the features point where those of a class do.
So do Park, Jung and Teoh 2023, "Nearest neighbor guidance for out-of-distribution detection", with thousands
of training images where here the mean of each class is enough. Over several sets and two of the shipped
models it was better than either part and as good as the neighbours, and far better than Mahalanobis distance
(Lee 2018) and ViM (Wang 2022), to both of which pictures with less in them than CIFAR-10's look like
CIFAR-10's.

`logits` is float [N, C] and `features` float [N, D], what the last layer sees, as `model.onnx` returns them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.floating[Any]]

KEPT = 0.95  # the share of a dataset's own pictures that are let through


def class_directions(features: Floats, labels: NDArray[np.integer[Any]], classes: int) -> NDArray[np.float32]:
    """Find where the features of each class point: all that `ood_score` has to know of a model.

    Fit it on the validation images, 2,000 are plenty.

    Parameters
    ----------
    features : float [N, D]
        Of images of all classes.
    labels : int [N]
        The numbers of their true classes.
    classes : int
        How many there are.

    Returns
    -------
    ndarray
        float32 [C, D], the mean of each class, of length 1.

    Raises
    ------
    ValueError
        A class has no images.
    """
    counts = np.bincount(labels, minlength=classes)
    if len(features) != len(labels) or len(counts) != classes or not counts.all():
        raise ValueError("Expected features and labels of as many images, and images of each class.")
    means = [features[labels == index].mean(axis=0, dtype=np.float64) for index in range(classes)]
    return _unit(np.stack(means)).astype(np.float32)


def ood_score(logits: Floats, features: Floats, directions: Floats) -> NDArray[np.float64]:
    """Score pictures by minus the energy times the cosine to the nearest class.

    Parameters
    ----------
    logits, features : float [N, C], float [N, D]
        What the model says of each picture.
    directions : float [C, D]
        `class_directions`.

    Returns
    -------
    ndarray
        float64 [N], the higher, the more likely it is none of the classes.
    """
    raw = np.asarray(logits, np.float64)
    # Without their mean, which a softmax ignores, the energy is at least log C, and a product makes sense.
    energy = logsumexp(raw - raw.mean(axis=1, keepdims=True), axis=1)
    nearest = (_unit(features) @ directions.T).max(axis=1)
    return np.asarray(-energy * nearest)


def threshold(validation_scores: Floats) -> float:
    """Return the score that 95 % of the validation images do not exceed."""
    return float(np.quantile(np.asarray(validation_scores, np.float64), KEPT))


def _unit(vectors: Floats) -> Floats:
    v = np.asarray(vectors, np.float64)  # whose squares float32 may not hold
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12))
