"""How should a photograph become 32×32?

    python -m benchmarks.resizing [MODEL…] [--images 2000]

CIFAR-10 has no photographs, only what became of them. So each validation image is made into large pictures
that a camera might have taken of it, every candidate reduces them again, and the accuracy of shipped models,
beside that on the images themselves, says what the reduction costs. How a picture was enlarged favours the
reduction nearest to its inverse, so what counts is to do well on all. The line below the table needs no
enlarging: how sharp a candidate makes scikit-learn's two photographs, 1 being as sharp as CIFAR-10. This is a
choice, so the test set plays no part, nor does a model that validated on it.
"""

import functools
import io
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image
from rich.progress import MofNCompleteColumn, TimeElapsedColumn
from scipy.ndimage import laplace
from sklearn.datasets import load_sample_image

from benchmarks.measure import command, show
from cifar_core import images
from cifar_core.cli import console
from cifar_core.datasets import cifar10
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import metrics
from cifar_core.inference import saliency
from cifar_core.inference.runtime import Classifier
from cifar_core.runs import catalogue

Pixels = NDArray[np.uint8]


def photo(image: Pixels, side: int, method: str = "BICUBIC", grain: float = 0) -> Image.Image:
    """Enlarge [H, W, 3] to a height of `side`, add what a sensor adds, save it as JPEG and read it again."""
    size = (round(side * image.shape[1] / image.shape[0]), side)
    large = np.asarray(Image.fromarray(image).resize(size, Image.Resampling[method]))
    if grain:
        large = (large + np.random.default_rng(0).normal(0, grain, large.shape)).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(large).save(file, "JPEG", quality=60 if grain else 90)
    return images.read(file.getvalue())


def wide(image: Pixels, beside: int, plain: bool) -> Image.Image:
    """Take a picture with `beside` more pixels left and right: the mean colour, or the mirror image."""
    extended = np.pad(image, ((0, 0), (beside, beside), (0, 0)), mode="symmetric")
    if plain:
        extended[:, :beside] = extended[:, -beside:] = image.mean(axis=(0, 1))
    return photo(extended, 256)


def reduced(picture: Image.Image, method: str = "BILINEAR") -> Pixels:
    """Reduce a whole picture, square or not, with one of Pillow's filters."""
    return np.asarray(picture.resize((32, 32), Image.Resampling[method]))


def between_bars(picture: Image.Image) -> Pixels:
    """Reduce a wide picture as a whole, CIFAR-10's mean colour above and below."""
    framed = Image.new("RGB", (picture.width, picture.width), saliency.HIDING)
    framed.paste(picture, (0, (picture.width - picture.height) // 2))
    return reduced(framed)


def between_mirrors(picture: Image.Image) -> Pixels:
    """Reduce a wide picture as a whole, its mirror image above and below."""
    missing = (picture.width - picture.height) // 2
    rows = np.pad(np.asarray(picture), ((missing, missing), (0, 0), (0, 0)), mode="symmetric")
    return reduced(Image.fromarray(rows))


# Each table: what it is about, how the pictures were taken, and the candidates, the one in use among them.
TABLES: dict[
    str, tuple[dict[str, Callable[[Pixels], Image.Image]], dict[str, Callable[[Image.Image], Pixels]]]
] = {
    "Filters, the picture being square": (
        {
            "48 px": lambda image: photo(image, 48),
            "256 px, bicubic": lambda image: photo(image, 256),
            "256 px, Lanczos": lambda image: photo(image, 256, "LANCZOS"),
            "256 px, blocks": lambda image: photo(image, 256, "NEAREST"),
            "256 px, grainy": lambda image: photo(image, 256, grain=25),
        },
        {
            name.lower(): functools.partial(reduced, method=name)
            for name in ("NEAREST", "BOX", "HAMMING", "BILINEAR", "BICUBIC", "LANCZOS")
        },
    ),
    "Shapes, the picture being wide": (
        {
            "4:3, mirrored": lambda image: wide(image, 5, plain=False),
            "4:3, plain": lambda image: wide(image, 5, plain=True),
            "2:1, mirrored": lambda image: wide(image, 16, plain=False),
            "2:1, plain": lambda image: wide(image, 16, plain=True),
        },
        {
            "centre crop": lambda picture: images.to_array(images.square(picture)),
            "whole, between bars": between_bars,
            "whole, between mirrors": between_mirrors,
            "whole, stretched": images.to_array,
        },
    ),
}


def main(
    models: Annotated[
        list[str] | None, typer.Argument(help="Names or paths; by default quick and fast.", metavar="MODEL")
    ] = None,
    count: Annotated[int, typer.Option("--images", min=1, help="Validation images, at most.")] = 2_000,
) -> None:
    """Compare ways to make a photograph 32×32 by the accuracy of shipped models."""
    chosen = [catalogue.find(name, allow_path=True) for name in models or ("quick", "fast")]
    for model in chosen:
        if model.recipe().validation == "test":
            raise CifarLabError(f"“{model.name}” validated on the test set, which no choice may look at.")
    # Images that none of the models was trained on.
    indices = functools.reduce(
        np.intersect1d, [model.predictions()["validation_indices"] for model in chosen]
    )
    train = cifar10.load_train()
    originals, labels = train.images[indices[:count]], train.labels[indices[:count]]
    classifiers = {model.name: Classifier(model.onnx_path) for model in chosen}
    for title, (cameras, candidates) in TABLES.items():
        taken = retaken(originals, cameras, candidates)
        rows = []
        for name, classifier in classifiers.items():
            own = metrics.accuracy(classifier.probabilities(originals), labels)
            rows.append([f"{name}: the images themselves", *[f"{own:.1%}"] * len(cameras)])
            for candidate in candidates:
                cells = []
                for camera in cameras:
                    found = metrics.accuracy(classifier.probabilities(taken[candidate, camera]), labels)
                    cells.append(f"{found:.1%} ({(found - own) * 100:+.1f})")
                rows.append([f"{name}: {candidate}", *cells])
        sharp = [
            f"{name} {sharpness([way(part) for part in parts()]) / sharpness(originals):.2f}"
            for name, way in candidates.items()
        ]
        note = f"Sharpness of scikit-learn's photographs: {', '.join(sharp)}."
        show(f"{title} ({len(labels):,} images)", ["way", *cameras], rows, {}, [note])


def retaken(
    originals: Pixels,
    cameras: dict[str, Callable[[Pixels], Image.Image]],
    candidates: dict[str, Callable[[Image.Image], Pixels]],
) -> dict[tuple[str, str], Pixels]:
    """Return what each candidate makes of each camera's pictures, [N, 32, 32, 3], by (candidate, camera)."""
    taken = {(way, camera): np.empty_like(originals) for way in candidates for camera in cameras}
    with console.progress(MofNCompleteColumn(), TimeElapsedColumn()) as bar:
        for camera, take in cameras.items():
            for number, image in enumerate(bar.track(originals, description=camera)):
                picture = take(image)
                for way, reduce in candidates.items():
                    taken[way, camera][number] = reduce(picture)
    return taken


def parts() -> list[Image.Image]:
    """Return 200 square parts, 192 to 384 pixels wide, of scikit-learn's two photographs."""
    whole = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    rng, found = np.random.default_rng(0), []
    for index in range(200):
        side = int(rng.integers(192, 385))
        left, top = (int(rng.integers(length - side + 1)) for length in whole[index % 2].size)
        found.append(whole[index % 2].crop((left, top, left + side, top + side)))
    return found


def sharpness(pictures: Sequence[Pixels] | Pixels) -> float:
    """Return how much of the contrast of pictures [N, H, W, 3] is between neighbouring pixels."""
    grey = np.asarray(pictures, np.float64).mean(axis=3)
    return float(laplace(grey, axes=(1, 2)).std() / grey.std())


if __name__ == "__main__":
    command(main)
