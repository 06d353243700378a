"""How should a model look at a photograph, and what does it say of those of other things?

    git clone https://github.com/EliSchwartz/imagenet-sample-images PHOTOGRAPHS
    python -m benchmarks.photographs PHOTOGRAPHS [MODEL…]

One photograph of each of ImageNet's thousand classes, sorted by them. Those of CIFAR-10's classes, 215 of
them and most of them dogs, say how often a model is right, for each way to look; McNemar's test says whether
the way in use differs from the first by chance. The others say how many are refused as “none of these”, other
animals apart from things. What shows both, or is hard to say, is left out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from benchmarks.measure import command, show
from cifar_core import images
from cifar_core.arrays import Images
from cifar_core.cli import console
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import metrics
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.inference.opening import classifier_of
from cifar_core.runs import catalogue

COUNT = 1_000
# ImageNet's classes, by number: those of CIFAR-10's classes, by theirs. It has no deer.
OURS = {
    0: np.r_[404, 895],
    1: np.r_[407, 436, 468, 511, 609, 627, 656, 661, 751, 817],
    2: np.r_[7:25, 80:101, 127:147],
    3: np.r_[281:286],
    5: np.r_[151:269],
    6: np.r_[30:33],
    7: np.r_[339],
    8: np.r_[403, 484, 510, 554, 628, 724, 780, 814, 871, 914],
    9: np.r_[555, 569, 675, 717, 734, 864, 867],
}
# Relatives of the ten and their parts: wolves, wild cats and antelopes, vans, wheels, boats, mirrors.
HARD = np.r_[269:281, 286:294, 351:354, 408, 444, 450, 466, 472, 537, 547, 565, 576, 586, 603, 612, 621, 625]
HARD = np.r_[HARD, 654, 665, 670, 671, 690, 705, 757, 779, 802, 820, 829, 833, 847, 856, 866, 870, 874, 880]
HARD = np.r_[HARD, 908, 913]
LAST_ANIMAL = 397


def filtered(picture: Image.Image, method: Image.Resampling, side: int) -> Images:
    """Reduce a picture with one of Pillow's filters, as one look."""
    return np.asarray(picture.resize((side, side), method))[None]


def middle(picture: Image.Image, side: int) -> Images:
    """Look at the middle, reduced by the Hamming filter."""
    return filtered(images.square(picture), Image.Resampling.HAMMING, side)


WAYS: dict[str, Callable[[Image.Image, int], Images]] = {
    "middle, Hamming": middle,
    "middle, bilinear": lambda picture, side: images.looks(picture, "crop", side),
    "whole, bilinear": lambda picture, side: images.looks(picture, "whole", side),
    "both, bilinear (in use)": lambda picture, side: images.looks(picture, "both", side),
}


def main(
    photographs: Annotated[Path, typer.Argument(help="A folder with one photograph a class of ImageNet.")],
    models: Annotated[
        list[str] | None, typer.Argument(help="Names or paths; by default all shipped ones.", metavar="MODEL")
    ] = None,
) -> None:
    """Compare ways to look at photographs, and count those of other things that are refused."""
    files = sorted(photographs.glob("*.JPEG"))
    if len(files) != COUNT:
        raise CifarLabError(
            f"{photographs} holds {len(files)} photographs, not one for each of 1,000 classes."
        )
    named = [catalogue.find(name, allow_path=True) for name in models or ()] or catalogue.shipped()
    with console.progress() as bar:
        pictures = [images.read(file) for file in bar.track(files, description="reading")]
    labels = labelled()
    ours, animals, things = (np.flatnonzero(chosen) for chosen in sorts(labels))
    rows = []
    for model in named:
        classifier, calibration = classifier_of(model), calibration_of(model)
        first = None
        for way, look in WAYS.items():
            answers = classify(
                classifier, calibration, (look(picture, classifier.facts.side) for picture in pictures)
            )
            right = np.array([answer.class_index for answer in answers])[ours] == labels[ours]
            doubted = np.array([answer.none_of_these for answer in answers])
            first = right if first is None else first
            won, lost, p_value = metrics.mcnemar(right, first)
            sure = np.mean([answers[index].confidence for index in ours])
            refused = [f"{doubted[part].mean():.0%}" for part in (ours, animals, things)]
            said = [f"{right.mean():.1%}", f"{won} : {lost}", f"{p_value:.3f}", f"{sure:.1%}"]
            rows.append([f"{model.name}: {way}", *said, *refused])
    header = ["way", "right", "won : lost", "p", "confidence", "refused: of the ten", "animals", "things"]
    sizes = f"{len(ours)} photographs of the ten, {len(animals)} of other animals, {len(things)} of things"
    show(sizes, header, rows, {}, [])


def labelled() -> np.ndarray:
    """Return CIFAR-10's class of each photograph, −1 for none, −2 where it is hard to say: int64 [1000]."""
    labels = np.full(COUNT, -1)
    for number, classes in {**OURS, -2: HARD}.items():
        labels[classes] = number
    return labels


def sorts(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which photographs are of the ten, of other animals, and of things."""
    other, animal = labels == -1, np.arange(COUNT) <= LAST_ANIMAL
    return labels >= 0, other & animal, other & ~animal


if __name__ == "__main__":
    command(main)
