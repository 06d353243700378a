"""What a network makes of a picture on the way: filters, maps, features, and in the end the answer.

The app's runtime computes it all: a copy of `model.onnx` in memory hands out what its convolutions find, too.
They are found by how the graph hangs together, never by names, which come from the converter. ONNX has
channels before rows in every convolution, so that is how all arrays come.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifar_core.inference.graph import Opened
from cifar_core.inference.runtime import Outputs
from cifar_core.inference.saliency import in_colours

MOST_BLOCKS = 8  # that are shown; the networks here have four or five
LARGEST = 512  # pixels a side, of a map; what is larger is no way to look at a picture
GAP = 8  # pixels between tiles

_POOLS = ("MaxPool", "AveragePool")
# What turns maps into maps, number by number, and so belongs to the convolution before it.
_BEHIND = (
    *(
        "Add",
        "Sub",
        "Mul",
        "Div",
        "BatchNormalization",
        "InstanceNormalization",
        "Cast",
        "Identity",
        "Dropout",
    ),
    *("Relu", "LeakyRelu", "PRelu", "Clip", "Erf", "Gelu", "Sigmoid", "HardSigmoid", "Tanh", "Softplus"),
    *("Elu", "Selu", "Celu", "HardSwish", "Mish"),
)

Maps = NDArray[np.float32]


class Way(NamedTuple):
    """The way of one picture through a network.

    filters
        float32 [F, 3, h, w], what the first convolution looks for in red, green and blue; None where there is
        no such convolution.
    blocks
        float32 [C, H, W] each: what the last convolution at each size has found, before the maps shrink.
    outputs
        The features, logits and probabilities of one picture.
    """

    filters: Maps | None
    blocks: list[Maps]
    outputs: Outputs


class Layers:
    """A model that shows what it finds on the way to its answer.

    Parameters
    ----------
    opened
        The model, which hands out what `names` finds.
    """

    def __init__(self, opened: Opened) -> None:
        first, self._found = _convolutions(opened.network)
        self._filters = [first] if first else []
        self._classifier = opened.classifier

    def way(self, image: NDArray[np.uint8]) -> Way:
        """Follow one picture, uint8 [S, S, 3] RGB, through the network.

        Raises
        ------
        ModelDirectoryError
            If the model takes too long or too much memory, or does not answer as one should.
        """
        asked = [*Outputs._fields, *self._filters, *self._found]
        arrays = dict(zip(asked, self._classifier.named(asked, image[None]), strict=True))
        colours = [arrays[name] for name in self._filters if _are_pictures(arrays[name], channels=3)]
        maps = [arrays[name][0] for name in self._found if _are_pictures(arrays[name][:1])]
        outputs = Outputs(*(arrays[name] for name in Outputs._fields))
        return Way(next(iter(colours), None), _last_of_each_size(maps)[:MOST_BLOCKS], outputs)


def names(network: Any) -> list[str]:
    """Find in an `onnx.GraphProto` the filters of the first convolution, and the maps of all."""
    first, found = _convolutions(network)
    return [first, *found] if first else found


def strongest(maps: Maps, count: int) -> Maps:
    """Return so many of the maps, float32 [C, H, W], those with the largest numbers first."""
    return maps[np.argsort(-maps.max(axis=(1, 2)), kind="stable")[:count]]


def map_tiles(maps: Maps) -> NDArray[np.uint8]:
    """Colour maps, float32 [N, H, W], on one scale: uint8 [N, H, W, 3], from dark, the least, to light."""
    numbers = maps.astype(np.float64)
    numbers -= numbers.min()
    return in_colours(numbers / (numbers.max() or 1))


def filter_tiles(filters: Maps) -> NDArray[np.uint8]:
    """Show filters, float32 [F, 3, h, w], as what they look for: uint8 [F, h, w, 3], grey where nothing.

    Neither black nor white, so that each stands out from a page of either.
    """
    largest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    shares = (filters / np.where(largest > 0, largest, 1)).transpose(0, 2, 3, 1)
    return np.rint(127.5 + 100 * shares).astype(np.uint8)


def strip(tiles: NDArray[np.uint8], side: int, across: int) -> NDArray[np.uint8]:
    """Set at most `across` tiles, uint8 [N, H, W, 3], side by side, the rest of the row transparent.

    Returns
    -------
    ndarray
        uint8 [h, w, 4]; the longer side of a tile has about `side` pixels, or more where it has itself.
    """
    scale = max(round(side / max(tiles.shape[1:3])), 1)
    large = tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    opaque = np.pad(large, [(0, 0), (0, 0), (0, 0), (0, 1)], constant_values=255)
    row = np.pad(opaque, [(0, across - len(tiles)), (0, 0), (0, GAP), (0, 0)])
    return np.concatenate(row, axis=1)[:, :-GAP]


def _convolutions(network: Any) -> tuple[str | None, list[str]]:
    """Find the filters of the first convolution, and what each convolution hands on, in their order.

    That is the last of what follows it number by number: the next convolution takes it, or what ends the maps
    does. Where a pooling has the last word it is what the pooling takes, which is larger.
    """
    first, count = None, 0
    behind: dict[str, tuple[int, int]] = {}  # of each tensor that is maps: its convolution, and its place
    handed: dict[int, tuple[int, str]] = {}
    pooled: dict[str, str] = {}
    for place, node in enumerate(network.node):  # ONNX has them in the order of the computation
        maps = [name for name in node.input if name in behind]
        if node.op_type in (*_BEHIND, *_POOLS) and maps:
            behind[node.output[0]] = max(behind[name][0] for name in maps), place
            if node.op_type in _POOLS:
                pooled[node.output[0]] = node.input[0]
            continue
        for name in maps:
            convolution, its_place = behind[name]
            handed[convolution] = max(handed.get(convolution, (-1, "")), (its_place, name))
        if node.op_type == "Conv":
            first = first or node.input[1]
            behind[node.output[0]] = count, place
            count += 1
    return first, [pooled.get(name, name) for _, (_, name) in sorted(handed.items())]


def _are_pictures(maps: NDArray[Any], channels: int | None = None) -> bool:
    """Say whether this is [N, C, H, W] of a size to look at, which a stranger's network need not keep to."""
    fits = maps.ndim == 4 and maps.size > 0 and max(maps.shape[2:]) <= LARGEST
    return fits and channels in (None, maps.shape[1])


def _last_of_each_size(maps: list[Maps]) -> list[Maps]:
    return [list(alike)[-1] for _, alike in itertools.groupby(maps, lambda each: each.shape[1:])]
