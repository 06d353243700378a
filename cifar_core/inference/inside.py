"""A model that can be looked into: one copy of it in memory for all that shows what happens inside."""

from pathlib import Path
from typing import NamedTuple

from cifar_core.inference import cam, graph, layers
from cifar_core.inference.cam import Cam
from cifar_core.inference.layers import Layers


class Inside(NamedTuple):
    """What a network finds on the way to its answer, and where its logits come from, if that is defined."""

    layers: Layers
    cam: Cam | None


def inside(path: Path) -> Inside:
    """Open a `model.onnx`, which may be anybody's.

    Raises
    ------
    ModelDirectoryError
        If the file is missing, damaged or not such a model.
    """
    opened = graph.opened(path, layers.names, cam.names)
    try:
        return Inside(Layers(opened), Cam(opened))
    except ValueError:
        return Inside(Layers(opened), None)
