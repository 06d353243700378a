"""Several models as one: the directory of an average is made, and its results are.

What it says of test images is the mean of what its members said, each calibrated: their `predictions.npz`
hold it, so no image is looked at. The temperature of the mean, and its bar for “none of these”, are fitted
as any model's: on validation images, each answered by those members that did not learn from it.
"""

import contextlib
import dataclasses
import datetime
import io
import itertools
import json
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cifar_core import paths
from cifar_core.datasets.dataset import Ints
from cifar_core.errors import ModelDirectoryError
from cifar_core.evaluation import metrics, ood_sets
from cifar_core.evaluation.card import SIX, add_robustness, pictures_of_others
from cifar_core.evaluation.comparison import Duel, duel
from cifar_core.evaluation.metrics import Interval
from cifar_core.files import scratch_folder, write_whole
from cifar_core.formats import printable
from cifar_core.inference import calibration, ood
from cifar_core.inference.average import mean
from cifar_core.inference.calibration import temperature_scale
from cifar_core.inference.classify import calibration_of, together
from cifar_core.inference.opening import classifier_of
from cifar_core.inference.runtime import Outputs
from cifar_core.runs import catalogue
from cifar_core.runs.members import described, members, refuse_average
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import MOST_MEMBERS, MOST_TITLE, Card, Config
from cifar_core.runs.status import Status

RECIPE = "average"


class Gain(NamedTuple):
    """What an average of models brings: which of them is best alone, and how the average compares with that.

    `accuracy` and `interval` are the average's, `duel` is of the average and `best`.
    """

    best: ModelDirectory
    accuracy: float
    interval: Interval
    duel: Duel


def gain(models: Sequence[ModelDirectory]) -> Gain:
    """Say what the average of models would bring on the test images; nothing is asked, and nothing written.

    Raises
    ------
    ModelDirectoryError
        If these models cannot be averaged, or the results of one are damaged.
    """
    _refuse_if_unfit(models)
    test, labels = _on_test(models)
    best = max(models, key=lambda model: model.card()["accuracy"])
    right = metrics.correct(test, labels)
    found = duel(right, metrics.correct(best.predictions()["test"], labels))
    return Gain(best, float(right.mean()), metrics.wilson_interval(int(right.sum()), len(right)), found)


def _on_test(models: Sequence[ModelDirectory]) -> tuple[NDArray[np.float16], Ints]:
    """Return what the average says of the test images, and their labels."""
    said = [model.predictions() for model in models]
    first = said[0]["labels"]
    if not all(np.array_equal(each["labels"], first) for each in said):
        raise ModelDirectoryError("These models were tested on different images; evaluate them again.")
    temperatures = [model.card()["temperature"] for model in models]
    return mean([each["test"] for each in said], temperatures).astype(np.float16), first


def make(models: Sequence[ModelDirectory], name: str | None = None, title: str = "") -> ModelDirectory:
    """Make the average of models, with its results; it takes as long as to classify validation images.

    Parameters
    ----------
    models
        Two to five of one dataset, none of them an average.
    name
        The name of its directory among the runs; by default it is made of theirs.
    title
        What people call it; by default it is made of theirs, if no name is given.

    Raises
    ------
    ModelDirectoryError
        If these models cannot be averaged, or the name is unfit or taken. Nothing is left behind.
    DatasetError
        If what they learned from is not on this machine: their validation images are part of it.
    """
    _refuse_if_unfit(models)
    target = catalogue.new_run(name or _free_name(models))
    if title or name is None:
        title = title or printable(" + ".join(model.title for model in models), MOST_TITLE - 3)
    try:
        with scratch_folder(paths.runs_root() / f".averaging-{uuid.uuid4().hex}") as scratch:
            made = ModelDirectory(scratch / target.name)
            made.path.mkdir()
            made.write_config(_config(models))
            named = msgspec.json.format(msgspec.json.encode(described(models)))
            write_whole(made.average_path, named + b"\n")
            if title:
                made.write_label(title)
            _write_results(made)
            made.write_status(Status("finished"))
            made.path.rename(target.path)
    except OSError as error:
        raise ModelDirectoryError(f"No average can be made ({error.strerror or error}).") from error
    return target


def evaluate(directory: ModelDirectory, robustness: bool = False) -> Card:
    """Recompute the results of an average, and ask it about test images and others, as any model is.

    Parameters
    ----------
    directory
        The average.
    robustness
        Ask it about worse pictures too, which takes minutes.

    Raises
    ------
    ModelDirectoryError, DatasetError
        If it, a member or the data are missing or damaged.
    """
    classifier, dataset = classifier_of(directory), directory.dataset()
    card = _write_results(directory)
    test, known = dataset.load("test"), calibration_of(directory).known
    plainly = classifier.outputs(test.images)
    answers = classifier.probabilities(test.images, SIX, plainly)
    six = metrics.summary(answers, test.labels, card["temperature"])
    kept = {name: six[name] for name in ("accuracy", "accuracy_interval", "temperature")}

    def scores(images: NDArray[np.uint8], outputs: Outputs) -> NDArray[np.float64]:
        return ood.score(outputs.logits, outputs.features, images, known)

    inside = scores(test.images, plainly)
    told_apart = {
        name: ood_sets.told_apart(inside, scores(images, classifier.outputs(images)))
        for name, images in pictures_of_others(dataset, test).items()
    }
    more = {"test_time_augmentation": {"views": SIX, **kept}, "out_of_distribution": told_apart}
    write_whole(directory.card_path, json.dumps({**card, **more}, indent=2) + "\n")
    if robustness:
        add_robustness(directory, lambda _: None)
    return directory.card()


def _refuse_if_unfit(models: Sequence[ModelDirectory]) -> None:
    names = [model.name for model in models]
    if not 2 <= len(names) <= MOST_MEMBERS or len(set(names)) < len(names):
        raise ModelDirectoryError(f"An average is of two to {MOST_MEMBERS} different models.")
    first = models[0].facts()
    for model in models:
        refuse_average(model)
        if catalogue.find_model(model.name) != model:
            raise ModelDirectoryError(f"“{model.name}” is not among the models and runs here.")
        if model.facts() != first:
            raise ModelDirectoryError(
                f"“{model.name}” and “{names[0]}” learned from different pictures, classes or sizes, so "
                "their answers have no mean."
            )
        model.check_results()


def _free_name(models: Sequence[ModelDirectory]) -> str:
    """Make a name of theirs that no run has yet."""
    stem = "-".join([RECIPE, *(model.name for model in models)])[:60].rstrip(".-")
    numbered = (f"{stem}-{number}" for number in itertools.count(2))
    free = (name for name in itertools.chain([stem], numbered) if not (paths.runs_root() / name).exists())
    return next(free)


def _config(models: Sequence[ModelDirectory]) -> Config:
    configs = [model.config() for model in models]
    *others, last = (model.title for model in models)
    named = f"{', '.join(others)} and {last}"
    on_test = any(config.recipe.validation == "test" for config in configs)
    recipe = dataclasses.replace(
        configs[0].recipe,
        name=RECIPE,
        title=f"Average of {named}",
        summary=f"The mean of what {named} say, each calibrated.",
        validation="test" if on_test else "split",
        starts_from="",
    )
    return Config(
        recipe,
        models[0].facts(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        hardware="; ".join(dict.fromkeys(config.hardware for config in configs)),
        parameters=sum(config.parameters for config in configs),
    )


def _write_results(directory: ModelDirectory) -> Card:
    """Write predictions and card from what the members said, and return the card."""
    models, config = members(directory), directory.config()
    stored, labels = _on_test(models)
    indices, held_out, true, scores = _on_validation(directory, models, stored, labels)
    figures = metrics.summary(stored, labels, calibration.fit_temperature(held_out, true))
    cards = [model.card() for model in models]
    sums = {
        name: sum(card[name] for card in cards)
        for name in ("parameters", "bytes", "training_seconds", "epochs")
    }
    card = {
        "name": directory.name,
        "recipe": config.recipe.name,
        "test_images": len(labels),
        **figures,
        "ood_threshold": ood.threshold(scores),
        **_robustness_before(directory),
        "dataset": config.dataset.name,
        "class_names": list(config.dataset.class_names),
        "validation": config.recipe.validation,
        **sums,
        "seed": config.recipe.seed,
        "hardware": config.hardware,
        "command": f"python -m cifar_core evaluate {directory.name}",
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, test=stored, labels=labels, validation=held_out, validation_indices=indices)
    write_whole(directory.predictions_path, buffer.getvalue())
    write_whole(directory.card_path, json.dumps(card, indent=2) + "\n")
    return directory.card()


def _on_validation(
    directory: ModelDirectory, models: Sequence[ModelDirectory], test: NDArray[np.float16], labels: Ints
) -> tuple[Ints, NDArray[np.float16], Ints, NDArray[np.float64]]:
    """Return validation images, what the average says of them, their labels, and scores of “none of these”.

    They are the test images where a member validated on those. Otherwise each member is asked about those
    that it held out itself; where members held out the same ones, all are.
    """
    dataset, said = directory.dataset(), [model.predictions() for model in models]
    on_test = directory.recipe().validation == "test"
    everything = np.arange(len(labels))
    places = [everything if on_test else each["validation_indices"] for each in said]
    part = dataset.load("test" if on_test else "train")
    if max(map(np.max, places)) >= len(part.labels):
        raise ModelDirectoryError(
            "The results of these models are of other images than those here; evaluate them again."
        )
    scores = []
    for model, chosen in zip(models, places, strict=True):
        images = part.images[chosen]
        outputs = classifier_of(model).outputs(images)
        scores.append(ood.score(outputs.logits, outputs.features, images, together([model])))
    indices, joint = _joined(places, scores)
    if on_test:
        return indices, test, labels, joint
    calibrated = [
        temperature_scale(each["validation"], model.card()["temperature"])
        for each, model in zip(said, models, strict=True)
    ]
    _, held_out = _joined(places, calibrated)
    return indices, held_out.astype(np.float16), part.labels[indices], joint


def _joined(
    places: Sequence[Ints], values: Sequence[NDArray[np.float64]]
) -> tuple[Ints, NDArray[np.float64]]:
    """Average what models say of each image, over those that say something of it.

    Parameters
    ----------
    places : int [V] each
        The images that a model was asked about.
    values : float64 [V, …] each
        What it said of them.

    Returns
    -------
    tuple of ndarray
        All images, int64 [U] ascending, and the means, float64 [U, …].
    """
    indices, rows = np.unique(np.concatenate(places), return_inverse=True)
    sums = np.zeros((len(indices), *values[0].shape[1:]))
    np.add.at(sums, rows, np.concatenate(values))
    counts = np.bincount(rows).reshape(-1, *[1] * (sums.ndim - 1))
    return indices, sums / counts


def _robustness_before(directory: ModelDirectory) -> dict[str, Any]:
    with contextlib.suppress(ModelDirectoryError):
        return {name: value for name, value in directory.card().items() if name.startswith("robustness")}
    return {}
