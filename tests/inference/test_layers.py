"""What is found inside a network: by how its graph hangs together, and of a stranger's network, too."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import NodeProto, TensorProto

from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import graph, layers, runtime
from cifar_core.inference.layers import Layers
from cifar_core.inference.saliency import RAMP
from tests.inference.test_hostile import ENDLESS, WRONG_ANSWERS, WRONG_INTERFACES
from tests.networks import OUTPUTS, network, node
from tests.pictures import photos

PICTURE = photos(1)[0]
RANDOM = np.random.default_rng(0)
COLOURS, MORE = (RANDOM.normal(size=(4, channels, 3, 3)).astype(np.float32) for channels in (3, 4))
SAME: dict[str, Any] = {"pads": [1, 1, 1, 1]}
HALF: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
FIRST = node("Conv", "planes colours", "c1", **SAME)
SECOND = node("Conv", "r1 more", "c2", **SAME)
RELU = node("Relu", "c1", "r1")
GELU = [node("Mul", "c1 less", "a"), node("Erf", "a", "b"), node("Mul", "c1 b", "r1")]
NORM = node("BatchNormalization", "r1 scale scale scale scale", "n1")

# The nodes, the tensor that the answer is made of, and the tensors of which the maps come.
GRAPHS: dict[str, tuple[list[NodeProto], str, list[str]]] = {
    "an activation": ([FIRST, RELU], "r1", ["r1"]),
    "an activation of several nodes": ([FIRST, *GELU], "r1", ["r1"]),
    "batch norm behind the activation": ([FIRST, RELU, NORM], "n1", ["n1"]),
    "no activation": ([FIRST], "c1", ["c1"]),
    "a pooling at the end": ([FIRST, RELU, node("MaxPool", "r1", "p", **HALF)], "p", ["r1"]),
    "a pooling before the activation": (
        [FIRST, node("AveragePool", "c1", "p", **HALF), node("Relu", "p", "r")],
        "r",
        ["r"],
    ),
    "two convolutions of one size": ([FIRST, RELU, SECOND], "c2", ["c2"]),
    "a smaller second convolution": (
        [FIRST, RELU, node("Conv", "r1 more", "c2", strides=[2, 2])],
        "c2",
        ["r1", "c2"],
    ),
    "a way around": ([FIRST, RELU, SECOND, node("Add", "r1 c2", "around")], "around", ["around"]),
    "several ways": ([FIRST, RELU, node("Concat", "r1 c1", "both", axis=1)], "both", ["r1"]),
    "no convolution": ([], "planes", []),
}

Opened = Callable[[bytes], Layers]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    def opened(content: bytes) -> Layers:
        path = tmp_path / "mine" / "model.onnx"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return Layers(graph.opened(path, layers.names))

    return opened


def network_of(nodes: list[NodeProto], end: str, *names: str, **constants: Any) -> bytes:
    """A network whose answer passes through these nodes, and which hands out tensors of these names."""
    whole = [
        node("Transpose", "float", "planes", perm=[0, 3, 1, 2]),
        *nodes,
        node("ReduceMean", f"{end} inner", "means", keepdims=0),
        node("Unsqueeze", "means one", "column"),
        node("Mul", "column zero", "nothing"),
        node("Add", "logits nothing", "sum"),
        node("Softmax", "sum"),
    ]
    scale, less, zero = np.ones(4, np.float32) / 2, np.float32(0.001), np.float32(0)
    own = {"colours": COLOURS, "more": MORE, "scale": scale, "less": less, "zero": zero, **constants}
    return network(*whole, outputs={**OUTPUTS, **dict.fromkeys(names)}, **own)


@pytest.mark.parametrize("kind", GRAPHS)
def test_the_maps_are_what_a_convolution_hands_on_before_they_shrink(kind: str, opened: Opened) -> None:
    nodes, end, names = GRAPHS[kind]
    reference = ort.InferenceSession(network_of(nodes, end, *names), providers=["CPUExecutionProvider"])
    way = opened(network_of(nodes, end)).way(PICTURE)
    assert len(way.blocks) == len(names)
    for maps, name in zip(way.blocks, names, strict=True):
        [[expected]] = reference.run([name], {"image": PICTURE[None]})
        assert expected.std() > 0
        np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-3)
    if names:
        np.testing.assert_array_equal(way.filters, COLOURS)
    else:
        assert way.filters is None


def test_filters_of_anything_but_three_colours_are_not_shown(opened: Opened) -> None:
    grey = node("ReduceMean", "planes one", "grey")
    nodes = [grey, node("Conv", "grey weights1", "c1", **SAME)]
    way = opened(network_of(nodes, "c1", weights1=COLOURS[:, :1])).way(PICTURE)
    assert way.filters is None
    assert [maps.shape for maps in way.blocks] == [(4, *PICTURE.shape[:2])]


def test_maps_that_are_no_pictures_are_left_out(opened: Opened) -> None:
    nodes = [FIRST, RELU, node("Mul", "r1 ones", "five"), node("ReduceMax", "five one", "r")]
    way = opened(network_of(nodes, "planes", ones=np.ones((1, 1, 1, 1, 1), np.float32))).way(PICTURE)
    assert way.blocks == []


def test_numbers_beyond_all_measure_inside_are_refused(opened: Opened) -> None:
    model = opened(network_of([FIRST, node("Div", "c1 zero", "r1"), SECOND], "planes"))
    with pytest.raises(ModelDirectoryError, match="“mine” does not answer as a model of its classes does"):
        model.way(PICTURE)


@pytest.mark.parametrize("kind", [*WRONG_INTERFACES, *WRONG_ANSWERS])
def test_what_is_no_model_of_its_classes_is_refused(kind: str, opened: Opened) -> None:
    with pytest.raises(ModelDirectoryError, match="“mine”"):
        opened({**WRONG_INTERFACES, **WRONG_ANSWERS}[kind]())


def test_what_never_ends_is_ended(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"SECONDS": 0.5, "SECONDS_AN_IMAGE": 0.0, "TICK": 0.1}.items():
        monkeypatch.setattr(runtime, name, seconds)
    with pytest.raises(ModelDirectoryError, match="“mine” takes too long to answer"):
        opened(ENDLESS["a loop"]())


@pytest.mark.parametrize("content", [b"", b"none", b"\x3a\xff\xff\xff\xff\x0f", network()[:200]])
def test_a_damaged_file_is_refused(content: bytes, opened: Opened) -> None:
    with pytest.raises(ModelDirectoryError, match="“mine” is missing or damaged"):
        opened(content)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="is missing or damaged"):
        graph.opened(tmp_path / "model.onnx", layers.names)


@pytest.mark.parametrize(
    ("place", "refused"), [("weights", True), ("../weights", True), ("own", False), ("mine/own", True)]
)
def test_no_weights_are_read_from_outside_its_own_folder(
    place: str, refused: bool, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for file in (tmp_path / "weights", tmp_path / "mine" / "own"):
        file.write_bytes(COLOURS.tobytes())
    model = onnx.load_from_string(network_of([FIRST, RELU], "r1"))
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == "colours"]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": place, "offset": "0", "length": str(COLOURS.nbytes)}.items():
        tensor.external_data.add(key=key, value=value)
    if refused:
        with pytest.raises(ModelDirectoryError, match="“mine” is missing or damaged"):
            opened(model.SerializeToString())
    else:
        np.testing.assert_array_equal(opened(model.SerializeToString()).way(PICTURE).filters, COLOURS)


def test_the_strongest_maps_hold_the_largest_numbers() -> None:
    maps = np.zeros((4, 2, 2), np.float32)
    maps[:, 1, 1] = (1, 3, -2, 2)
    np.testing.assert_array_equal(layers.strongest(maps, 3), maps[[1, 3, 0]])
    assert len(layers.strongest(maps, 9)) == 4


def test_maps_are_coloured_on_one_scale() -> None:
    tiles = layers.map_tiles(np.array([[[-1.0, 0.0]], [[1.0, 2.0]]], np.float32))
    assert tiles.reshape(-1, 3).tolist() == [list(colour) for colour in RAMP]
    flat = layers.map_tiles(np.full((1, 2, 2), 7, np.float32))
    assert (flat == RAMP[0]).all()
    widest = layers.map_tiles(np.array([[[-3e38, 3e38]]], np.float32))
    assert widest.reshape(-1, 3).tolist() == [list(RAMP[0]), list(RAMP[-1])]


def test_filters_are_shown_as_what_they_look_for() -> None:
    red, nothing = np.zeros((2, 3, 1, 1), np.float32)
    red[0], red[2] = 0.2, -0.1
    assert layers.filter_tiles(np.stack([red, nothing]))[:, 0, 0].tolist() == [[228, 128, 78], [128] * 3]


def test_a_strip_has_crisp_tiles_and_gaps_to_look_through() -> None:
    tiles = np.stack([np.full((2, 3, 3), value, np.uint8) for value in (10, 200)])
    strip = layers.strip(tiles, 6, across=3)
    assert strip.shape == (4, 3 * 6 + 2 * layers.GAP, 4)
    assert (strip[:, :6] == (10, 10, 10, 255)).all()
    assert (strip[:, 6 + layers.GAP :][:, :6] == (200, 200, 200, 255)).all()
    assert not strip[:, 6 : 6 + layers.GAP, 3].any()
    assert not strip[:, 12 + layers.GAP :, 3].any()


def test_who_does_not_look_inside_does_not_load_onnx() -> None:
    code = "import pages.parts.inside, sys; assert 'onnx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
