"""Which pixels mattered: RISE, which needs a model's answers only and no gradients.

Petsiuk, Das and Saenko 2018, "RISE: randomized input sampling for explanation of black-box models": the
picture is looked at behind many random soft masks; the pixels that were visible when the class was likely are
the ones that speak for it. Sliding a grey patch over the picture (Zeiler and Fergus 2014, "Visualizing and
understanding convolutional networks") answers the same question. RISE's own measure, the area below the curve
of the probability as the most salient pixels are deleted (`deletion`), favours RISE for the same number of
looks where deleted pixels are blurred, with both of two shipped models. Where they turn grey the two models
disagree. Either way, pixels picked at random do as much harm as a map: what is scattered is noise, which a
network minds in itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import logit

from cifar_core.arrays import check_images

MASKS = 250  # with more the map gets smoother, and the answer slower

_CELL = 6  # pixels between the corners of the random grid, each of which is visible or hidden
HIDING = (125, 123, 114)  # RGB: the mean of CIFAR-10, close to nothing once a network has subtracted its own
_LEAST = 1e-4  # probabilities nearer to 0 or 1 are rounding more than they are evidence
_NOTHING = 0.01  # log-odds that vary by less among the masks say that no pixel mattered

# For 0 to 1, evenly spaced. Ever lighter, so that it reads in grey and with any kind of colour vision.
RAMP = ((90, 0, 20), (200, 40, 30), (250, 150, 50), (255, 245, 190))


def saliency(
    classify: Callable[[NDArray[np.uint8]], NDArray[np.floating[Any]]],
    image: NDArray[np.uint8],
    class_index: int,
    *,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Say how much each pixel speaks for a class.

    Parameters
    ----------
    classify : callable
        Takes uint8 [N, S, S, 3] and returns probabilities, float [N, C]; `Classifier.probabilities` does.
        It is called once, with `MASKS` pictures.
    image : uint8 [S, S, 3]
        RGB.
    class_index : int
        The number of the class to explain.
    seed : int
        Fixes the masks.

    Returns
    -------
    ndarray
        float32 [S, S], 0 to 1. The largest is 1, or all are 0 where no pixel makes a difference; those that
        speak against the class are 0.

    Raises
    ------
    ValueError
        The image or the class is of another kind.
    """
    side = image.shape[0]
    check_images(image[None], side)
    visible = _masks(np.random.default_rng(seed), side)
    hidden = np.array(HIDING, np.float32)
    pictures = np.rint(hidden + visible[..., None] * (image - hidden)).astype(np.uint8)
    # Log-odds, and not the paper's probabilities: those hardly move while the model is very sure.
    answers = np.asarray(classify(pictures), np.float64)
    if not 0 <= class_index < answers.shape[1]:
        raise ValueError(f"A class is 0 to {answers.shape[1] - 1}, not {class_index}.")
    scores = logit(answers[:, class_index].clip(_LEAST, 1 - _LEAST))
    if np.ptp(scores) < _NOTHING:
        return np.zeros((side, side), np.float32)
    # The paper averages the masks by their scores; less the mean score, what is left is the difference that a
    # pixel makes, and its sign is whether it speaks for the class.
    evidence = np.tensordot(scores - scores.mean(), visible - visible.mean(axis=0), axes=1).clip(min=0)
    return np.asarray(evidence / (evidence.max() or 1.0), np.float32)


def overlay(
    image: NDArray[np.uint8], saliency_map: NDArray[np.floating[Any]], opacity: float
) -> NDArray[np.uint8]:
    """Lay a map of salient pixels over a picture, in colours from dark red to pale yellow.

    Parameters
    ----------
    image : uint8 [H, W, 3]
        RGB, of any size.
    saliency_map : float [h, w]
        0 to 1, as `saliency` returns it; it is stretched over the whole picture.
    opacity : float
        0, the picture itself, to 1, the map alone.

    Returns
    -------
    ndarray
        uint8 [H, W, 3], a new one.

    Raises
    ------
    ValueError
        An argument is of another kind or out of its range.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"Expected uint8 [H, W, 3], got {image.dtype} {list(image.shape)}.")
    values = np.asarray(saliency_map, np.float32)
    if values.ndim != 2 or not values.size or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("Expected a map [h, w] of numbers from 0 to 1.")
    if not 0 <= opacity <= 1:
        raise ValueError(f"The opacity is 0 to 1, not {opacity}.")
    height, width = image.shape[:2]
    stretched = np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))
    return np.rint((1 - opacity) * image + opacity * _ramp(stretched)).astype(np.uint8)


def in_colours(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Colour numbers from 0 to 1, of any shape [...], from dark red to pale yellow: uint8 [..., 3]."""
    return np.rint(_ramp(values)).astype(np.uint8)


def _ramp(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    stops = np.linspace(0, 1, len(RAMP))
    return np.stack([np.interp(values, stops, channel) for channel in np.array(RAMP).T], axis=-1)


def _masks(rng: np.random.Generator, side: int) -> NDArray[np.float32]:
    """Draw masks, float32 [MASKS, S, S]: 1 visible, 0 hidden, half of each, in between where they meet.

    Each is a random grid of zeros and ones, enlarged linearly and cut out at a random place, so that the
    cells of the grid leave no trace in the mean.
    """
    corners = -(-side // _CELL) + 2
    grids = (rng.random((MASKS, corners, corners)) < 0.5).astype(np.float32)
    starts = rng.integers(_CELL, size=(2, MASKS, 1, 1))
    positions = (np.arange(side)[:, None] + starts) / _CELL
    # Each pixel's share of each corner falls from 1 to 0 over the length of a cell.
    rows, columns = np.maximum(0, 1 - np.abs(positions - np.arange(corners))).astype(np.float32)
    masks: NDArray[np.float32] = rows @ grids @ columns.transpose(0, 2, 1)
    return masks
