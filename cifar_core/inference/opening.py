"""A model directory, ready to answer: its network, or those of its members."""

from typing import get_args

from cifar_core.errors import ModelDirectoryError
from cifar_core.inference.average import Average, Calibrated
from cifar_core.inference.classify import temperature_of
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import TTA
from cifar_core.runs.members import members
from cifar_core.runs.model_dir import ModelDirectory


def classifier_of(directory: ModelDirectory) -> Classifier:
    """Return the model of a directory, ready to answer.

    Raises
    ------
    ModelDirectoryError
        If its file is missing, damaged, no such model, or that of other classes than the directory says. Of
        an average, also where that is so of a member, or a member is not what it was.
    """
    if directory.is_average:
        return Average([_calibrated(model) for model in members(directory)])
    classifier = Classifier(directory.onnx_path)
    check_classes(classifier, directory)
    return classifier


def check_classes(classifier: Classifier, directory: ModelDirectory) -> None:
    """Raise ModelDirectoryError unless a model is of the classes and pictures that its directory says."""
    facts = directory.facts()
    if (classifier.facts.side, classifier.facts.class_names) != (facts.side, facts.class_names):
        raise ModelDirectoryError(
            f"{directory.onnx_path.name} of “{directory.name}” knows other classes or pictures than its "
            f"{directory.config_path.name} says; train it again."
        )


def _calibrated(member: ModelDirectory) -> Calibrated:
    return Calibrated(
        classifier_of(member), {tta: temperature_of(member.card(), tta) for tta in get_args(TTA)}
    )
