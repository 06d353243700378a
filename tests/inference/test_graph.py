"""A stranger's graph is refused before anything walks through it."""

from pathlib import Path

import numpy as np
import pytest

from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import graph
from cifar_core.inference.cam import Cam
from cifar_core.inference.layers import Layers
from tests.networks import CLASSES, SIDE, SOFTMAX, network, node

CIRCLE = network(SOFTMAX, node("Identity", "a", "b"), node("Identity", "b", "a"))
UNFIT = network(SOFTMAX, node("Conv", "float", "c"))


@pytest.mark.parametrize("content", [CIRCLE, UNFIT, b"", b"damaged", network()[:-20]])
@pytest.mark.parametrize("walk", [graph.read, Layers, Cam])
def test_what_is_no_sound_graph_is_refused(tmp_path: Path, walk: type, content: bytes) -> None:
    path = tmp_path / "mine" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ModelDirectoryError, match="“mine” is missing or damaged"):
        walk(path)


def test_a_file_that_is_gone_is_said() -> None:
    with pytest.raises(ModelDirectoryError, match="is missing or damaged"):
        graph.read(Path("gone", "model.onnx"))


def test_a_tensor_inside_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(network())
    model = graph.read(path)
    classifier = graph.with_outputs(path, model, ["mean", "mean", "logits"])
    assert [output.name for output in model.graph.output][-1] == "mean"
    mean, logits = classifier.named(["mean", "logits"], np.full((1, SIDE, SIDE, 3), 7, np.uint8))
    assert mean.tolist() == [7.0]
    assert logits.shape == (1, CLASSES)
