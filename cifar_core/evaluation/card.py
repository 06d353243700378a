"""From `model.onnx` to results: `predictions.npz` and `card.json`, by the worker and by `evaluate`."""

import io
import json
from typing import Any, NamedTuple

import numpy as np

from cifar_core.datasets import cifar10
from cifar_core.errors import ModelDirectoryError
from cifar_core.evaluation import corruptions, metrics
from cifar_core.files import write_whole
from cifar_core.inference import calibration, ood
from cifar_core.inference.runtime import Classifier, Outputs
from cifar_core.recipes import Recipe
from cifar_core.runs.model_dir import ModelDirectory

NOVEL_IMAGES = 1_000  # of each set that is none of the ten
ROBUSTNESS_IMAGES = 2_000  # of the test set, each classified thirty times


def evaluate(directory: ModelDirectory, robustness: bool = False) -> dict[str, Any]:
    """Recompute predictions and card of a trained model from its `model.onnx`, write both, return the card.

    The figures are of plain predictions, one look at each image; what six views give stands apart, under
    `test_time_augmentation`.

    Parameters
    ----------
    directory
        A trained model.
    robustness
        Measure it on worse pictures too, which takes minutes. Otherwise the card keeps what it had of that.

    Raises
    ------
    ModelDirectoryError, DatasetError
        If the model or the data are missing or damaged; nothing is written then.
    """
    recipe, history, config = directory.recipe(), directory.history(), directory.config()
    if history.empty or not {"parameters", "hardware"} <= config.keys():
        raise ModelDirectoryError(
            f"“{directory.name}” was not trained to its end, or {directory.history_path.name} or "
            f"{directory.config_path.name} is damaged; train it again."
        )
    classifier = Classifier(directory.onnx_path)
    test = cifar10.load_test()
    indices, held_out = _held_out(recipe, test)
    on_test = classifier.outputs(test.images)
    on_held_out = on_test if held_out is test else classifier.outputs(held_out.images)
    kept_test, kept_held_out = (each.probabilities.astype(np.float16) for each in (on_test, on_held_out))
    six_test = classifier.probabilities(test.images, 6)
    six_held_out = six_test if held_out is test else classifier.probabilities(held_out.images, 6)
    augmented = _figures(six_test, test, six_held_out, held_out)
    strange = _novelty(classifier, on_test, test, on_held_out, held_out)

    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        test=kept_test,
        validation=kept_held_out,
        validation_indices=indices,
        class_directions=strange.directions,
    )
    worse = _robustness(classifier, test) if robustness else _robustness_before(directory)
    if images := worse.get("robustness_images"):  # the same pictures as they are
        worse["robustness_plain"] = metrics.accuracy(kept_test[:images], test.labels[:images])
    card = {
        "name": directory.name,
        "recipe": recipe.name,
        **_figures(kept_test, test, kept_held_out, held_out),
        "test_time_augmentation": {
            "views": 6,
            **{name: augmented[name] for name in ("accuracy", "accuracy_interval", "temperature")},
        },
        "novelty_threshold": strange.threshold,
        "out_of_distribution": strange.figures,
        **worse,
        "validation": recipe.validation,
        "parameters": config["parameters"],
        "bytes": directory.onnx_path.stat().st_size,
        "training_seconds": float(history["seconds"].max()),
        "epochs": len(history),
        "seed": recipe.seed,
        "hardware": config["hardware"],
        "command": f"python -m cifar_core evaluate {directory.name}",
    }
    write_whole(directory.predictions_path, buffer.getvalue())
    write_whole(directory.card_path, json.dumps(card, indent=2) + "\n")
    return card


def _held_out(recipe: Recipe, test: cifar10.Batch) -> tuple[np.ndarray, cifar10.Batch]:
    """Return the validation images and where they stand; `test` itself, where the recipe validated on it."""
    if recipe.validation == "test":
        return np.arange(len(test.labels)), test
    train = cifar10.load_train()
    indices = cifar10.split(train.labels, **recipe.split).validation
    return indices, cifar10.Batch(train.images[indices], train.labels[indices])


def _figures(
    on_test: np.ndarray, test: cifar10.Batch, on_held_out: np.ndarray, held_out: cifar10.Batch
) -> metrics.Summary:
    """Summarise probabilities of the test images, calibrated by those of the validation images."""
    return metrics.summary(on_test, test.labels, calibration.fit_temperature(on_held_out, held_out.labels))


class _Novelty(NamedTuple):
    directions: np.ndarray
    threshold: float
    figures: dict[str, dict[str, float]]


def _novelty(
    classifier: Classifier,
    on_test: Outputs,
    test: cifar10.Batch,
    on_held_out: Outputs,
    held_out: cifar10.Batch,
) -> _Novelty:
    """Learn from the validation images what is none of the ten, and measure how well it is told."""
    directions = ood.class_directions(on_held_out.features, held_out.labels)

    def scores(outputs: Outputs) -> np.ndarray:
        return ood.familiarity(outputs.logits, outputs.features, directions)

    sets = {name: draw(NOVEL_IMAGES, 0) for name, draw in ood.SETS.items()}
    sets["jigsaw"] = ood.jigsaw(test.images[:NOVEL_IMAGES])
    inside = scores(on_test)
    outside = {name: scores(classifier.outputs(images)) for name, images in sets.items()}
    figures = {
        name: {"auroc": ood.auroc(inside, each), "fpr95": ood.fpr95(inside, each)}
        for name, each in outside.items()
    }
    return _Novelty(directions, ood.threshold(scores(on_held_out)), figures)


def _robustness(classifier: Classifier, test: cifar10.Batch) -> dict[str, Any]:
    images, labels = test.images[:ROBUSTNESS_IMAGES], test.labels[:ROBUSTNESS_IMAGES]
    measured = corruptions.robustness(classifier.probabilities, images, labels)
    return {"robustness": measured, "robustness_images": len(labels)}


def _robustness_before(directory: ModelDirectory) -> dict[str, Any]:
    try:
        card = directory.card()
    except ModelDirectoryError:
        return {}
    return {name: card[name] for name in ("robustness", "robustness_images") if name in card}
