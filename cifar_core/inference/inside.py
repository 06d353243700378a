"""A model that can be looked into: one copy of it in memory for all that shows what happens inside."""

from typing import NamedTuple

from cifar_core.inference import cam, graph, layers
from cifar_core.inference.cam import Cam
from cifar_core.inference.layers import Layers
from cifar_core.inference.opening import check_classes
from cifar_core.runs.model_dir import ModelDirectory


class Inside(NamedTuple):
    """What a network finds on the way to its answer, and where its logits come from, if that is defined."""

    layers: Layers
    cam: Cam | None


def inside(directory: ModelDirectory, epoch: int | None = None) -> Inside:
    """Open a model, which may be anybody's; or, with an epoch, what it was after it.

    Raises
    ------
    ModelDirectoryError
        If the file is missing, damaged or not a model of the directory's classes.
    """
    path = directory.onnx_path if epoch is None else directory.snapshot_path(epoch)
    opened = graph.opened(path, layers.names, cam.names)
    check_classes(opened.classifier, directory)
    try:
        return Inside(Layers(opened), Cam(opened))
    except ValueError:
        return Inside(Layers(opened), None)
