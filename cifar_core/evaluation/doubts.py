"""Which labels are doubtful: those that a model of the other pictures does not agree with.

A linear head on what a trained network sees is fitted to four fifths of the pictures and asked about the
rest, so that each picture is judged by one that never saw it, nor one that looks like it. A label is doubted
where the head holds another class for likelier than that class usually is for pictures of its own: confident
learning (Northcutt, Jiang and Chuang 2021, Journal of Artificial Intelligence Research 70).
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifar_core.arrays import Labels, Probabilities
from cifar_core.datasets.dataset import Ints
from cifar_core.datasets.own import Own
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory

FOLDS = 5
COMPONENTS = 64  # of the features, which make 20,000 pictures of 100 classes a matter of seconds
_STEP = 500  # pictures between two words about how far it is


class Doubts(NamedTuple):
    """Pictures by how much their label is doubted, the most first; those that are not stand behind.

    Attributes
    ----------
    order
        Their places, int64 [N].
    doubted
        How many of `order`, from its beginning, are doubted.
    probabilities
        What the head says of each picture, float64 [N, C], in the pictures' own order.
    """

    order: Ints
    doubted: int
    probabilities: NDArray[np.float64]

    def likelier(self, place: int, label: int) -> int:
        """Return the class that a picture most looks like besides its label."""
        others = self.probabilities[place].copy()
        others[label] = -1
        return int(others.argmax())


def can_judge(model: ModelDirectory, dataset: Own) -> bool:
    """Whether what a model sees owes nothing to the labels that it would judge."""
    return model.facts().name != dataset.name or model.recipe().network == "transfer"


def features_of(classifier: Classifier, dataset: Own, tell: Callable[[float], object]) -> NDArray[np.float32]:
    """Return what a network sees in each picture of a dataset, float32 [N, D], in the order of its index.

    Parameters
    ----------
    classifier
        A trained network, of whatever classes.
    dataset
        At any side.
    tell
        Called now and then with the share that is done, from 0 to 1.

    Raises
    ------
    DatasetError, ModelDirectoryError
        A picture or the network is damaged.
    """
    at, spans, found = dataset.at(classifier.facts.side), dataset.index().spans, []
    for start in range(0, len(spans), _STEP):
        tell(start / len(spans))
        found.append(classifier.outputs(at.decoded(spans[start : start + _STEP])).features)
    return np.concatenate(found)


def find(features: NDArray[np.floating], labels: Labels, groups: Ints, seed: int = 0) -> Doubts:
    """Doubt labels by what a linear head, fitted to the other pictures, says of each.

    Parameters
    ----------
    features : float [N, D]
        What a network sees in the pictures.
    labels : int [N]
        The class of each, two or more of them.
    groups : int [N]
        Which pictures look alike: such are never on both sides.
    seed
        Fixes the folds.
    """
    classes, y = np.unique(labels, return_inverse=True)
    found = np.zeros((len(y), int(classes[-1]) + 1))
    found[:, classes] = _across_folds(np.asarray(features, np.float64), y, groups, seed)
    return ranked(found, np.asarray(labels, np.int64))


def ranked(probabilities: Probabilities, labels: Ints) -> Doubts:
    """Rank labels, int64 [N], by what was said of pictures by who had not seen them, float [N, C].

    The bar of a class is what its own pictures get for it on average. A label is doubted where another class
    is over its bar, and more so than the label's own. The greater the difference of the two, the more.
    """
    p = np.asarray(probabilities, np.float64)
    places = np.arange(len(labels))
    sums = np.bincount(labels, p[places, labels], minlength=p.shape[1])
    counts = np.bincount(labels, minlength=p.shape[1])
    bars = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    confident = np.where(p >= bars, p, -1.0)
    guess = confident.argmax(axis=1)
    doubted = (confident.max(axis=1) >= 0) & (guess != labels)
    others = p.copy()
    others[places, labels] = -1.0
    margin = p[places, labels] - others.max(axis=1)
    return Doubts(np.lexsort((margin, ~doubted)), int(doubted.sum()), p)


def _across_folds(features: NDArray[np.float64], labels: Ints, groups: Ints, seed: int) -> np.ndarray:
    # Here, because it would cost the app 75 MB.
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fewest = min(len(np.unique(groups[labels == label])) for label in range(labels.max() + 1))
    folds = StratifiedGroupKFold(max(min(FOLDS, fewest), 2), shuffle=True, random_state=seed)
    components = min(COMPONENTS, features.shape[1], len(labels) // 2 - 1)
    head = make_pipeline(StandardScaler(), PCA(components, random_state=seed), LogisticRegression(C=0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a class that a fold lacks, and a fit that could be closer
        answers: np.ndarray = cross_val_predict(
            head, features, labels, groups=groups, cv=folds, method="predict_proba"
        )
    return answers
