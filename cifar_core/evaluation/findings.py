"""What the numbers about a model come down to: the few figures that a sentence or a table needs.

`probabilities` is float [N, C], `labels` int [N], the true classes, as in `arrays`;
`votes` is int [N, 10], how often people chose each class, as in `annotations.lists`. Rates are fractions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cifar_core.annotations import lists
from cifar_core.annotations.lists import Votes
from cifar_core.arrays import Labels, Mask, Probabilities
from cifar_core.datasets.cifar10 import TEST_SIZE
from cifar_core.evaluation import comparison, metrics
from cifar_core.evaluation.corruptions import CORRUPTIONS, FAMILIES
from cifar_core.runs.schemas import Card, ToldApart


def accuracy_at(curve: pd.DataFrame, coverage: float) -> float:
    """Return how often a model is right that answers at least the surest `coverage` of the images.

    From the table of `selective.coverage_curve`; `coverage` is above 0, at most 1.
    """
    enough = curve[curve["coverage"] >= coverage - 1e-9]
    return float(enough["accuracy"].iloc[0])


def coverage_for(curve: pd.DataFrame, accuracy: float) -> float | None:
    """Return the largest share of the images it may answer and still be right so often; None if none is."""
    good = curve[curve["accuracy"] >= accuracy]
    return float(good["coverage"].iloc[-1]) if len(good) else None


def parts_of_test_set() -> dict[str, Mask]:
    """Return CIFAR-10's test set, whole and in the parts that the public lists on this machine tell apart.

    By name, bool [10000] each: `lists.cleaner_test_sets`, and the images people disagree on.
    """
    cleaner = lists.cleaner_test_sets()
    agree = cleaner.get("images humans agree on")
    rest = {} if agree is None else {"images humans disagree on": ~agree}
    return {"all test images": np.ones(TEST_SIZE, np.bool_), **cleaner, **rest}


def accuracy_by_part(
    probabilities: Probabilities, labels: Labels, parts: Mapping[str, Mask], votes: Votes | None = None
) -> pd.DataFrame:
    """Measure a model, and one person, on parts of the test set.

    Returns
    -------
    DataFrame
        One row a part, in their order: part (name), images, accuracy, low, high (the Wilson 95 % interval)
        and person, the share of the votes on these images that went to the label; None without votes.
    """
    table = comparison.on_test_sets({"model": metrics.correct(probabilities, labels)}, parts)
    table["person"] = [
        None if votes is None else lists.human_accuracy(votes[mask], labels[mask]) for mask in parts.values()
    ]
    return table.drop(columns="model").rename(columns={"test_set": "part"})


def people_side_with(probabilities: Probabilities, labels: Labels, votes: Votes) -> int:
    """Count the mistakes of a model in which more people chose its answer than the label."""
    guesses, rows = np.asarray(probabilities).argmax(axis=1), np.arange(len(labels))
    return int((votes[rows, guesses] > votes[rows, labels]).sum())


def is_robustness_known(card: Card) -> bool:
    """Return whether a model was measured on all kinds of worse pictures that there are today."""
    told = {"robustness_mean", "robustness_calibration_error"} <= card.keys()
    return told and CORRUPTIONS.keys() <= card.get("robustness", {}).keys()


def robustness_table(robustness: Mapping[str, Sequence[float]], plain: float) -> pd.DataFrame:
    """Return a row a corruption and strength 0 to 5, the corruption first that is the hardest for the model.

    Columns: family and corruption (names to read), strength, accuracy; at strength 0 it is `plain`.
    """
    families = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}
    rows = [
        (families.get(kind, kind), _title(kind), strength, accuracy)
        for kind in sorted(robustness, key=lambda kind: float(np.mean(robustness[kind])))
        for strength, accuracy in enumerate([plain, *robustness[kind]])
    ]
    return pd.DataFrame(rows, columns=["family", "corruption", "strength", "accuracy"])


def least_told(sets: Mapping[str, ToldApart]) -> str:
    """Return the set of `ood_sets` that the model tells from its own pictures worst, by its AUROC."""
    return min(sets, key=lambda name: sets[name]["auroc"])


def _title(kind: str) -> str:
    return kind.replace("_", " ").replace("gaussian", "Gaussian").replace("jpeg", "JPEG")
