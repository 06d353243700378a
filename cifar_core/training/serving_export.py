"""A finished model in other formats: `python -m cifar_core.training.serving_export KIND MODEL DIRECTORY`.

For TensorFlow Serving a SavedModel with two signatures and calibrated answers, and the requests with which a
server warms up; for LiteRT one file. `cifar_core.deploy.exporting` starts this process.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cifar_core.deploy import serving
from cifar_core.errors import CifarLabError, ModelDirectoryError
from cifar_core.files import write_whole
from cifar_core.inference import ood
from cifar_core.inference.classify import Calibration, calibration_of
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training.server_images import LOOKS, decode_all


class Servable(tf.Module):
    """A network with its temperature, and the signatures that a server offers of it.

    `serving_default` takes float32 [N, S, S, 3] in [0, 1] and returns probabilities, float32 [N, C]: a
    single output, so that a REST answer's `predictions` are plain lists. `classify_bytes` takes JPEG or PNG
    files, string [N], and answers as the app does: also the likeliest class, the names that the probabilities
    belong to, [N, C] because a server wants a row of each output for each picture, and whether it is none of
    these.
    """

    def __init__(self, network: keras.Model, calibration: Calibration, class_names: Sequence[str]) -> None:
        super().__init__()
        outputs = [network.get_layer(name).output for name in ("logits", "features")]
        self.network = keras.Model(network.input, outputs)
        # The variables inside of Keras' own: a server restores these and would not find the others.
        self.values = [variable.value for variable in self.network.variables]
        self._calibration, self._class_names = calibration, class_names
        self.side = int(network.input.shape[1])
        self._shape = [self.side, self.side, 3]
        images = tf.TensorSpec([None, self.side, self.side, 3], tf.float32, name="images")
        self.probabilities = tf.function(self._probabilities, input_signature=[images])

    def _probabilities(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classify images in [0, 1]."""
        logits, _ = self.network(images, training=False)
        return {"probabilities": self._calibrated(logits)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def classify_bytes(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classify picture files."""
        images = tf.cast(tf.reshape(decode_all(image_bytes, self.side), [-1, *self._shape]), tf.float32)
        logits, features = self.network(images / 255, training=False)
        score = _mean(self._score(logits, features, images))
        probabilities, names = self._calibrated(_mean(logits)), tf.constant(self._class_names)
        return {
            "class": tf.gather(names, tf.argmax(probabilities, axis=1)),
            "classes": tf.tile(names[None], [tf.shape(probabilities)[0], 1]),
            "none_of_these": score > self._calibration.ood_threshold,
            "probabilities": probabilities,
        }

    def _calibrated(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(logits / self._calibration.temperature)

    def _score(self, logits: tf.Tensor, features: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """Score pictures, 0 to 255, as `cifar_core.inference.ood.score` does."""
        known = self._calibration.known
        assert isinstance(known, ood.Known)  # of an average nothing is exported
        centred = logits - tf.reduce_mean(logits, axis=1, keepdims=True)
        unit = tf.math.l2_normalize(features, axis=1)
        cosines = tf.matmul(unit, known.class_directions, transpose_b=True)
        answer = -tf.reduce_logsumexp(centred, axis=1) * tf.reduce_max(cosines, axis=1)
        usual, limit = known.answer_steps.tolist()
        off = _pixel_statistics(images) - known.usual_mean.astype(np.float32)
        distance = tf.einsum("ni,ij,nj->n", off, known.usual_precision.astype(np.float32), off)
        return tf.maximum(
            (answer - usual) / max(limit - usual, 1e-9), distance / max(float(known.pixel_step[0]), 1e-9)
        )


def _mean(values: tf.Tensor) -> tf.Tensor:
    """Average what belongs to the looks at one picture, which stand behind each other."""
    return tf.reduce_mean(tf.reshape(values, [-1, LOOKS, *values.shape[1:]]), axis=1)


def _pixel_statistics(images: tf.Tensor) -> tf.Tensor:
    """Return of float32 [N, S, S, 3] what `cifar_core.inference.pixel_statistics.statistics` does."""
    light = tf.reduce_mean(images, axis=-1)
    across, down = (light[:, :, 1:] - light[:, :, :-1])[:, :-1], (light[:, 1:] - light[:, :-1])[:, :, :-1]
    side = int(images.shape[1])
    gradient = tf.sort(tf.reshape(tf.sqrt(across**2 + down**2), [-1, (side - 1) ** 2]), axis=1)
    last = (side - 1) ** 2 - 1
    beside = light[:, :-2, 1:-1] + light[:, 2:, 1:-1] + light[:, 1:-1, :-2] + light[:, 1:-1, 2:]
    colour = images - light[..., None]
    found = [
        tf.math.reduce_std(light, axis=[1, 2]),
        tf.reduce_mean(tf.abs(4 * light[:, 1:-1, 1:-1] - beside), axis=[1, 2]),
        tf.reduce_mean(gradient, axis=1),
        (gradient[:, last // 2] + gradient[:, last - last // 2]) / 2,
        tf.reduce_mean(tf.sqrt(tf.reduce_mean(colour**2, axis=-1)), axis=[1, 2]),
        tf.reduce_mean(tf.abs(colour[:, :, 1:] - colour[:, :, :-1]), axis=[1, 2, 3]),
    ]
    return tf.math.log1p(tf.stack(found, axis=1))


def export(directory: ModelDirectory, destination: Path) -> Path:
    """Write the next version of a model under `destination/<model>`; return that version's folder.

    A server that watches the folder sees the version whole or not at all.

    Raises
    ------
    ModelDirectoryError
        If `model.keras` or the results are missing or damaged.
    """
    network, calibration = _load(directory), calibration_of(directory)
    base = destination.resolve() / directory.name
    base.mkdir(parents=True, exist_ok=True)
    unfinished = base / f".{os.getpid()}.tmp"  # no number, so no version
    try:
        servable = Servable(network, calibration, directory.facts().class_names)
        signatures = {
            serving.IMAGES_SIGNATURE: servable.probabilities,
            serving.FILES_SIGNATURE: servable.classify_bytes,
        }
        tf.saved_model.save(servable, str(unfinished), signatures=signatures)
        _write_warmup(unfinished, directory.name, servable.side)
        return _rename_to_next_version(unfinished, base)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def export_litert(directory: ModelDirectory, destination: Path) -> Path:
    """Write a model as `destination/<model>.tflite`, for phones and small devices; return the file.

    It takes float32 [N, S, S, 3] in [0, 1] and returns probabilities as the network gives them, not
    calibrated.

    Raises
    ------
    ModelDirectoryError
        If `model.keras` is missing or damaged.
    """
    network = _load(directory)
    destination.mkdir(parents=True, exist_ok=True)
    path = destination.resolve() / f"{directory.name}.tflite"
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder, path.name)
        network.export(scratch, format="litert", verbose=False)
        write_whole(path, scratch.read_bytes())
    return path


def _load(directory: ModelDirectory) -> keras.Model:
    try:
        return keras.saving.load_model(directory.keras_path, compile=False)
    except Exception as error:  # each kind of damage raises something else
        raise ModelDirectoryError(
            f"{directory.keras_path.name} of “{directory.name}” is missing or damaged; train it again."
        ) from error


def _rename_to_next_version(folder: Path, base: Path) -> Path:
    while True:
        taken = [int(path.name) for path in base.iterdir() if path.name.isdecimal()]
        version = base / str(max(taken, default=0) + 1)
        try:
            return folder.rename(version)
        except OSError:
            if not version.exists():  # else another export took the number a moment ago
                raise


def _write_warmup(folder: Path, name: str, side: int) -> None:
    """Write one request for each way through the model, which a server answers before it takes others."""
    grey = np.full((48, 64, 3), 127, np.uint8)
    files = [tf.io.encode_jpeg(grey).numpy(), tf.io.encode_png(grey).numpy()]
    requests = [
        _predict_log(name, serving.IMAGES_SIGNATURE, "images", np.zeros((1, side, side, 3), np.float32)),
        _predict_log(name, serving.FILES_SIGNATURE, "image_bytes", np.array(files)),
    ]
    extra = folder / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for request in requests:
            writer.write(request)


def _predict_log(model: str, signature: str, name: str, values: np.ndarray) -> bytes:
    """Encode a `tensorflow.serving.PredictionLog` that holds one request.

    Its definition comes in a package that insists on another TensorFlow package than ours, and these are four
    small messages: the numbers are those of prediction_log.proto, predict.proto and model.proto.
    """
    tensor = tf.make_tensor_proto(values).SerializeToString()
    spec = _field(1, model.encode()) + _field(3, signature.encode())  # ModelSpec: name, signature_name
    entry = _field(1, name.encode()) + _field(2, tensor)  # an entry of a map: key, value
    request = _field(1, spec) + _field(2, entry)  # PredictRequest: model_spec, inputs
    return _field(6, _field(1, request))  # PredictionLog: predict_log; PredictLog: request


def _field(number: int, content: bytes) -> bytes:
    """Encode a field of bytes, text or a message: its number and type 2, its length, its content."""
    length, size = bytearray(), len(content)
    while size > 127:  # seven bits a byte, the lowest first; the eighth says that more follow
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return bytes([number << 3 | 2]) + bytes(length) + content


def main(arguments: list[str]) -> int:
    """Export; print where it is, or one line on what is wrong, as JSON for the process that asks."""
    answer: dict[str, Any]
    try:
        kind, model, destination = arguments
        write = {"savedmodel": export, "litert": export_litert}[kind]
        answer = {"path": str(write(ModelDirectory(Path(model)), Path(destination)))}
    except (CifarLabError, OSError) as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))
    return int("error" in answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
