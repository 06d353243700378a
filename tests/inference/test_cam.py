"""The map against its definition from weights and maps: of small networks, and of those that come along."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from cifar_core import paths
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import graph
from cifar_core.inference.cam import Cam, names
from cifar_core.inference.runtime import Classifier
from tests import networks
from tests.pictures import photos

SIDE, CLASSES, MAPS = networks.SIDE, networks.CLASSES, 5
RNG = np.random.default_rng(0)
FILTERS = (RNG.standard_normal((MAPS, 3, 4, 4)) / 500).astype(np.float32)
[IMAGE] = photos(1)


def saved(
    folder: Path, *nodes: tuple[str, Iterable[str], str] | onnx.NodeProto, width: int, **constants: Any
) -> Path:
    """A network whose last maps are eight by eight numbers of five filters, ending in these nodes."""
    head = [
        helper.make_node("Cast", ["image"], ["float"], to=1),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "filters"], ["found"], strides=[4, 4]),
        helper.make_node("Relu", ["found"], ["maps"]),
        *(
            node if isinstance(node, onnx.NodeProto) else helper.make_node(node[0], node[1], [node[2]])
            for node in nodes
        ),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    model = onnx.load_from_string(networks.network(filters=FILTERS, **constants))
    del model.graph.node[:]
    model.graph.node.extend(head)
    [features] = [each for each in model.graph.output if each.name == "features"]
    features.type.tensor_type.shape.dim[1].dim_value = width
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def opened(path: Path) -> Cam:
    return Cam(graph.opened(path, names))


def maps_of(image: np.ndarray) -> np.ndarray:
    """The same maps, float64 [D, 8, 8], computed as a convolution is defined."""
    blocks = image.reshape(SIDE // 4, 4, SIDE // 4, 4, 3).astype(np.float64)
    found: np.ndarray = np.einsum("iajbc,dcab->dij", blocks, FILTERS.astype(np.float64)).clip(min=0)
    return found


def dense(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def test_behind_an_average_over_the_picture_it_is_zhou_s(tmp_path: Path) -> None:
    weights, bias = dense(MAPS, CLASSES), dense(CLASSES)
    path = saved(
        tmp_path,
        ("GlobalAveragePool", ["maps"], "averages"),
        ("Flatten", ["averages"], "features"),
        ("MatMul", ["features", "output"], "product"),
        ("Add", ["product", "bias"], "logits"),
        width=MAPS,
        output=weights,
        bias=bias,
    )
    places = opened(path).places(IMAGE)
    zhou = np.einsum("dc,dij->cij", weights, maps_of(IMAGE)) / (8 * 8)
    np.testing.assert_allclose(places.parts, zhou, atol=1e-4)
    np.testing.assert_allclose(places.rest, bias, atol=1e-4)


def test_behind_a_maximum_a_place_has_what_the_maps_with_their_maximum_there_add(tmp_path: Path) -> None:
    weights = dense(MAPS, CLASSES)
    path = saved(
        tmp_path,
        ("GlobalMaxPool", ["maps"], "maxima"),
        ("Flatten", ["maxima"], "features"),
        ("MatMul", ["features", "output"], "product"),
        ("Mul", ["ninth", "product"], "logits"),
        width=MAPS,
        output=weights,
        ninth=np.float32(1 / 9),
    )
    expected = np.zeros((CLASSES, 8, 8))
    for one, weight in zip(maps_of(IMAGE), weights, strict=True):
        expected[(slice(None), *np.unravel_index(one.argmax(), one.shape))] += weight / 9 * one.max()
    places = opened(path).places(IMAGE)
    np.testing.assert_allclose(places.parts, expected, atol=1e-4)
    np.testing.assert_allclose(places.rest, 0, atol=1e-4)


def test_behind_dense_layers_a_number_has_the_weights_of_the_units_that_pass_it_on(tmp_path: Path) -> None:
    hidden, weights, shift = dense(MAPS * 4 * 4, 20), dense(20, CLASSES), dense(20)
    path = saved(
        tmp_path,
        helper.make_node("MaxPool", ["maps"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Transpose", ["pooled"], ["last"], perm=[0, 2, 3, 1]),
        ("Reshape", ["last", "flat"], "vector"),
        ("MatMul", ["vector", "hidden"], "sums"),
        ("Add", ["sums", "shift"], "shifted"),
        ("Relu", ["shifted"], "features"),
        ("MatMul", ["features", "output"], "logits"),
        width=20,
        flat=np.array([0, -1]),
        hidden=hidden,
        shift=shift,
        output=weights,
    )
    windows = maps_of(IMAGE).reshape(MAPS, 4, 2, 4, 2)
    largest = windows.max(axis=(2, 4))
    on = largest.transpose(1, 2, 0).ravel() @ hidden + shift > 0
    each = (hidden[:, on] @ weights[on]).reshape(4, 4, MAPS, CLASSES)
    expected = np.einsum("ijdc,dij->cij", each, largest)
    places = opened(path).places(IMAGE)
    assert places.parts.shape == (CLASSES, 8, 8)
    windowed = places.parts.reshape(CLASSES, 4, 2, 4, 2).sum(axis=(2, 4))
    np.testing.assert_allclose(windowed, expected, atol=1e-3)
    np.testing.assert_allclose(places.rest, shift[on] @ weights[on], atol=1e-3)
    cells = np.isclose(windows, largest[:, :, None, :, None]).any(axis=0).reshape(8, 8)
    assert not places.parts[:, ~cells].any()  # what is no maximum adds nothing


@pytest.mark.parametrize("name", ["best", "cnn", "fast", "quick", "report", "robust", "vgg16"])
def test_of_the_models_that_come_along_parts_and_rest_are_the_logits(name: str) -> None:
    path = paths.models_root() / name / "model.onnx"
    cam = opened(path)
    for image in photos(2):
        parts, rest = cam.places(image)
        logits = Classifier(path, threads=1).outputs(image[None]).logits[0]
        np.testing.assert_allclose(parts.sum(axis=(1, 2)) + rest, logits, atol=1e-3)


def test_of_best_it_is_its_weights_times_the_maxima_where_they_stand() -> None:
    path = paths.models_root() / "best" / "model.onnx"
    model = onnx.load(path)
    [pool] = [node for node in model.graph.node if node.op_type == "GlobalMaxPool"]
    [product] = [node for node in model.graph.node if "features" in node.input]
    [cast] = [node for node in model.graph.node if product.input[1] in node.output]
    [stored] = [each for each in model.graph.initializer if each.name == cast.input[0]]
    weights = numpy_helper.to_array(stored).astype(np.float64)
    model.graph.output.append(onnx.ValueInfoProto(name=pool.input[0]))
    classifier = Classifier(path, content=model.SerializeToString())
    [maps] = classifier.named([pool.input[0]], IMAGE[None])[0].astype(np.float64)
    expected = np.zeros((10, *maps.shape[1:]))
    for one, weight in zip(maps, weights, strict=True):
        expected[(slice(None), *np.unravel_index(one.argmax(), one.shape))] += weight / 9 * one.max()
    np.testing.assert_allclose(opened(path).places(IMAGE).parts, expected, atol=1e-3)


def test_the_map_is_of_the_class_and_peaks_where_its_part_is_largest(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        ("GlobalAveragePool", ["maps"], "averages"),
        ("Flatten", ["averages"], "features"),
        ("MatMul", ["features", "output"], "logits"),
        width=MAPS,
        output=dense(MAPS, CLASSES),
    )
    cam = opened(path)
    parts = cam.places(IMAGE).parts
    for index in range(CLASSES):
        found = cam.map(IMAGE, index)
        assert found.dtype == np.float32
        assert found.shape == (SIDE, SIDE)
        if parts[index].max() <= 0:
            assert not found.any()
            continue
        assert found.min() >= 0
        assert found.max() == 1
        place = np.unravel_index(parts[index].argmax(), (8, 8))
        assert tuple(np.array(np.unravel_index(found.argmax(), found.shape)) // 4) == place
    with pytest.raises(ValueError, match="class is 0 to 9"):
        cam.map(IMAGE, CLASSES)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ([("Sigmoid", ["flat"], "features")], "ends in Sigmoid"),
        ([helper.make_node("Softmax", ["flat"], ["features"])], "ends in Softmax"),
    ],
)
def test_another_kind_of_network_has_none(tmp_path: Path, last: list[Any], reason: str) -> None:
    path = saved(
        tmp_path,
        ("GlobalAveragePool", ["maps"], "averages"),
        ("Flatten", ["averages"], "flat"),
        *last,
        ("MatMul", ["features", "output"], "logits"),
        width=MAPS,
        output=dense(MAPS, CLASSES),
    )
    with pytest.raises(ValueError, match=reason):
        opened(path)


def test_a_network_without_maps_has_none(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(networks.network())
    with pytest.raises(ValueError, match="no layer"):
        opened(path)


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\xff no model")
    with pytest.raises(ModelDirectoryError, match="damaged"):
        opened(path)
