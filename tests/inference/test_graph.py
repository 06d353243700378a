"""A stranger's graph is refused before anything walks through it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import graph
from cifar_core.inference.inside import inside
from cifar_core.runs.model_dir import ModelDirectory
from tests.networks import CLASSES, OUTPUTS, SIDE, SOFTMAX, network, node

CIRCLE = network(SOFTMAX, node("Identity", "a", "b"), node("Identity", "b", "a"))
UNFIT = network(SOFTMAX, node("Conv", "float", "c"))


@pytest.mark.parametrize("content", [CIRCLE, UNFIT, b"", b"damaged", network()[:-20]])
@pytest.mark.parametrize("walk", [graph.read, lambda path: inside(ModelDirectory(path.parent))])
def test_what_is_no_sound_graph_is_refused(
    tmp_path: Path, walk: Callable[[Path], object], content: bytes
) -> None:
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
    inner, classifier = graph.opened(path, lambda _: ["mean", "logits"], lambda _: ["mean"])
    assert [output.name for output in inner.output] == [*OUTPUTS, "mean"]
    mean, logits = classifier.named(["mean", "logits"], np.full((1, SIDE, SIDE, 3), 7, np.uint8))
    assert mean.tolist() == [7.0]
    assert logits.shape == (1, CLASSES)
