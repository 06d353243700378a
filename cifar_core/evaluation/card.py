"""From `model.onnx` to results: `predictions.npz` and `card.json`, by the worker and by `evaluate`."""

import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cifar_core.arrays import Images, Probabilities
from cifar_core.datasets.dataset import Batch, Dataset, split
from cifar_core.errors import ModelDirectoryError
from cifar_core.evaluation import corruptions, metrics, ood_sets
from cifar_core.files import write_whole
from cifar_core.inference import calibration, ood
from cifar_core.inference.opening import classifier_of
from cifar_core.inference.runtime import Classifier, Outputs
from cifar_core.inference.tta import TTA
from cifar_core.recipe import Recipe
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Card

OOD_IMAGES = 1_000  # of each set that is none of the classes, if they are as small as CIFAR-10's
LEAST_OOD_IMAGES = 100  # however large, where each takes as long as its pixels are many
ROBUSTNESS_IMAGES = 1_000  # of the test set, each classified eighty times
SIX: TTA = 6

_GUESSES = (
    "Its answers are about as good as guesses: the training went astray, or there was too little of it. "
    "Train again with a lower learning rate, or with more images or epochs."
)
_ROBUSTNESS = "robustness"  # with it begins what the card says of worse pictures


class _Answered(NamedTuple):
    """What the model says of labelled images: at one look, and its probabilities after six."""

    labels: np.ndarray
    outputs: Outputs
    after_six: np.ndarray

    @property
    def stored(self) -> np.ndarray:
        """The probabilities as `predictions.npz` holds them, of which the figures are."""
        return self.outputs.probabilities.astype(np.float16)


def evaluate(
    directory: ModelDirectory, robustness: bool = False, tell: Callable[[float], object] = lambda _: None
) -> Card:
    """Recompute predictions and card of a trained model from its `model.onnx`, write both, return the card.

    The figures are of plain predictions, one look at each image; what six views give stands apart, under
    `test_time_augmentation`.

    Parameters
    ----------
    directory
        A trained model.
    robustness
        Measure it on worse pictures too, which takes minutes. Otherwise the card keeps what it had of that.
    tell
        Called with the test accuracy as soon as it is known, after a small part of all that is measured.

    Raises
    ------
    ModelDirectoryError, DatasetError
        If the model or the data are missing or damaged; nothing is written then.
    """
    recipe, classifier = directory.recipe(), classifier_of(directory)
    about, dataset = _about(directory, recipe), directory.dataset()
    train, test = dataset.load("train"), dataset.load("test")
    plainly = classifier.outputs(test.images)
    tell(metrics.accuracy(plainly.probabilities, test.labels))
    on_test = _answered(classifier, test, plainly)
    indices, held_out = _held_out(recipe, dataset, train, test)
    if held_out is test:
        on_held_out = on_test
    else:
        on_held_out = _answered(classifier, held_out, classifier.outputs(held_out.images))
    known = _known(classifier, train, held_out, on_held_out)
    del train  # 150 MB

    measured = _measured(on_test, on_held_out)
    measured |= _ood(classifier, dataset, (test, on_test), (held_out, on_held_out), known)
    if robustness:
        worse = _robustness(classifier, test, on_test.stored, measured["temperature"])
    else:
        worse = _robustness_before(directory)
    card = {"name": directory.name, "recipe": recipe.name, **measured, **worse, **about}
    if metrics.only_guesses(measured["macro_f1"], len(about["class_names"])):
        card["warning"] = _GUESSES

    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        test=on_test.stored,
        labels=on_test.labels,
        validation=on_held_out.stored,
        validation_indices=indices,
        **known._asdict(),
    )
    write_whole(directory.predictions_path, buffer.getvalue())
    write_whole(directory.card_path, json.dumps(card, indent=2) + "\n")
    return directory.card()


def _about(directory: ModelDirectory, recipe: Recipe) -> dict[str, Any]:
    """Return what the card tells of the model's making; ModelDirectoryError if it was never finished."""
    history, config = directory.history(), directory.config()
    if history.empty or not (config.parameters and config.hardware):
        raise ModelDirectoryError(
            f"“{directory.name}” was not trained to its end, or {directory.history_path.name} or "
            f"{directory.config_path.name} is damaged; train it again."
        )
    facts = directory.facts()
    return {
        "dataset": facts.name,
        "class_names": list(facts.class_names),
        "validation": recipe.validation,
        "parameters": config.parameters,
        "bytes": directory.onnx_path.stat().st_size,
        "training_seconds": float(history["seconds"].max()),
        "epochs": len(history),
        "seed": recipe.seed,
        "hardware": config.hardware,
        "command": f"python -m cifar_core evaluate {directory.name}",
    }


def _held_out(recipe: Recipe, dataset: Dataset, train: Batch, test: Batch) -> tuple[np.ndarray, Batch]:
    """Return the validation images and where they stand; `test` itself, where the recipe validated on it."""
    if recipe.validation == "test":
        return np.arange(len(test.labels)), test
    indices = split(train.labels, dataset.groups(), **recipe.split).validation
    return indices, train.take(indices)


def _answered(classifier: Classifier, batch: Batch, outputs: Outputs) -> _Answered:
    return _Answered(batch.labels, outputs, classifier.probabilities(batch.images, SIX, outputs))


def _measured(on_test: _Answered, on_held_out: _Answered) -> dict[str, Any]:
    """Measure the test images' answers, calibrated by the validation images'."""

    def figures(probabilities: np.ndarray, held_out: np.ndarray) -> metrics.Summary:
        temperature = calibration.fit_temperature(held_out, on_held_out.labels)
        return metrics.summary(probabilities, on_test.labels, temperature)

    six = figures(on_test.after_six, on_held_out.after_six)
    kept = {name: six[name] for name in ("accuracy", "accuracy_interval", "temperature")}
    plain = figures(on_test.stored, on_held_out.stored)
    return {"test_images": len(on_test.labels), **plain, "test_time_augmentation": {"views": SIX, **kept}}


def _known(classifier: Classifier, train: Batch, held_out: Batch, on_held_out: _Answered) -> ood.Known:
    """Learn what is usual; of a class of which no image is held out, from training images."""
    outputs, labels, classes = on_held_out.outputs, on_held_out.labels, len(classifier.facts.class_names)
    features = outputs.features
    if (lacking := np.setdiff1d(np.arange(classes), labels)).size:
        more = train.take(np.flatnonzero(np.isin(train.labels, lacking)))
        features = np.concatenate([features, classifier.outputs(more.images).features])
        labels = np.concatenate([labels, more.labels])
    directions = ood.class_directions(features, labels, classes)
    scores = ood.answer_score(outputs.logits, outputs.features, directions)
    return ood.learn(directions, scores, held_out.images, train.images)


def _ood(
    classifier: Classifier,
    dataset: Dataset,
    tested: tuple[Batch, _Answered],
    validated: tuple[Batch, _Answered],
    known: ood.Known,
) -> dict[str, Any]:
    """Set the bar for “none of these” by the validation images, and measure how well it is told."""

    def scores(images: Images, outputs: Outputs) -> np.ndarray:
        return ood.score(outputs.logits, outputs.features, images, known)

    (test, on_test), (held_out, on_held_out) = tested, validated
    inside = scores(test.images, on_test.outputs)
    return {
        "ood_threshold": ood.threshold(scores(held_out.images, on_held_out.outputs)),
        "out_of_distribution": {
            name: ood_sets.told_apart(inside, scores(images, classifier.outputs(images)))
            for name, images in pictures_of_others(dataset, test).items()
        },
    }


def pictures_of_others(dataset: Dataset, test: Batch) -> dict[str, Images]:
    """Return the sets of pictures that show none of a dataset's classes, by name, of its side."""
    side = test.images.shape[1]
    count = min(max(OOD_IMAGES * ood_sets.SIDE**2 // side**2, LEAST_OOD_IMAGES), OOD_IMAGES)
    sets = {
        name: draw(count, 0, side)
        for name, draw in ood_sets.SETS.items()
        if name != dataset.name  # whose own pictures they are
    }
    return {**sets, "jigsaw": ood_sets.jigsaw(test.images[:count])}


def add_robustness(directory: ModelDirectory, tell: Callable[[float], object]) -> None:
    """Measure an evaluated model on worse pictures, and write that on its card.

    Parameters
    ----------
    directory
        The model.
    tell
        Called now and then with the share that is done, from 0 to 1.

    Raises
    ------
    ModelDirectoryError, DatasetError
        If the model or the data are missing or damaged; nothing is written then.
    """
    card, stored = directory.card(), directory.predictions()["test"]
    test = directory.dataset().load("test")
    worse = _robustness(classifier_of(directory), test, stored, card["temperature"], tell)
    write_whole(directory.card_path, json.dumps({**card, **worse}, indent=2) + "\n")


def _robustness(
    classifier: Classifier,
    test: Batch,
    stored: Probabilities,
    temperature: float,
    tell: Callable[[float], object] = lambda _: None,
) -> dict[str, Any]:
    """Measure the model on worse pictures, and on the same as they are, as its predictions have them."""
    images, labels = test.images[:ROBUSTNESS_IMAGES], test.labels[:ROBUSTNESS_IMAGES]
    found = corruptions.robustness(classifier.probabilities, images, labels, temperature, tell=tell)
    return {
        "robustness": found.accuracies,
        "robustness_mean": found.mean,
        "robustness_calibration_error": found.calibration_error,
        "robustness_images": len(labels),
        "robustness_plain": metrics.accuracy(stored[: len(labels)], labels),
    }


def _robustness_before(directory: ModelDirectory) -> dict[str, Any]:
    """Return what the card says of worse pictures so far."""
    try:
        return {name: value for name, value in directory.card().items() if name.startswith(_ROBUSTNESS)}
    except ModelDirectoryError:
        return {}
