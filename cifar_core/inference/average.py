"""Several models as one: the mean of what they say, each calibrated."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cifar_core.arrays import Images, Probabilities
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference.calibration import temperature_scale
from cifar_core.inference.features import directions
from cifar_core.inference.runtime import Classifier, Outputs
from cifar_core.inference.tta import TTA


class Calibrated(NamedTuple):
    """A member: its network, and its temperatures by how many views are taken."""

    classifier: Classifier
    temperatures: Mapping[TTA, float]


class Average(Classifier):
    """Models of the same classes that answer as one.

    Its probabilities are the mean of theirs. Its logits and features are theirs side by side, [N, ΣC] and
    [N, ΣD], the features of each of length 1: `cifar_core.inference.ood.Together` takes them apart again, and
    what lies near in them lies near for all.

    Parameters
    ----------
    members
        Two or more, of the same classes and side.
    """

    def __init__(self, members: Sequence[Calibrated]) -> None:
        self._members = members
        self.facts = members[0].classifier.facts

    def _answer(self, images: Images, tta: TTA, plain: np.ndarray | None) -> Probabilities:
        members = [each.classifier for each in self._members]
        known = [None] * len(members) if plain is None else np.split(plain, len(members), axis=1)
        said = [member._answer(images, tta, logits) for member, logits in zip(members, known, strict=True)]
        return self._mean(said, tta)

    def _run(self, names: Sequence[str], images: Images) -> list[np.ndarray]:
        if not set(names) <= set(Outputs._fields):
            raise ModelDirectoryError("An average has no network to look into; choose one of its members.")
        said = [each.classifier.outputs(images) for each in self._members]
        joint = Outputs(
            self._mean([outputs.probabilities for outputs in said], 1),
            np.concatenate([outputs.logits for outputs in said], axis=1),
            np.concatenate([directions(outputs.features) for outputs in said], axis=1),
        )
        return [getattr(joint, name) for name in names]

    def _mean(self, answers: Sequence[Probabilities], tta: TTA) -> np.ndarray:
        return mean(answers, [each.temperatures[tta] for each in self._members]).astype(np.float32)


def mean(answers: Sequence[Probabilities], temperatures: Sequence[float]) -> np.ndarray:
    """Average probabilities, each float [N, C] before calibration: float64 [N, C]."""
    scaled = [temperature_scale(p, t) for p, t in zip(answers, temperatures, strict=True)]
    return np.asarray(np.mean(scaled, axis=0))
