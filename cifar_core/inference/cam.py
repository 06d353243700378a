"""Which places mattered, read off the network itself: class activation maps, at one look, without gradients.

Zhou et al. 2016, "Learning deep features for discriminative localization": where a network averages its last
maps over the picture and weighs the averages, a class's logit is a sum over places. Its terms are the map.
The same holds for every network here, because all that stands behind the last maps is linear piece by piece:
the largest number of a map stands at one place, and a unit of a dense layer either passes on its sum or says
0. So each number on the last maps has one weight for each class, for the picture at hand, and

    logit of a class = Σ over places and maps of weight × number + what does not depend on the maps.

That is exact. Where the weights come by differentiation it is called HiResCAM (Draelos and Carin 2020).
Behind the last maps of another network may stand something else: then there is no map.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifar_core.inference.graph import Opened

Floats = NDArray[np.floating[Any]]
_Step = tuple[Floats, Callable[[Floats], Floats]]  # what comes out; from its weights to those of what went in

_TOLERANCE = 1e-3  # of logits, between the runtime's and ours
_FLATTENS = ("Reshape", "Flatten", "Squeeze")
_PASSES = ("Identity", "Dropout", "Cast")
_POOLS = ("MaxPool", "AveragePool")
_GLOBAL_POOLS = ("GlobalMaxPool", "GlobalAveragePool")
_ON_MAPS = ("Transpose", *_POOLS, *_GLOBAL_POOLS, *_PASSES)  # what may stand between the maps and a vector


class Places(NamedTuple):
    """Where the logits of a picture come from.

    parts
        float64 [C, h, w], what each place on the last maps adds to the logit of each class.
    rest
        float64 [C], what does not depend on the maps; with the parts it sums to the logits.
    """

    parts: Floats
    rest: Floats


class Cam:
    """A model that tells where its logits come from.

    Parameters
    ----------
    opened
        The model, which hands out what `names` finds.

    Raises
    ------
    ValueError
        If the network is of a kind that has no such map.
    """

    def __init__(self, opened: Opened) -> None:
        nodes = _Graph(opened.network)
        self._maps, head = nodes.head()
        self._head = copy.deepcopy(head)  # or they would keep the whole graph, weights and all
        self._stride = nodes.stride(self._maps)
        self._constants = {name: nodes.constant(name) for node in head for name in node.input}
        self._classifier = opened.classifier
        side = self._classifier.facts.side
        self.places(np.zeros((side, side, 3), np.uint8))  # which says now what it would say later

    def places(self, image: NDArray[np.uint8]) -> Places:
        """Say what each place on the last maps of a picture, uint8 [S, S, 3], adds to each logit.

        Raises
        ------
        ValueError
            If what was read off the network is not what it computes.
        ModelDirectoryError
            If the model does not answer as one should.
        """
        maps, logits = self._classifier.named([self._maps, "logits"], image[None])
        value: Floats = maps.astype(np.float64)
        steps = []
        for node in self._head:
            value, back = _step(node, value, self._constants)
            steps.append(back)
        if value.shape != logits.shape or not np.allclose(value, logits, _TOLERANCE, _TOLERANCE):
            raise ValueError("The network computes something else behind its last maps.")
        weights: Floats = np.eye(logits.shape[1])
        for back in reversed(steps):
            weights = back(weights)
        parts = (weights * maps).sum(axis=1)
        return Places(parts, value[0] - parts.sum(axis=(1, 2)))

    def map(self, image: NDArray[np.uint8], class_index: int) -> NDArray[np.float32]:
        """Say how much each place of a picture speaks for a class, as `saliency.saliency` does.

        Returns
        -------
        ndarray
            float32 [S, S], 0 to 1: the parts of a logit, with lines between the middles of the places. The
            largest is 1, or all are 0 where none speaks for the class; those that speak against it are 0.
        """
        parts, side = self.places(image).parts, len(image)
        if not 0 <= class_index < len(parts):
            raise ValueError(f"A class is 0 to {len(parts) - 1}, not {class_index}.")
        rows, columns = (_spread(count, self._stride, side) for count in parts.shape[1:])
        spread = (rows @ parts[class_index] @ columns.T).clip(min=0)
        return np.asarray(spread / (spread.max() or 1.0), np.float32)


def names(network: Any) -> list[str]:
    """Find in an `onnx.GraphProto` the last maps, where it has a map of this kind."""
    try:
        return [_Graph(network).head()[0]]
    except ValueError:
        return []


def _spread(places: int, stride: int, side: int) -> Floats:
    """Return how much of each place a row of pixels gets, [side, places].

    Where pictures are no multiple of the strides, poolings leave out their last pixels. In a network that
    enlarges them first the strides are of larger pictures, and its maps cover all of them.
    """
    covered = min(places * stride, side)
    middles = (np.arange(places) + 0.5) * covered / places - 0.5
    return np.stack([np.interp(np.arange(side), middles, one) for one in np.eye(places)], axis=1)


class _Graph:
    """A network's nodes, by what they compute."""

    def __init__(self, network: Any) -> None:
        self._from = {output: node for node in network.node for output in node.output}
        self._stored = {each.name: each for each in network.initializer}

    def constant(self, name: str) -> Floats | None:
        """Return a stored number or array, float64, or None where the name is of something computed."""
        from onnx import numpy_helper

        if name in self._stored:
            return np.asarray(numpy_helper.to_array(self._stored[name]), np.float64)
        node = self._from.get(name)
        if node is None or node.op_type not in _PASSES:  # weights are stored in half precision, and cast
            return None
        return self.constant(node.input[0])

    def head(self) -> tuple[str, list[Any]]:
        """Return the name of the last maps and the nodes from there to the logits, in order."""
        name, nodes, flat = "logits", list[Any](), True
        while True:
            node = self._from.get(name)
            if node is None:
                break
            if not flat and node.op_type not in _ON_MAPS:
                break
            nodes.append(node)
            flat = flat and node.op_type not in (*_FLATTENS, *_GLOBAL_POOLS)
            computed = [each for each in node.input if self.constant(each) is None]
            name = computed[0] if computed else ""
        if flat or not name:
            raise ValueError("The network ends in no layer that this is defined for.")
        return name, nodes[::-1]

    def stride(self, name: str) -> int:
        """Return how many pixels lie between two places of maps, of what the first convolution takes."""
        stride = 1
        while node := self._from.get(name):
            strides = next((list(each.ints) for each in node.attribute if each.name == "strides"), [1])
            stride *= strides[0]
            name = next((each for each in node.input if self.constant(each) is None), "")
        return stride


def _step(node: Any, x: Floats, constants: Mapping[str, Floats | None]) -> _Step:
    """Compute what a node makes of [1, …], and how the weights [C, …] of that become those of its input."""
    kind, found = node.op_type, [constants[name] for name in node.input]
    known = [each for each in found if each is not None]
    if kind in _PASSES:
        return x, lambda w: w
    if kind in _FLATTENS:
        return x.reshape(1, -1), lambda w: w.reshape(len(w), *x.shape[1:])
    if kind == "Relu":
        return x.clip(min=0), lambda w: w * (x > 0)
    if kind == "Transpose":
        [order] = [list(each.ints) for each in node.attribute if each.name == "perm"]
        return x.transpose(order), lambda w: w.transpose(np.argsort(order))
    if kind in (*_POOLS, *_GLOBAL_POOLS):
        return _pooled(node, x)
    if len(known) == 1:
        [constant] = known
        if kind == "MatMul" and found[0] is None:
            return x @ constant, lambda w: w @ constant.T
        if kind == "Add":
            return x + constant, lambda w: w
        if kind == "Mul":
            return x * constant, lambda w: w * constant
    raise ValueError(f"The network ends in {kind}, which this is not defined for.")


def _pooled(node: Any, x: Floats) -> _Step:
    """Pool maps [1, D, H, W]: a place has the weight of its window, where it is the largest, or a share."""
    high, wide = x.shape[2:]
    if node.op_type in _POOLS:
        said = {each.name: list(each.ints) for each in node.attribute}
        high, wide = said["kernel_shape"]
        if said.get("strides") != [high, wide] or any(said.get("pads", [])):
            raise ValueError("The network pools windows that overlap, which this is not defined for.")
    down, right = x.shape[2] // high, x.shape[3] // wide
    cut = x[:, :, : down * high, : right * wide]
    windows = cut.reshape(1, -1, down, high, right, wide).transpose(0, 1, 2, 4, 3, 5)
    windows = windows.reshape(*windows.shape[:4], high * wide)
    if "Max" in node.op_type:
        shares = np.eye(high * wide)[windows.argmax(axis=-1)]
    else:
        shares = np.full(windows.shape, 1 / (high * wide))

    def back(weights: Floats) -> Floats:
        each = (weights[..., None] * shares).reshape(-1, *windows.shape[1:4], high, wide)
        whole = each.transpose(0, 1, 2, 4, 3, 5).reshape(len(weights), -1, down * high, right * wide)
        uncovered = [(0, 0), (0, 0), (0, x.shape[2] - down * high), (0, x.shape[3] - right * wide)]
        return np.pad(whole, uncovered)

    return (windows * shares).sum(axis=-1), back
