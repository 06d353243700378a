"""What is measured: each function here runs in a process of its own, which `benchmarks.measure` starts.

    python -m benchmarks.contenders FUNCTION OPTIONS    options as JSON; the last line printed is the result

Imports stand in the functions, because a cold start must count those of its own contender and no others, and
because PyTorch may run under an interpreter that has none of the rest.
"""

import contextlib
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Result = dict[str, Any]
LIBRARIES = ("tensorflow", "keras", "torch", "onnxruntime", "numpy")


class Clock:
    """Times steps, all but the first few: in those, graphs are traced and memory is allocated."""

    def __init__(self, warmup: int, steps: int) -> None:
        self.warmup, self.steps = warmup, steps
        self.ends: list[float] = []

    def step(self) -> bool:
        """Note the end of a step; return whether that was the last."""
        self.ends.append(time.perf_counter())
        return len(self.ends) >= self.warmup + self.steps

    def result(self, batch_size: int) -> Result:
        """Return the images a second."""
        seconds = self.ends[self.warmup + self.steps - 1] - self.ends[self.warmup - 1]
        return {"images_per_second": self.steps * batch_size / seconds}


def training(
    recipe: dict[str, Any], warmup: int, steps: int, one_batch: bool = False, plain_layers: bool = False
) -> Result:
    """Train a recipe as the worker does, log and status and all.

    With `one_batch`, on one again and again; with `plain_layers`, in Keras' own layers.
    """
    from unittest.mock import patch

    from cifar_core.training import architectures, augment

    clock = Clock(warmup, steps)
    batches = augment.training_batches

    def repeated(*arguments: Any, **options: Any) -> Any:
        return batches(*arguments, **options).take(1).cache().repeat()

    source = patch.object(augment, "training_batches", repeated if one_batch else batches)
    layers = patch.object(architectures, "faster", lambda model: model)
    with source, layers if plain_layers else contextlib.nullcontext():
        _train(recipe, clock.step)
    return clock.result(recipe["batch_size"])


def operations(recipe: dict[str, Any], warmup: int, steps: int) -> Result:
    """Train a recipe as the worker does, and note the milliseconds a step of each kind of operation.

    Beside them: how many billion operations on numbers the convolutions of a step are, and how many a second
    a product of matrices does.
    """
    import cifar_core.training  # noqa: F401, says how TensorFlow is to behave, so it comes before it

    # isort: split
    import tensorflow as tf

    clock = Clock(warmup, steps)
    with tempfile.TemporaryDirectory() as log:

        def step() -> bool:
            last = clock.step()
            if last:
                tf.profiler.experimental.stop()
            elif len(clock.ends) == warmup:
                tf.profiler.experimental.start(log)
            return last

        _train(recipe, step)
        seconds = _seconds_of_operations(Path(log))
    return {
        **clock.result(recipe["batch_size"]),
        "milliseconds": {name: 1000 * total / steps for name, total in seconds.items()},
        "convolutions": _convolutions(recipe) / 1e9,
        "matrix_product": _matrix_product(recipe["precision"]) / 1e9,
    }


def _train(recipe: dict[str, Any], step: Callable[[], bool]) -> None:
    """Train a recipe until `step`, called after each, returns true."""
    from cifar_core.datasets.registry import CIFAR10
    from cifar_core.files import write_whole
    from cifar_core.runs.model_dir import ModelDirectory
    from cifar_core.training import fit, run_log, worker

    fit.use_all_cores()
    with tempfile.TemporaryDirectory() as folder:
        directory = ModelDirectory(Path(folder))
        write_whole(directory.config_path, json.dumps({"recipe": recipe, "dataset": CIFAR10.facts.to_dict()}))
        heart = worker.Heart(directory)
        with contextlib.suppress(run_log.StopRequested):
            fit.train(directory, heart.report, step)
        heart.end(state="stopped")


def _seconds_of_operations(log: Path) -> dict[str, float]:
    """Add up what TensorFlow's profiler wrote, by the kind of operation."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    seconds: dict[str, float] = {}
    for path in log.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
        for plane in space.planes:
            for event in (event for line in plane.lines for event in line.events):
                kind = _kind_of_operation(plane.event_metadata[event.metadata_id].name)
                if kind:
                    seconds[kind] = seconds.get(kind, 0.0) + event.duration_ps / 1e12
    return seconds


def _kind_of_operation(event: str) -> str:
    """Return the kind of operation that the profiler calls by this name; empty where it is none."""
    if event == "CpuExecutable::ExecuteAsyncOnStream":  # by XLA, which runs nothing else: `training.kernels`
        return "GELU, compiled"
    where, _, kind = event.rpartition(":")
    if "/" not in where or where.endswith(":"):  # "model/layer:Conv2D" is one, "Executor::Run" none
        return ""
    return kind.removeprefix("_Mkl").removeprefix("Native")


def _convolutions(recipe: dict[str, Any]) -> int:
    """Count the multiplications and additions of a step's convolutions, there and back."""
    from keras import layers

    from cifar_core.training import architectures

    network = architectures.build(recipe["network"], recipe["network_options"])
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    total = 0
    for layer in convolutions:
        _, height, width, _ = layer.output.shape
        once = 2 * height * width * math.prod(layer.kernel.shape)
        total += once * (2 if layer is convolutions[0] else 3)  # nobody asks for the gradient of the picture
    return total * int(recipe["batch_size"])


def _matrix_product(precision: str) -> float:
    """Return how many multiplications and additions a second a product of large matrices does."""
    import tensorflow as tf

    size = 2048
    matrix = tf.cast(tf.random.normal([size, size]), precision)
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    product()
    times = []
    for _ in range(20):
        start = time.perf_counter()
        product().numpy()
        times.append(time.perf_counter() - start)
    return float(2 * size**3 / statistics.median(times))


def batches(recipe: dict[str, Any], warmup: int, steps: int) -> Result:
    """Make a recipe's batches and do nothing with them."""
    from cifar_core.datasets.dataset import split
    from cifar_core.datasets.registry import CIFAR10
    from cifar_core.recipe import Recipe
    from cifar_core.training import augment, fit

    fit.use_all_cores()
    settings = Recipe.from_dict(recipe)
    data = CIFAR10.load("train")
    chosen = data.take(split(data.labels, **settings.split).train)
    clock = Clock(warmup, steps)
    for _ in augment.training_batches(chosen, CIFAR10.facts, settings):
        if clock.step():
            break
    return clock.result(settings.batch_size)


def keras_script(batch_size: int, warmup: int, steps: int, bfloat16: bool = False) -> Result:
    """Train as `plain_keras` does, without validation and without drawing a bar."""
    import keras

    from benchmarks import plain_keras
    from cifar_core.datasets import cifar10

    keras.config.set_dtype_policy("mixed_bfloat16" if bfloat16 else "float32")
    clock = Clock(warmup, steps)
    model = plain_keras.network()

    def after_step(batch: int, logs: Any) -> None:  # noqa: ARG001
        model.stop_training = clock.step()

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=after_step)
    x, y = plain_keras.prepared(cifar10.load_train())
    model.fit(x, y, batch_size=batch_size, epochs=60, verbose=0, callbacks=[callback])
    return clock.result(batch_size)


def torch_script(batch_size: int, warmup: int, steps: int, **options: bool) -> Result:
    """Train as `plain_torch` does; on noise, which takes the same time."""
    import numpy as np

    from benchmarks import plain_torch

    clock = Clock(warmup, steps)
    random = np.random.default_rng(0)
    images = random.integers(256, size=(50_000, 32, 32, 3), dtype=np.uint8)
    labels = random.integers(10, size=50_000)
    plain_torch.train(images, labels, batch_size, 60, stop_after_step=clock.step, **options)
    return clock.result(batch_size)


def torch_airbench(
    batch_size: int, widths: list[int], warmup: int, steps: int, compiled: bool = False
) -> Result:
    """Train as `plain_airbench` does; on noise, which takes the same time."""
    import numpy as np

    from benchmarks import plain_airbench

    clock = Clock(warmup, steps)
    random = np.random.default_rng(0)
    images = random.integers(256, size=(50_000, 32, 32, 3), dtype=np.uint8)
    labels = random.integers(10, size=50_000)
    plain_airbench.train(images, labels, batch_size, widths, compiled=compiled, stop_after_step=clock.step)
    return clock.result(batch_size)


def onnx_runtime(onnx: str, keras: str, singles: int, batches: int) -> Result:  # noqa: ARG001
    """Answer with the app's runtime, from uint8."""
    from cifar_core.inference.runtime import Classifier

    return _answers(Classifier(Path(onnx)).probabilities, "uint8", singles, batches)


def tf_function(onnx: str, keras: str, singles: int, batches: int) -> Result:  # noqa: ARG001
    """Answer with `model(x)` in a `tf.function`, from images that were scaled before the clock runs."""
    import tensorflow as tf
    from keras.models import load_model

    function = tf.function(load_model(keras))
    return _answers(lambda images: function(tf.constant(images)).numpy(), "float32", singles, batches)


def predict(onnx: str, keras: str, singles: int, batches: int) -> Result:  # noqa: ARG001
    """Answer with Keras' `model.predict`, from images that were scaled before the clock runs."""
    from keras.models import load_model

    model = load_model(keras)

    def answer(images: Any) -> Any:
        return model.predict(images, batch_size=len(images), verbose=0)

    return _answers(answer, "float32", singles, batches)


def _answers(answer: Callable[[Any], Any], dtype: str, singles: int, batches: int) -> Result:
    import numpy as np

    pixels = np.random.default_rng(0).integers(256, size=(256, 32, 32, 3), dtype=np.uint8)
    images = pixels if dtype == "uint8" else (pixels / 255).astype(np.float32)
    first = answer(images[:1])
    answered = time.time()

    def median_seconds(images: Any, repeats: int) -> float:
        answer(images)  # the first of each size may be prepared for
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            answer(images)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    seconds = median_seconds(images[:1], singles)
    images_per_second = len(images) / median_seconds(images, batches)
    import psutil  # late: it belongs to no contender

    return {
        "probabilities": first[0].tolist(),
        "answered": answered,
        "seconds": seconds,
        "images_per_second": images_per_second,
        "bytes": psutil.Process().memory_info().rss,
    }


def main() -> None:
    """Run the function named on the command line and print its result, or what is not installed."""
    try:
        result = globals()[sys.argv[1]](**json.loads(sys.argv[2]))
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        result = {"not_installed": error.name}
    versions = {name: sys.modules[name].__version__ for name in LIBRARIES if name in sys.modules}
    print(json.dumps({**result, "versions": versions}))


if __name__ == "__main__":
    main()
