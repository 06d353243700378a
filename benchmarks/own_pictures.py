"""How well does the recipe `transfer` learn one's own pictures, and what do wrong labels cost?

    python -m benchmarks.own_pictures [SOURCE] [--base imagenet] [--flipped 0.1]

SOURCE is what `data add` takes. Without it, six classes of CIFAR-10's test images are learned as if they were
one's own, 160 of each. The dataset and its runs are deleted afterwards.

Four rows. `transfer` as it is; scikit-learn's logistic regression on the same features, which is what
`transfer` is held to; then `transfer` where some labels of the training pictures are wrong on purpose; and
once more after the most doubted ones, as many as were made wrong, are taken out. All are tested with the same
pictures, whose labels are right. How many of those taken out were wrong ones stands below.
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.measure import command, show
from cifar_core import formats
from cifar_core.cli import console
from cifar_core.datasets import own, own_adding, own_editing
from cifar_core.datasets.dataset import Ints
from cifar_core.datasets.registry import CIFAR10, get_dataset
from cifar_core.errors import JobError
from cifar_core.evaluation import doubts
from cifar_core.inference.opening import classifier_of
from cifar_core.recipes import get_recipe
from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory

SIX = ("bird", "cat", "deer", "dog", "frog", "horse")
EACH = 160
LOOKED_AT = 50  # of the most doubted


def main(
    source: Annotated[Path | None, typer.Argument(help="Pictures, as `data add` takes them.")] = None,
    base: Annotated[str, typer.Option(help="`imagenet`, or a model that is here.")] = "imagenet",
    flipped: Annotated[float, typer.Option(min=0, max=0.5, help="Share of labels made wrong.")] = 0.1,
) -> None:
    """Learn one's own pictures, beside scikit-learn, with wrong labels, and without the doubted ones."""
    name = f"benchmark-{time.strftime('%Y%m%d-%H%M%S')}"
    with tempfile.TemporaryDirectory() as folder:
        own_adding.add(name, source or six_classes(Path(folder)))
    runs: list[ModelDirectory] = []
    try:
        clean = learn(name, base, runs)
        head = of_scikit_learn(clean, name)
        wrong = flip(name, flipped)
        spoilt = learn(name, base, runs)
        doubted = most_doubted(clean, name)
        own_editing.give(name, doubted[: len(wrong)].tolist(), None)
        mended = learn(name, base, runs)
        accuracies = [figure(run) for run in (clean, spoilt, mended)]
    finally:
        for run in runs:
            jobs.delete(run)
        own.remove(name)
    share = f"{100 * flipped:.0f} %"
    rows = [
        ["transfer", accuracies[0]],
        ["scikit-learn on the same features", formats.percent(head)],
        [f"transfer, {share} of labels wrong", accuracies[1]],
        [f"transfer, {len(wrong)} most doubted taken out", accuracies[2]],
    ]
    first = doubted[:LOOKED_AT]
    found = f"Of the {len(first)} most doubted labels {np.isin(first, wrong).sum()} are wrong ones; "
    found += f"of the {len(wrong)} taken out {np.isin(doubted[: len(wrong)], wrong).sum()}."
    show(f"Own pictures, base {base}", ["learned by", "test accuracy"], rows, {}, [found])


def six_classes(folder: Path) -> Path:
    """Write pictures of six classes of CIFAR-10's test set as files, a folder for each class."""
    images, labels = CIFAR10.load("test")
    for class_name in SIX:
        (folder / class_name).mkdir()
        places = np.flatnonzero(labels == CIFAR10.class_names.index(class_name))[:EACH]
        for place in places:
            Image.fromarray(images[place]).save(folder / class_name / f"{place:05}.png")
    return folder


def learn(name: str, base: str, runs: list[ModelDirectory]) -> ModelDirectory:
    """Train `transfer` on the dataset as it is now; the run goes to `runs`."""
    recipe = jobs.on_base(get_recipe("transfer"), base)
    dataset = get_dataset(name)
    recipe = recipe.on(dataset.sizes["train"], len(dataset.class_names))
    run = jobs.start(recipe, f"{name}-{len(runs)}", dataset)
    runs.append(run)
    if (status := console.wait(run)).state != "finished":
        raise JobError(f"The run “{run.name}” has {status.state}. {status.error}".strip())
    return run


def of_scikit_learn(run: ModelDirectory, name: str) -> float:
    """Return the test accuracy of a logistic regression on the features that the run's model has."""
    classifier, dataset = classifier_of(run), get_dataset(name)
    train, test = (dataset.at(classifier.facts.side).load(part) for part in ("train", "test"))
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1_000))
    head.fit(classifier.outputs(train.images).features, train.labels)
    return float(head.score(classifier.outputs(test.images).features, test.labels))


def flip(name: str, share: float) -> Ints:
    """Give a share of the training pictures a wrong class; return which."""
    dataset = get_dataset(name)
    assert isinstance(dataset, own.Own)
    rng, labels = np.random.default_rng(0), dataset.labels().labels
    training = np.flatnonzero(~dataset.stored().test)
    wrong = rng.choice(training, round(share * len(training)), replace=False)
    classes = len(dataset.class_names)
    to = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
    for label in np.unique(to):
        own_editing.give(name, wrong[to == label].tolist(), dataset.class_names[label])
    return np.sort(wrong)


def most_doubted(judge: ModelDirectory, name: str) -> Ints:
    """Return the training pictures whose labels are doubted, the most first, by what a model sees in them."""
    dataset = get_dataset(name)
    assert isinstance(dataset, own.Own)
    index = dataset.index()
    features = doubts.features_of(classifier_of(judge), dataset, lambda _: None)
    found = doubts.find(features, index.labels, index.groups)
    return found.order[~index.test[found.order]]


def figure(run: ModelDirectory) -> str:
    """Return the test accuracy with its interval."""
    card = run.card()
    low, high = card["accuracy_interval"]
    return f"{formats.percent(card['accuracy'])} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    command(main)
