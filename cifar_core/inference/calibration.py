"""Temperature scaling: probabilities that mean what they say.

One number, fitted on validation images, divides the logits (Guo, Pleiss, Sun and Weinberger 2017, "On
calibration of modern neural networks"). `probabilities` and `labels` are as in `arrays`; input of another
shape or range, or none at all, raises ValueError.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from cifar_core.arrays import Labels, Probabilities, checked, checked_probabilities, log

TEMPERATURE_RANGE = (0.05, 20.0)


def temperature_scale(probabilities: Probabilities, temperature: float) -> NDArray[np.float64]:
    """Return softmax(log p / temperature), float64 [N, C]: above 1 humbler, below 1 bolder (Guo 2017).

    The logits are not needed: log p differs from them by a constant in each row, which softmax ignores.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"A temperature is a positive number, not {temperature}.")
    scaled: NDArray[np.float64] = softmax(log(checked_probabilities(probabilities)) / temperature, axis=1)
    return scaled


def fit_temperature(probabilities: Probabilities, labels: Labels) -> float:
    """Find the temperature that gives these predictions the least cross-entropy (Guo 2017).

    Fit it on validation predictions, never on the test set.

    Returns
    -------
    float
        Within [0.05, 20]. It is 1, which changes nothing, where no image has another class ahead of the true
        one: then the cross-entropy falls without end as the temperature does, and has no minimum to find.
    """
    from scipy.optimize import minimize_scalar

    p, y = checked(probabilities, labels)
    log_p, rows = log(p), np.arange(len(y))
    if (log_p[rows, y] == log_p.max(axis=1)).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(log_p / np.exp(log_temperature), axis=1)[rows, y].mean())

    # The loss is convex in 1/T, so along log T it has one valley only and a bounded search cannot miss it.
    best = minimize_scalar(loss, bounds=np.log(TEMPERATURE_RANGE), method="bounded", options={"xatol": 1e-6})
    return float(np.clip(np.exp(best.x), *TEMPERATURE_RANGE))
