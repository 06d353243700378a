"""From `model.onnx` to results: `predictions.npz` and `card.json`, by the worker and by `evaluate`."""

import io
import json
from typing import Any

import numpy as np

from cifar_core import dataset, metrics
from cifar_core.files import write_whole
from cifar_core.model_dir import ModelDirectory
from cifar_core.runtime import Classifier
from cifar_core.views import Views


def evaluate(directory: ModelDirectory) -> dict[str, Any]:
    """Recompute predictions and card of a trained model from its `model.onnx`, write both, return the card.

    The figures are of plain predictions, one look at each image; what six views give stands apart, under
    `test_time_augmentation`.

    Raises
    ------
    ModelDirectoryError, DatasetError
        If the model or the data are missing or damaged; nothing is written then.
    """
    recipe = directory.recipe()
    classifier = Classifier(directory.onnx_path)
    test = dataset.load_test()
    if recipe.validation == "test":
        indices, held_out = np.arange(len(test.labels)), test
    else:
        train = dataset.load_train()
        indices = dataset.split(
            train.labels, images=recipe.images, validation_images=recipe.validation_images, seed=recipe.seed
        ).validation
        held_out = dataset.Batch(train.images[indices], train.labels[indices])

    def probabilities(views: Views) -> tuple[np.ndarray, np.ndarray]:
        """Return those of the test images and those of the validation images."""
        on_test = classifier.probabilities(test.images, views)
        return on_test, on_test if held_out is test else classifier.probabilities(held_out.images, views)

    def figures(on_test: np.ndarray, on_validation: np.ndarray) -> metrics.Summary:
        return metrics.summary(on_test, test.labels, metrics.fit_temperature(on_validation, held_out.labels))

    on_test, on_validation = (each.astype(np.float16) for each in probabilities(1))  # as they are kept
    augmented = figures(*probabilities(6))

    buffer = io.BytesIO()
    np.savez_compressed(buffer, test=on_test, validation=on_validation, validation_indices=indices)
    write_whole(directory.predictions_path, buffer.getvalue())

    history = directory.history()
    config = directory.config()
    card = {
        "name": directory.name,
        "recipe": recipe.name,
        **figures(on_test, on_validation),
        "test_time_augmentation": {
            "views": 6,
            **{name: augmented[name] for name in ("accuracy", "accuracy_interval", "temperature")},
        },
        "validation": recipe.validation,
        "parameters": config["parameters"],
        "bytes": directory.onnx_path.stat().st_size,
        "training_seconds": float(history["seconds"].max()),
        "epochs": len(history),
        "seed": recipe.seed,
        "hardware": config["hardware"],
        "command": f"python -m cifar_core evaluate {directory.name}",
    }
    write_whole(directory.card_path, json.dumps(card, indent=2) + "\n")
    return card
