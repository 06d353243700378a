"""A `model.onnx` from anywhere: what it takes, answers, and how long and how much memory that may take."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psutil
import pytest
from onnx import TensorProto

from cifar_core import hardware
from cifar_core.errors import ModelDirectoryError
from cifar_core.evaluation.card import evaluate
from cifar_core.inference import runtime
from cifar_core.inference.opening import classifier_of
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from tests.faults.conftest import contents
from tests.networks import CLASSES, FACTS, OUTPUTS, SIDE, loop, network, node

Network = Callable[[], bytes]
WRONG_INTERFACES: dict[str, Network] = {
    "of floats": lambda: network(image=(TensorProto.FLOAT, ["N", SIDE, SIDE, 3])),
    "of another side": lambda: network(image=(TensorProto.UINT8, ["N", 8, 8, 3])),
    "with the colours first": lambda: network(image=(TensorProto.UINT8, ["N", 3, SIDE, SIDE])),
    "of one picture": lambda: network(image=(TensorProto.UINT8, [1, SIDE, SIDE, 3])),
    "of any size": lambda: network(image=(TensorProto.UINT8, ["N", "H", "W", 3])),
    "without logits": lambda: network(outputs={"probabilities": CLASSES, "features": 1}),
    "with the outputs in another order": lambda: network(outputs=dict(reversed(OUTPUTS.items()))),
    "without facts": lambda: network(facts=None),
    "with facts of one class": lambda: network(facts={**FACTS, "class_names": ["one"]}),
    "of fewer classes": lambda: network(facts={**FACTS, "class_names": ["a", "b"]}),
}
WRONG_ANSWERS: dict[str, Network] = {
    "logits": lambda: network(node("Mul", "logits seven"), seven=np.float32(7)),
    "nothing but zeros": lambda: network(node("Mul", "logits zero"), zero=np.float32(0)),
    "NaN": lambda: network(node("Div", "zeros zeros"), zeros=np.zeros((2, CLASSES), np.float32)),
    "infinity": lambda: network(node("Div", "logits zero"), zero=np.float32(0)),
    "one number": lambda: network(
        node("ReduceMax", "logits", keepdims=0), outputs={**OUTPUTS, "probabilities": None}
    ),
    "one row": lambda: network(
        node("Expand", "tenth shape"),
        outputs={**OUTPUTS, "probabilities": None},
        **{"tenth": np.float32(1 / CLASSES), "shape": np.array([1, CLASSES])},
    ),
    "an error": lambda: network(node("Gather", "logits far"), far=np.array(10**6)),
}
ENDLESS: dict[str, Network] = {
    "a loop": lambda: loop(node("Sin", "x", "y"), end="Softmax"),
    "a loop of loops": lambda: loop(node("Sin", "x", "a"), node("Cos", "a", "y"), end="Softmax"),
}
GREEDY: dict[str, Network] = {
    "a loop that grows": lambda: loop(node("Concat", "x x", "y", axis=0), end="Softmax"),
    "a constant of 24 GB": lambda: network(
        node("ConstantOfShape", "far", "zeros"),
        node("ReduceSum", "zeros", "sum", keepdims=0),
        node("Add", "logits sum"),
        far=np.array([6_000_000_000]),
    ),
    "an answer of 40 GB": lambda: network(node("Expand", "logits far"), far=np.array([10**9, 1, CLASSES])),
}


@pytest.fixture
def mine(digits: ModelDirectory) -> Callable[[bytes], ModelDirectory]:
    """Put a network into a finished run."""

    def put(content: bytes) -> ModelDirectory:
        digits.onnx_path.write_bytes(content)
        return digits

    return put


@pytest.mark.parametrize("kind", WRONG_INTERFACES)
def test_another_interface_is_refused_when_the_model_is_loaded(mine: Any, kind: str) -> None:
    with pytest.raises(ModelDirectoryError, match=r"of “linear” .+ train it again"):
        classifier_of(mine(WRONG_INTERFACES[kind]()))


@pytest.mark.parametrize("kind", WRONG_ANSWERS)
def test_answers_that_make_no_sense_are_refused(mine: Any, kind: str) -> None:
    with pytest.raises(ModelDirectoryError, match="“linear” does not answer as a model of its classes does"):
        Classifier(mine(WRONG_ANSWERS[kind]()).onnx_path)


def test_answers_are_looked_at_each_time(mine: Any) -> None:
    bright = [node("Softmax", "logits", "p"), node("Sub", "hundred features", "d"), node("Sqrt", "d", "root")]
    bright += [node("Mul", "root zero", "nan"), node("Add", "p nan")]
    model = classifier_of(mine(network(*bright, hundred=np.float32(100), zero=np.float32(0))))
    dark = np.zeros((3, SIDE, SIDE, 3), np.uint8)
    assert model.probabilities(dark).shape == (3, CLASSES)
    with pytest.raises(ModelDirectoryError, match="does not answer as a model of its classes does"):
        model.probabilities(dark + 200)


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_is_ended(mine: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "SECONDS", 0.5)
    monkeypatch.setattr(runtime, "SECONDS_AN_IMAGE", 0.0)
    monkeypatch.setattr(runtime, "TICK", 0.1)
    run, started = mine(ENDLESS[kind]()), time.monotonic()
    before = contents(run)
    with pytest.raises(ModelDirectoryError, match="“linear” takes too long to answer"):
        evaluate(run)
    assert time.monotonic() - started < 60
    assert contents(run) == before


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hardware, "free_memory", lambda: 0)
    runtime._limit_memory.cache_clear()
    yield
    runtime._limit_memory.cache_clear()


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("kind", GREEDY)
def test_what_asks_for_more_memory_than_there_is_gets_none(mine: Any, kind: str) -> None:
    held = psutil.Process().memory_info().rss
    with pytest.raises(ModelDirectoryError, match="“linear” needs more memory than there is for it"):
        Classifier(mine(GREEDY[kind]()).onnx_path)
    assert psutil.Process().memory_info().rss - held < 200e6


def test_nothing_of_it_is_printed(mine: Any, capfd: pytest.CaptureFixture[str]) -> None:
    for kind in (WRONG_ANSWERS["an error"], GREEDY["an answer of 40 GB"], WRONG_INTERFACES["without facts"]):
        with pytest.raises(ModelDirectoryError):
            Classifier(mine(kind()).onnx_path)
    assert capfd.readouterr() == ("", "")
