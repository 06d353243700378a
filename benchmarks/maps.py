"""Which map of what mattered is to be trusted? Deletion areas of RISE and CAM, on test images of CIFAR-10.

    python -m benchmarks.maps [MODEL…] [--images 200]

The area is the mean probability of a model's own answer while ever more of the picture is blurred, beginning
where the map is lightest (`cifar_core.inference.deletion`): the smaller, the better the map. Beside each map
stands the same map upside down, which is as smooth and points elsewhere. The table is Markdown.
"""

from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from benchmarks.measure import command
from benchmarks.shipped import table
from cifar_core.datasets import cifar10
from cifar_core.inference import deletion, graph
from cifar_core.inference.cam import Cam, names
from cifar_core.inference.opening import classifier_of
from cifar_core.inference.saliency import saliency
from cifar_core.runs import catalogue

HEADING = "model | RISE | upside down | CAM | upside down | CAM is the better one"


def main(
    models: Annotated[
        list[str] | None, typer.Argument(help="Best, fast and cnn, unless others are named.")
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many test images, from the first on.")] = 200,
) -> None:
    """Measure the deletion areas of RISE and CAM."""
    print(table(HEADING, [row(name, images) for name in models or ("best", "fast", "cnn")]))


def row(name: str, count: int) -> list[str]:
    """Return a model's mean areas, with their standard errors, and how often CAM's is the smaller one."""
    model = catalogue.find(name)
    classifier, cam = classifier_of(model), Cam(graph.opened(model.onnx_path, names))
    areas = []
    for image in track(cifar10.load_test().images[:count], name):
        answer = int(classifier.probabilities(image[None]).argmax())
        rise, read = saliency(classifier.probabilities, image, answer), cam.map(image, answer)
        maps = (rise, rise[::-1, ::-1], read, read[::-1, ::-1])
        areas.append([deletion.curve(classifier.probabilities, image, answer, each).mean() for each in maps])
    found = np.array(areas)
    errors = found.std(axis=0) / np.sqrt(len(found))
    told = [f"{mean:.3f} ± {error:.3f}" for mean, error in zip(found.mean(axis=0), errors, strict=True)]
    return [f"`{name}`", *told, f"{100 * (found[:, 2] < found[:, 0]).mean():.0f} %"]


if __name__ == "__main__":
    command(main)
