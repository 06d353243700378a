"""Pictures that are none of a model's classes, in sets, and how well a score tells them from its own.

A picture of a set is uint8 [S, S, 3] RGB, of a model's own side; `cifar_core.inference.ood` has the score.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from cifar_core.arrays import Images
from cifar_core.datasets.digits import enlarged
from cifar_core.inference.ood import KEPT, Floats

SIDE = 32  # of CIFAR-10's pictures and of most

DESCRIPTIONS = {
    "digits": "grey handwritten digits",
    "photographs": "pieces of two photographs (a roof and a flower)",
    "static": "random noise",
    "clouds": "colours that drift into each other",
    "waves": "sums of coloured waves",
    "flat": "pictures of a single colour",
    "jigsaw": "test images cut into sixteen squares and shuffled",
}


def told_apart(inside: Floats, outside: Floats) -> dict[str, float]:
    """Measure how well scores tell the pictures of a set from a model's own.

    Parameters
    ----------
    inside, outside : float [N], float [M]
        The scores (`ood_score`) of the model's own test images and of the pictures of a set.

    Returns
    -------
    dict
        `auroc`, the area under the ROC curve, 0 to 1: how often one outside scores above one inside; 0.5 is
        chance, a tie counts half. `fpr95`, the false-positive rate at 95 % true positives, 0 to 1: the share
        of `outside` that pass where the bar lets at least 95 % of `inside` pass, the positives of Liu 2020.

    Raises
    ------
    ValueError
        One of them has no scores.
    """
    from sklearn.metrics import roc_auc_score, roc_curve  # here, because it would cost the app 60 MB

    if not len(inside) or not len(outside):
        raise ValueError("There are no scores to compare with.")
    is_inside, likeness = np.repeat([1, 0], [len(inside), len(outside)]), -np.concatenate([inside, outside])
    false, true, _ = roc_curve(is_inside, likeness, drop_intermediate=False)
    return {
        "auroc": float(roc_auc_score(is_inside, likeness)),
        "fpr95": float(false[np.searchsorted(true, KEPT)]),
    }


def digits(count: int, seed: int = 0, side: int = SIDE) -> Images:
    """Return grey handwritten digits, enlarged; scikit-learn brings 1,797, `count` at most."""
    from sklearn.datasets import load_digits

    return enlarged(np.random.default_rng(seed).permutation(load_digits().images)[:count], side)


def photographs(count: int, seed: int = 0, side: int = SIDE) -> Images:
    """Return parts, 64 to 256 pixels wide, of scikit-learn's two photographs: a temple's roof, a flower."""
    from sklearn.datasets import load_sample_image

    whole = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    rng, parts = np.random.default_rng(seed), []
    for index in range(count):
        photo, width = whole[index % 2], int(rng.integers(64, 257))
        left, top = (int(rng.integers(length - width + 1)) for length in photo.size)
        box = (left, top, left + width, top + width)
        parts.append(np.asarray(photo.resize((side, side), Image.Resampling.HAMMING, box=box)))
    return np.stack(parts)


def static(count: int, seed: int = 0, side: int = SIDE) -> Images:
    """Return noise, every channel of every pixel uniform from 0 to 255."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def clouds(count: int, seed: int = 0, side: int = SIDE) -> Images:
    """Return colours that drift into each other: blurred noise, of three grains."""
    from scipy.ndimage import gaussian_filter  # which the app does not need

    drawn = np.random.default_rng(seed).standard_normal((count, side, side, 3))
    grains = (1.5, 2.5, 4.0)
    for index, image in enumerate(drawn):
        image[:] = gaussian_filter(image, (grains[index % 3], grains[index % 3], 0), mode="wrap")
    return _stretched(drawn)


def waves(count: int, seed: int = 0, side: int = SIDE) -> Images:
    """Return sums of four coloured waves of any direction, up to six to the picture's width."""
    rng = np.random.default_rng(seed)
    frequencies = rng.uniform(-6, 6, (2, count, 4, 1, 1))
    phases, colours = rng.uniform(0, 1, (count, 4, 1, 1)), rng.standard_normal((count, 4, 3))
    rows, columns = np.indices((side, side)) / side
    turns = frequencies[0] * rows + frequencies[1] * columns + phases
    return _stretched(np.einsum("nkij,nkc->nijc", np.sin(2 * np.pi * turns), colours))


def flat(count: int, seed: int = 0, side: int = SIDE) -> Images:
    """Return pictures of a single random colour each."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    return np.tile(colours, (1, side, side, 1))


def jigsaw(images: Images, seed: int = 0) -> Images:
    """Cut pictures [N, S, S, 3] into sixteen squares and shuffle these: right colours, no object.

    Where four do not divide the side, up to three rows and columns at its end stay as they are.
    """
    result, side = images.copy(), images.shape[1] // 4
    squares = result[:, : 4 * side, : 4 * side].reshape(-1, 4, side, 4, side, 3).swapaxes(2, 3)
    pieces = squares.reshape(-1, 16, side, side, 3)
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(16), (len(pieces), 1)), axis=1)
    shuffled = pieces[np.arange(len(pieces))[:, None], order].reshape(squares.shape).swapaxes(2, 3)
    result[:, : 4 * side, : 4 * side] = shuffled.reshape(-1, 4 * side, 4 * side, 3)
    return result


# Those that need nothing but a number, a seed and a side; `jigsaw` needs pictures.
SETS: dict[str, Callable[[int, int, int], Images]] = {
    "digits": digits,
    "photographs": photographs,
    "static": static,
    "clouds": clouds,
    "waves": waves,
    "flat": flat,
}


def _stretched(values: Floats) -> Images:
    """Scale each channel of each picture to 0 to 255."""
    low, high = values.min(axis=(1, 2), keepdims=True), values.max(axis=(1, 2), keepdims=True)
    return np.asarray(np.rint((values - low) * (255 / (high - low))), np.uint8)
