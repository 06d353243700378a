"""A model directory with real answers and real mistakes, in a second and without TensorFlow."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cifar_core.datasets.dataset import Dataset, one_hot
from cifar_core.datasets.registry import DIGITS
from cifar_core.evaluation import card
from cifar_core.files import write_whole
from cifar_core.recipes import get_recipe
from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS, ModelDirectory
from tests.model_directories import made

CELLS = 8  # a side, over which pixels are averaged


def learned(path: Path, dataset: Dataset = DIGITS, images: int = 150, seed: int = 0) -> ModelDirectory:
    """A finished run of the recipe `quick`, but that its network is linear and knows few images."""
    facts, recipe = dataset.facts, get_recipe("quick").on(dataset.sizes["train"]).with_(seed=seed)
    directory = made(path, recipe, dataset=facts.to_dict(), parameters=650, hardware="none")
    train = dataset.load("train").take(np.arange(images))
    cell = facts.side // CELLS
    cells = train.images.reshape(images, CELLS, cell, CELLS, cell, 3).mean(axis=(2, 4, 5)) / 255
    x = cells.reshape(images, -1)
    y = one_hot(train.labels, len(facts.class_names))
    weights = 8 * np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)
    write_whole(directory.onnx_path, network(weights.astype(np.float32), cell, dataset))
    directory.keras_path.touch()
    for log, columns in ((directory.steps_path, STEP_COLUMNS), (directory.history_path, HISTORY_COLUMNS)):
        rows = [",".join("1" if "accuracy" in name else row for name in columns) for row in "12"]
        log.write_text("\n".join([",".join(columns), *rows]) + "\n")
    card.evaluate(directory)
    return directory


def network(weights: np.ndarray, cell: int, dataset: Dataset) -> bytes:
    side, names = dataset.facts.side, dataset.class_names
    constants = {
        "weights": weights,
        "scale": np.float32(1 / 255),
        "flat": np.array([0, -1], np.int64),
        "colours": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("ReduceMean", ["planes", "colours"], ["grey"]),
        helper.make_node("AveragePool", ["grey"], ["cells"], kernel_shape=[cell] * 2, strides=[cell] * 2),
        helper.make_node("Reshape", ["cells", "flat"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    widths = {"probabilities": len(names), "logits": len(names), "features": len(weights)}
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", side, side, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", n]) for name, n in widths.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {"dataset": json.dumps(dataset.facts.to_dict())})
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
