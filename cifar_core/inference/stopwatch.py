"""How long one answer takes on this machine."""

import time
from typing import NamedTuple

import numpy as np
import psutil

from cifar_core.inference.runtime import Classifier

TIMED_IMAGES, WARM_UP_IMAGES = 31, 5


class Timing(NamedTuple):
    """Median seconds for one image, and whether the machine had more to do meanwhile than it has cores."""

    seconds: float
    busy: bool


def time_one_image(classifier: Classifier) -> Timing:
    """Measure how long the classifier takes for one image on this machine, after a few to warm up.

    The images are noise: what they show does not change the arithmetic.
    """
    side = classifier.facts.side
    noise = np.random.default_rng(0).integers(0, 256, (TIMED_IMAGES, 1, side, side, 3), dtype=np.uint8)
    for image in noise[:WARM_UP_IMAGES]:
        classifier.probabilities(image)
    times = []
    for image in noise:
        started = time.perf_counter()
        classifier.probabilities(image)
        times.append(time.perf_counter() - started)
    return Timing(float(np.median(times)), psutil.getloadavg()[0] >= (psutil.cpu_count() or 1))
