"""Is one temperature enough? What is left of each shipped model's calibration error after other corrections.

    python -m benchmarks.calibration [MODEL…]

All are fitted on the validation images, but for *one, of the test*, which is the best that one temperature
can do. *Two* divides by a temperature that goes with the lead of the likeliest class over the second (nats,
six at most): exp(a + b · lead). *Held out* are the errors on validation images that a correction was not
fitted on, in five parts: what one would choose by. The table is Markdown.
"""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

from benchmarks.measure import command
from benchmarks.shipped import table
from cifar_core import formats
from cifar_core.arrays import log
from cifar_core.evaluation import metrics
from cifar_core.inference import calibration
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory

HEADING = "model | one | one, of the test | two | one, held out | two, held out"
MOST_LEAD = 6.0
PARTS = 5

Answers = NDArray[Any]
Correction = Callable[[Answers], Answers]


def main(
    models: Annotated[list[str] | None, typer.Argument(help="All that are shipped, unless named.")] = None,
) -> None:
    """Measure what each correction leaves of the calibration error."""
    chosen = [catalogue.find(name) for name in models] if models else catalogue.shipped()
    print(table(HEADING, [[f"`{model.name}`", *map(formats.percent, errors(model))] for model in chosen]))


def errors(model: ModelDirectory) -> list[float]:
    """Return the calibration errors of a model's answers, in the order of the table."""
    stored, dataset = model.predictions(), model.dataset()
    test, labels, held_out = stored["test"], stored["labels"], stored["validation"]
    source = labels if model.recipe().validation == "test" else dataset.load("train").labels
    true = source[stored["validation_indices"]]
    corrections = (one(held_out, true), one(test, labels), two(held_out, true))
    on_test = [metrics.calibration_error(correct(test), labels) for correct in corrections]
    return [*on_test, *(unseen(fit, held_out, true) for fit in (one, two))]


def one(answers: Answers, labels: Answers) -> Correction:
    """Fit a temperature."""
    temperature = calibration.fit_temperature(answers, labels)
    return lambda p: calibration.temperature_scale(p, temperature)


def two(answers: Answers, labels: Answers) -> Correction:
    """Fit a temperature that goes with the lead."""

    def correct(p: Answers, numbers: Answers) -> Answers:
        logs = log(np.asarray(p, np.float64))
        second, first = np.sort(logs, axis=1)[:, -2:].T
        scale = np.exp(numbers[0] + numbers[1] * np.minimum(first - second, MOST_LEAD))
        return np.asarray(softmax(logs / scale[:, None], axis=1))

    def loss(numbers: Answers) -> float:
        return metrics.cross_entropy(correct(answers, numbers), labels)

    found = minimize(loss, [0.0, 0.0], method="Nelder-Mead").x
    return lambda p: correct(p, found)


def unseen(fit: Callable[[Answers, Answers], Correction], answers: Answers, labels: Answers) -> float:
    """Return the error on each part of the images after a fit on the others."""
    part = np.random.default_rng(0).permutation(len(labels)) % PARTS
    corrected = np.zeros(answers.shape)
    for number in range(PARTS):
        inside = part == number
        corrected[inside] = fit(answers[~inside], labels[~inside])(answers[inside])
    return metrics.calibration_error(corrected, labels)


if __name__ == "__main__":
    command(main)
