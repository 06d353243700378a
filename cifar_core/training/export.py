"""A trained network on its way out of TensorFlow: `model.keras` and `model.onnx`."""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from keras import layers, ops

from cifar_core.datasets.dataset import Facts
from cifar_core.files import write_whole
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training.snapshots import in_half, put_aside

OUTPUTS = ("probabilities", "logits", "features")

# Options that came after Keras 3.8, of batch normalisation, dense layers, initialisers, inputs and resizing.
_UNUSED = (
    *(("renorm", False), ("renorm_clipping", None), ("renorm_momentum", 0.99)),
    *(("lora_alpha", None), ("quantization_config", None)),
    *(("input_axes", None), ("output_axes", None)),
    *(("ragged", False), ("antialias", False)),
)


def save(model: keras.Model, directory: ModelDirectory) -> None:
    """Write `model.keras` and `model.onnx` of a model made by `fit.train`.

    Both hold the same weights, the large ones rounded to half precision, which halves the ONNX file and lets
    the other be compressed; the arithmetic stays float32. `model.keras` takes float32 [N, S, S, 3] in
    [0, 1] and returns probabilities, in every Keras from 3.8 on. `model.onnx` takes the images as they come,
    uint8, and returns `probabilities`, `logits` and `features`. Its metadata say which classes they are of.
    """
    model.set_weights([in_half(weight).astype(np.float32) for weight in model.get_weights()])
    with tempfile.TemporaryDirectory() as folder:
        keras_file = Path(folder, directory.keras_path.name)
        model.save(keras_file)
        write_whole(directory.keras_path, for_older_keras(keras_file))
    _save_onnx(model, directory.onnx_path, directory.facts())


def save_snapshots(model: keras.Model, directory: ModelDirectory) -> None:
    """Write a small `model.onnx` of each snapshot that was put aside while the model learned.

    It takes seconds each, so it comes after all that somebody waits for. The model's weights stay.
    """
    trained = model.get_weights()
    for epoch in directory.snapshots(".npz"):
        if weights := put_aside(directory, epoch):
            model.set_weights(weights)
            _save_onnx(model, directory.snapshot_path(epoch), directory.facts(), small=True)
        directory.snapshot_path(epoch, ".npz").unlink()
    model.set_weights(trained)


def _save_onnx(model: keras.Model, path: Path, facts: Facts, *, small: bool = False) -> None:
    """Write a model for the app's runtime; `small`: in half precision also where that changes it a little."""
    with tempfile.TemporaryDirectory() as folder:
        graph = _onnx(model, Path(folder, path.name))
    _store_in_half(graph, small=small)
    describe(graph, facts)
    onnx.checker.check_model(graph)
    write_whole(path, graph.SerializeToString())


def for_older_keras(archive: Path) -> bytes:
    """Return the content of Keras' file as Keras 3.8 can read it, and compressed.

    Keras writes every option, also those that are not used, and an older one refuses what it does not know.
    It also only stores, and rounded weights shrink by 40 %. The default level of compression takes over three
    times as long, ten seconds for VGG16, to save one per cent more.
    """
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(archive) as stored,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as deflated,
    ):
        for name in stored.namelist():
            content = stored.read(name)
            if name == "config.json":
                content = json.dumps(json.loads(content, object_hook=_without_unused)).encode()
            deflated.writestr(name, content)
    return buffer.getvalue()


def _without_unused(options: dict[str, Any]) -> dict[str, Any]:
    """Leave out options that are newer than Keras 3.8 and hold their defaults."""
    return {name: value for name, value in options.items() if (name, value) not in _UNUSED}


def _onnx(model: keras.Model, scratch: Path) -> onnx.ModelProto:
    weights = model.get_weights()
    model = keras.models.clone_model(model, call_function=_call)
    model.set_weights(weights)
    inside = keras.Model(model.input, {name: model.get_layer(name).output for name in OUTPUTS})
    shape = model.input.shape[1:]
    image = keras.Input(shape, dtype="uint8", name="image")
    outside = keras.Model(image, inside(layers.Rescaling(1 / 255)(image)))
    outside(np.zeros((1, *shape), np.uint8))  # Keras exports only what was called once
    outside.export(scratch, format="onnx", verbose=False)
    graph = onnx.load(scratch)
    outputs = {output.name: output for output in graph.graph.output}
    del graph.graph.output[:]
    graph.graph.output.extend(outputs[name] for name in OUTPUTS)  # the converter sorts them by name
    return graph


def _call(layer: layers.Layer, *inputs: Any, **options: Any) -> Any:
    """Call a layer; write exact GELU with erf, because the converter does not know TensorFlow's erfc."""
    if isinstance(layer, layers.Activation) and layer.activation is keras.activations.gelu:
        (x,) = inputs
        return x * 0.5 * (1.0 + ops.erf(x * 0.5**0.5))
    return layer(*inputs, **options)


def describe(graph: onnx.ModelProto, facts: Facts) -> None:
    """Write into a model's metadata what it knows of its dataset and, alone, its class names, as JSON."""
    known = {"dataset": facts.to_dict(), "class_names": list(facts.class_names)}
    onnx.helper.set_model_props(graph, {name: json.dumps(value) for name, value in known.items()})


def _store_in_half(graph: onnx.ModelProto, *, small: bool) -> None:
    """Store the rounded weights as what they are; ONNX Runtime casts them back once, as it loads.

    Kernels that the converter has put batch norm into are rounded no more, and are so only if `small`.
    """
    for tensor in graph.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        half = in_half(values) if values.dtype == np.float32 else values
        if half is values or not (small or np.array_equal(half.astype(np.float32), values)):
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}/half"))
        cast = onnx.helper.make_node("Cast", [f"{name}/half"], [name], to=onnx.TensorProto.FLOAT)
        graph.graph.node.insert(0, cast)
