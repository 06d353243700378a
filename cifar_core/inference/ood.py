"""“None of the ten”: how little a picture looks like what a model was trained on.

A score says it of each picture, the higher the stranger; a picture above the `threshold` counts as none of
the ten. The score is how strongly the ten classes answer, the energy of Liu, Wang, Owens and Li 2020,
"Energy-based out-of-distribution detection", times how nearly the features point where those of a class do.
So do Park, Jung and Teoh 2023, "Nearest neighbor guidance for out-of-distribution detection", with thousands
of training images where here the mean of each class is enough. Over several sets and two of the shipped
models it was better than either part and as good as the neighbours, and far better than Mahalanobis distance
(Lee 2018) and ViM (Wang 2022), to both of which pictures with less in them than CIFAR-10's look like
CIFAR-10's.

Throughout, `logits` is float [N, 10] and `features` float [N, D], what the last layer sees, as `model.onnx`
returns them. A picture of a set is uint8 [32, 32, 3] RGB.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.special import logsumexp

from cifar_core.datasets.cifar10 import CLASS_NAMES

Floats = NDArray[np.floating[Any]]
Images = NDArray[np.uint8]

KEPT = 0.95  # the share of CIFAR-10's own pictures that are let through


def class_directions(features: Floats, labels: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """Find where the features of each class point: all that `familiarity` has to know of a model.

    Fit it on the validation images, 2,000 are plenty.

    Parameters
    ----------
    features : float [N, D]
        Of images of all ten classes.
    labels : int [N]
        Their true classes, 0 to 9.

    Returns
    -------
    ndarray
        float32 [10, D], the mean of each class, of length 1.

    Raises
    ------
    ValueError
        A class has no images.
    """
    counts = np.bincount(labels, minlength=len(CLASS_NAMES))
    if len(features) != len(labels) or len(counts) != len(CLASS_NAMES) or not counts.all():
        raise ValueError("Expected features and labels of as many images, and images of each of ten classes.")
    means = [features[labels == index].mean(axis=0, dtype=np.float64) for index in range(len(CLASS_NAMES))]
    return _unit(np.stack(means)).astype(np.float32)


def familiarity(logits: Floats, features: Floats, directions: Floats) -> NDArray[np.float64]:
    """Score pictures by minus the energy times the cosine to the nearest class.

    Parameters
    ----------
    logits, features : float [N, 10], float [N, D]
        What the model says of each picture.
    directions : float [10, D]
        `class_directions`.

    Returns
    -------
    ndarray
        float64 [N], the higher the stranger.
    """
    raw = np.asarray(logits, np.float64)
    # Without their mean, which a softmax ignores, the energy is at least log 10, and a product makes sense.
    energy = logsumexp(raw - raw.mean(axis=1, keepdims=True), axis=1)
    nearest = (_unit(features) @ directions.T).max(axis=1)
    return np.asarray(-energy * nearest)


def threshold(validation_scores: Floats) -> float:
    """Return the score that 95 % of the validation images do not exceed."""
    return float(np.quantile(np.asarray(validation_scores, np.float64), KEPT))


def auroc(inside: Floats, outside: Floats) -> float:
    """Return the area under the ROC curve, 0 to 1: how often a strange picture scores above a known one.

    From the scores of CIFAR-10's test images and of a set that is none of the ten; 0.5 is chance, and a tie
    counts half.
    """
    known = np.sort(np.asarray(inside, np.float64))
    below, not_above = (np.searchsorted(known, outside, side=side) for side in ("left", "right"))
    return float((below + not_above).mean() / (2 * _count(known)))


def fpr95(inside: Floats, outside: Floats) -> float:
    """Return the false-positive rate at 95 % true positives, 0 to 1: strange pictures that are let through.

    CIFAR-10's pictures are the positives, as in Liu 2020: the bar is where at least 95 % of `inside` pass.
    """
    known = np.sort(np.asarray(inside, np.float64))
    bar = known[int(np.ceil(KEPT * _count(known))) - 1]
    return float((np.asarray(outside) <= bar).mean())


def digits(count: int, seed: int = 0) -> Images:
    """Return grey handwritten digits, 8×8 enlarged to 32×32; scikit-learn brings 1,797, `count` at most."""
    from sklearn.datasets import load_digits

    drawn = np.random.default_rng(seed).permutation(load_digits().images)[:count]
    grey = np.rint(drawn * (255 / 16)).astype(np.uint8)
    enlarged = [Image.fromarray(digit).resize((32, 32), Image.Resampling.BICUBIC) for digit in grey]
    return np.stack([np.asarray(digit.convert("RGB")) for digit in enlarged])


def photographs(count: int, seed: int = 0) -> Images:
    """Return parts, 64 to 256 pixels wide, of scikit-learn's two photographs: a temple's roof, a flower."""
    from sklearn.datasets import load_sample_image

    whole = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    rng, parts = np.random.default_rng(seed), []
    for index in range(count):
        photo, side = whole[index % 2], int(rng.integers(64, 257))
        left, top = (int(rng.integers(length - side + 1)) for length in photo.size)
        box = (left, top, left + side, top + side)
        parts.append(np.asarray(photo.resize((32, 32), Image.Resampling.HAMMING, box=box)))
    return np.stack(parts)


def static(count: int, seed: int = 0) -> Images:
    """Return noise, every channel of every pixel uniform from 0 to 255."""
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def clouds(count: int, seed: int = 0) -> Images:
    """Return colours that drift into each other: blurred noise, of three grains."""
    drawn = np.random.default_rng(seed).standard_normal((count, 32, 32, 3))
    grains = (1.5, 2.5, 4.0)
    for index, image in enumerate(drawn):
        image[:] = gaussian_filter(image, (grains[index % 3], grains[index % 3], 0), mode="wrap")
    return _stretched(drawn)


def waves(count: int, seed: int = 0) -> Images:
    """Return sums of four coloured waves of any direction, up to six to the picture's width."""
    rng = np.random.default_rng(seed)
    frequencies = rng.uniform(-6, 6, (2, count, 4, 1, 1))
    phases, colours = rng.uniform(0, 1, (count, 4, 1, 1)), rng.standard_normal((count, 4, 3))
    rows, columns = np.indices((32, 32)) / 32
    turns = frequencies[0] * rows + frequencies[1] * columns + phases
    return _stretched(np.einsum("nkij,nkc->nijc", np.sin(2 * np.pi * turns), colours))


def flat(count: int, seed: int = 0) -> Images:
    """Return pictures of a single random colour each."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    return np.tile(colours, (1, 32, 32, 1))


def jigsaw(images: Images, seed: int = 0) -> Images:
    """Cut pictures [N, 32, 32, 3] into sixteen squares and shuffle these: right colours, no object."""
    pieces = images.reshape(-1, 4, 8, 4, 8, 3).swapaxes(2, 3).reshape(-1, 16, 8, 8, 3)
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(16), (len(pieces), 1)), axis=1)
    shuffled: Images = pieces[np.arange(len(pieces))[:, None], order]
    return shuffled.reshape(-1, 4, 4, 8, 8, 3).swapaxes(2, 3).reshape(-1, 32, 32, 3)


# Those that need nothing but a number and a seed; `jigsaw` needs pictures.
SETS: dict[str, Callable[[int, int], Images]] = {
    "digits": digits,
    "photographs": photographs,
    "static": static,
    "clouds": clouds,
    "waves": waves,
    "flat": flat,
}


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def _stretched(values: Floats) -> Images:
    """Scale each channel of each picture to 0 to 255."""
    low, high = values.min(axis=(1, 2), keepdims=True), values.max(axis=(1, 2), keepdims=True)
    return np.asarray(np.rint((values - low) * (255 / (high - low))), np.uint8)


def _count(scores: Floats) -> int:
    if not len(scores):
        raise ValueError("There are no scores to compare with.")
    return len(scores)
