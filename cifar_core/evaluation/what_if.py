"""What if the picture were brighter, blurred or turned: a model's answers to one picture in many forms.

A model that has learned what a cat looks like says cat to a darker cat, too. Where its answer changes, it
relied on what was changed.

As in `corruptions`, `images` is uint8 [N, S, S, 3] RGB, `strength` is 1 to 5 (0 leaves them as they are) and
what comes back is a new uint8 [N, S, S, 3].
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import rotate

from cifar_core.arrays import Images
from cifar_core.evaluation import corruptions
from cifar_core.inference.classify import Answer, Calibration, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import TTA

# By strength, from 0, as in `corruptions`.
_LIGHT = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3)
_DEGREES = (0, 5, 10, 15, 22, 30)
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue: ITU-R BT.601


class Changed(NamedTuple):
    """A picture changed: in which way, what the network sees of it, uint8 [S, S, 3], and what it says."""

    change: str
    picture: NDArray[np.uint8]
    answer: Answer


def _darker(images: Images, strength: int) -> Images:
    """Leave 80 to 30 % of each value: less light, the same colours."""
    return np.asarray(np.rint(images * np.float32(_LIGHT[strength])), np.uint8)


def _turned(images: Images, strength: int) -> Images:
    """Turn each picture to the left by 5 to 30 degrees; beyond the border it goes on mirrored."""
    angle = _DEGREES[strength]
    pixels = rotate(images.astype(np.float32), angle, axes=(2, 1), reshape=False, order=1, mode="mirror")
    return np.asarray(np.rint(pixels), np.uint8)


def _without_colour(images: Images, strength: int) -> Images:
    """Leave the brightness of each pixel only, at any strength but 0."""
    if strength == 0:
        return images.copy()
    grey = np.asarray(np.rint(images @ _LUMINANCE), np.uint8)
    return grey[..., None].repeat(3, axis=-1)


def _mirrored(images: Images, strength: int) -> Images:
    """Swap left and right, at any strength but 0."""
    return images[:, :, :: -1 if strength else 1].copy()


AS_IT_IS, MIRRORED = "as it is", "mirrored"
CHANGES: dict[str, Callable[[Images, int], Images]] = {
    "brighter": corruptions.brightness,
    "darker": _darker,
    "without colour": _without_colour,
    "blurred": corruptions.defocus_blur,
    "noisy": corruptions.gaussian_noise,
    "turned": _turned,
    "shifted": corruptions.shift,
    MIRRORED: _mirrored,
}


def what_if(
    classifier: Classifier, calibration: Calibration, looks: Images, strength: int, tta: TTA = 1
) -> list[Changed]:
    """Ask a model about a picture as it is and about the same picture changed, all at once.

    Parameters
    ----------
    classifier
        The model. Where mirror images show something else to it, as of digits, there is none.
    calibration
        What calibrates it after so many views.
    looks
        The looks at the picture, uint8 [K, S, S, 3] RGB; each is changed, and the answer is about their mean.
    strength
        1 to 5, or 0 for no change.
    tta
        How many views of each look to take.

    Returns
    -------
    list of Changed
        The picture as it is, then each of `CHANGES`; of several looks, the first is shown.

    Raises
    ------
    ValueError
        If the pictures or the strength are of another kind.
    ModelDirectoryError
        If the model does not answer as one should.
    """
    pictures = {AS_IT_IS: looks}
    for name, change in CHANGES.items():
        if name != MIRRORED or classifier.facts.mirrors:
            # Each look alone, so that all get the same noise and go in the same direction.
            pictures[name] = np.concatenate([change(look[None], strength) for look in looks])
    answers = classify(classifier, calibration, pictures.values(), tta)
    return [
        Changed(name, changed[0], answer)
        for (name, changed), answer in zip(pictures.items(), answers, strict=True)
    ]
