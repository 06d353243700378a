import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from cifar_core.datasets.dataset import normalise
from cifar_core.inference.runtime import Classifier
from cifar_core.training import architectures, export
from cifar_core.training.snapshots import in_half
from tests.model_directories import made
from tests.pictures import photos

NETWORKS: dict[str, dict[str, Any]] = {
    "report_cnn": {},
    "airbench": {"widths": [16, 32, 32], "activation": "gelu"},
    "vgg16": {"hidden": 8, "dropout": 0.5, "size": 48},
}

# Where neither this package nor anything it registers with Keras can be imported.
LOAD = """
import sys
from importlib.util import find_spec
from pathlib import Path
import keras
import numpy as np

assert find_spec("cifar_core") is None
images = np.load("images.npy")
for path in map(Path, sys.argv[1:]):
    model = keras.saving.load_model(path, safe_mode=True)
    np.save(path.with_suffix(".npy"), model.predict(images / np.float32(255), verbose=0))
"""


class Exported:
    """All networks with weights as after some training, exported, and their answers from a fresh process."""

    def __init__(self, folder: Path, images: Any) -> None:
        self.images, self.folder = images, folder
        self.directories = {name: made(folder / name) for name in NETWORKS}
        keras.utils.set_random_seed(0)
        for name, directory in self.directories.items():
            fused = architectures.build(name, NETWORKS[name], fused=True)
            architectures.start(fused, images)
            norms = [layer for layer in fused.layers if hasattr(layer, "momentum")]
            for layer in norms:
                layer.momentum = 0.5  # of batch norm's statistics, so that a few steps are enough for them
            for _ in range(10 if norms else 0):
                fused(normalise(images), training=True)
            # logits far enough apart for a difference to show
            weights = [5 * w if w.shape[1:] == (10,) else w for w in fused.get_weights()]
            plain = architectures.build(name, NETWORKS[name])
            plain.set_weights(weights)
            if not norms:  # random filters tell pictures apart a little, and one class would win all
                plain.layers[-1].bias.assign_sub(np.mean(plain(normalise(images)), axis=0))
            export.save(architectures.with_probabilities(plain), directory)
        np.save(folder / "images.npy", images)
        files = [str(directory.keras_path) for directory in self.directories.values()]
        elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", LOAD, *files], check=True, cwd=folder, env=elsewhere
        )

    def keras_probabilities(self, name: str) -> Any:
        return np.load(self.directories[name].keras_path.with_suffix(".npy"))

    def session(self, name: str) -> Any:
        return ort.InferenceSession(self.directories[name].onnx_path, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, vgg16_weights: Path) -> Exported:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VGG16_WEIGHTS", str(vgg16_weights))
        return Exported(tmp_path_factory.mktemp("export"), photos(60))


each = pytest.mark.parametrize("name", NETWORKS)


@pytest.mark.slow
@each
def test_both_files_give_the_same_answers_without_this_package(exported: Exported, name: str) -> None:
    theirs = exported.keras_probabilities(name)
    ours = Classifier(exported.directories[name].onnx_path).probabilities(exported.images)
    assert theirs.shape == ours.shape == (60, 10)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    # pictures are told apart; otherwise to agree would be no feat
    assert theirs.std(axis=0).max() > 0.05
    assert len(set(theirs.argmax(axis=1))) > 1


@pytest.mark.slow
@each
def test_the_onnx_file_takes_bytes_and_gives_probabilities_first(exported: Exported, name: str) -> None:
    session = exported.session(name)
    (taken,) = session.get_inputs()
    assert (taken.type, taken.shape[1:]) == ("tensor(uint8)", [32, 32, 3])
    assert not isinstance(taken.shape[0], int)
    outputs = session.get_outputs()
    assert [output.name for output in outputs] == ["probabilities", "logits", "features"]
    assert {output.type for output in outputs} == {"tensor(float)"}
    features = {"report_cnn": 256, "airbench": 32, "vgg16": 8}[name]
    for count in (1, 7):
        answers = session.run(None, {taken.name: exported.images[:count]})
        assert [answer.shape for answer in answers] == [(count, 10), (count, 10), (count, features)]
        assert {answer.dtype for answer in answers} == {np.dtype(np.float32)}


@pytest.mark.slow
@each
def test_probabilities_are_the_softmax_of_the_logits(exported: Exported, name: str) -> None:
    session = exported.session(name)
    probabilities, logits, _ = session.run(None, {session.get_inputs()[0].name: exported.images})
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
@each
def test_the_files_are_valid_and_alone(exported: Exported, name: str) -> None:
    directory = exported.directories[name]
    onnx.checker.check_model(onnx.load(directory.onnx_path), full_check=True)
    left = {path.name for path in directory.path.iterdir()} - {"model.npy"}
    assert left == {directory.config_path.name, directory.keras_path.name, directory.onnx_path.name}


@pytest.mark.slow
@each
def test_kernels_are_stored_in_half_precision(exported: Exported, name: str) -> None:
    graph = onnx.load(exported.directories[name].onnx_path).graph
    kernels = [tensor for tensor in graph.initializer if len(tensor.dims) > 1 and np.prod(tensor.dims) > 256]
    halves = [tensor for tensor in kernels if tensor.data_type == onnx.TensorProto.FLOAT16]
    # the converter multiplies batch norm into a convolution right before it, and the product does not fit
    assert len(halves) == len(kernels) - {"report_cnn": 0, "airbench": 3, "vgg16": 0}[name]


def test_what_half_precision_cannot_hold_stays_as_it_is() -> None:
    kernel = np.array([[1.0, 1 / 3], [-3e-9, 1e4]], np.float32)
    huge = np.array([[1.0, 1 / 3], [0.5, -1e5]], np.float32)
    vector = np.array([1 / 3, 1e-12, 1e9], np.float32)
    rounded = in_half(kernel)
    assert rounded.dtype == np.float16
    assert np.abs(rounded - kernel).max() < 5
    for unchanged in (huge, vector):
        assert in_half(unchanged) is unchanged

    arrays = {"kernel": rounded.astype(np.float32), "huge": huge, "vector": vector}
    nodes = [onnx.helper.make_node("Identity", [name], [f"{name}_out"]) for name in arrays]
    outputs = [
        onnx.helper.make_tensor_value_info(f"{name}_out", onnx.TensorProto.FLOAT, array.shape)
        for name, array in arrays.items()
    ]
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "constants", [], outputs, constants),
        opset_imports=[onnx.helper.make_opsetid("", 15)],
        ir_version=8,
    )
    export._store_in_half(model, small=False)
    onnx.checker.check_model(model)
    full, half = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    stored = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert stored == {"kernel/half": half, "huge": full, "vector": full}
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for answer, array in zip(session.run(None, {}), arrays.values(), strict=True):
        np.testing.assert_array_equal(answer, array)
