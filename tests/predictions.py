"""Predictions to measure: made up, and such that what is right about them is known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def one_hot(classes: list[int], confidence: float = 0.91) -> Array:
    """Predict these classes with this confidence; the other nine share the rest."""
    p = np.full((len(classes), 10), (1 - confidence) / 9)
    p[np.arange(len(classes)), classes] = confidence
    return p


def softmax(logits: Array) -> Array:
    e: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


def honest() -> tuple[Array, Array]:
    """Return logits whose softmax is exactly calibrated, and labels drawn from it."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(20_000, 10))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    return logits, labels
