"""From `model.onnx` to results: `predictions.npz` and `card.json`, by the worker and by `evaluate`."""

import io
import json
from typing import Any

import numpy as np

from cifar_core import dataset, metrics
from cifar_core.files import write_whole
from cifar_core.model_dir import ModelDirectory
from cifar_core.runtime import Classifier


def evaluate(directory: ModelDirectory) -> dict[str, Any]:
    """Recompute predictions and card of a trained model from its `model.onnx`, write both, return the card.

    Raises
    ------
    ModelDirectoryError, DatasetError
        If the model or the data are missing or damaged; nothing is written then.
    """
    recipe = directory.recipe()
    classifier = Classifier(directory.onnx_path)
    test = dataset.load_test()
    on_test = classifier.probabilities(test.images).astype(np.float16)
    if recipe.validation == "test":
        indices, held_out, on_validation = np.arange(len(test.labels)), test, on_test
    else:
        train = dataset.load_train()
        indices = dataset.split(
            train.labels, images=recipe.images, validation_images=recipe.validation_images, seed=recipe.seed
        ).validation
        held_out = dataset.Batch(train.images[indices], train.labels[indices])
        on_validation = classifier.probabilities(held_out.images).astype(np.float16)

    buffer = io.BytesIO()
    np.savez_compressed(buffer, test=on_test, validation=on_validation, validation_indices=indices)
    write_whole(directory.predictions_path, buffer.getvalue())

    history = directory.history()
    config = directory.config()
    card = {
        "name": directory.name,
        "recipe": recipe.name,
        **metrics.summary(on_test, test.labels, metrics.fit_temperature(on_validation, held_out.labels)),
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
