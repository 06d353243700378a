"""Networks of a few nodes that know nothing, and do in the end what a test says."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cifar_core.datasets.registry import DIGITS

SIDE, CLASSES = DIGITS.facts.side, len(DIGITS.class_names)
NODES = [
    helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
    helper.make_node("ReduceMean", ["float", "inner"], ["mean"], keepdims=0),
    helper.make_node("Unsqueeze", ["mean", "one"], ["features"]),
    helper.make_node("MatMul", ["features", "weights"], ["logits"]),
]
SOFTMAX = helper.make_node("Softmax", ["logits"], ["probabilities"])
FACTS = DIGITS.facts.to_dict()
OUTPUTS = {"probabilities": CLASSES, "logits": CLASSES, "features": 1}


def network(
    *nodes: onnx.NodeProto,
    image: Any = (TensorProto.UINT8, ["N", SIDE, SIDE, 3]),
    outputs: Mapping[str, Any] = OUTPUTS,
    facts: Any = FACTS,
    **constants: Any,
) -> bytes:
    """A network that knows nothing, ending in `nodes` where any are given."""
    constants = {
        **{"inner": np.array([1, 2, 3]), "one": np.array([1]), "weights": np.ones((1, CLASSES), np.float32)},
        **constants,
    }
    graph = helper.make_graph(
        [*NODES, *(nodes or [SOFTMAX])],
        "hostile",
        [helper.make_tensor_value_info("image", *image)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None if width is None else ["N", width])
            for name, width in outputs.items()
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {"dataset": json.dumps(facts)})
    content: bytes = model.SerializeToString()
    return content


def loop(*body: onnx.NodeProto, end: str) -> bytes:
    """A network that goes round `body`, from `x` to `y`, for ever, and then takes `end` of it."""
    value = helper.make_tensor_value_info
    inner = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), *body],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("go", TensorProto.BOOL, []),
            value("x", TensorProto.FLOAT, None),
        ],
        [value("go_on", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, None)],
    )
    around = helper.make_node("Loop", ["times", "true", "logits"], ["round"], body=inner)
    last = helper.make_node(end, ["round"], ["probabilities"])
    return network(around, last, times=np.array(2**62), true=np.array(True))


def node(kind: str, inputs: str, output: str = "probabilities", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), [output], **attributes)
