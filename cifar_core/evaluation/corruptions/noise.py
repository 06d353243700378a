"""Noise: of a dark sensor, of few photons, of broken pixels."""

import numpy as np
from numpy.random import Generator

from cifar_core.arrays import Images
from cifar_core.evaluation.corruptions.kind import Pixels, corruption


@corruption(0.04, 0.06, 0.08, 0.09, 0.10)
def gaussian_noise(images: Images, deviation: float, rng: Generator) -> Pixels:
    """Add Gaussian noise to every channel of every pixel, standard deviation 4 to 10 % of the range."""
    return images + np.float32(255 * deviation) * rng.standard_normal(images.shape, dtype=np.float32)


@corruption(500, 250, 100, 75, 50)
def shot_noise(images: Images, photons: float, rng: Generator) -> Pixels:
    """Count photons, of which white has 500 to 50 on average: noise that grows with the root of light."""
    return rng.poisson(images * (photons / 255)) * (255 / photons)


@corruption(0.01, 0.02, 0.03, 0.05, 0.07)
def impulse_noise(images: Images, share: float, rng: Generator) -> Pixels:
    """Set 1 to 7 % of all channels of pixels to 0 or 255, as often the one as the other."""
    drawn = rng.random(images.shape, dtype=np.float32)
    salted = np.where(drawn > 1 - share / 2, 255, images)
    return np.where(drawn < share / 2, 0, salted)
