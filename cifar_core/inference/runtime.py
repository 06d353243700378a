"""Inference without TensorFlow: `model.onnx` on ONNX Runtime.

TensorFlow would cost the app 650 MB and three seconds; this costs 50 MB and a tenth of a second.
"""

import contextlib
import functools
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import numpy as np
import onnxruntime as ort
from scipy.special import softmax

from cifar_core import hardware
from cifar_core.arrays import check_images, checked_probabilities
from cifar_core.datasets.dataset import Facts
from cifar_core.errors import ModelDirectoryError
from cifar_core.files import opened
from cifar_core.inference.tta import TTA, weighted

BATCH = 64  # images at a time: as fast as 250 in a quarter of the memory, 298 MB for VGG16 with 250
SECONDS, SECONDS_AN_IMAGE = 20.0, 1.0  # that an answer may take: VGG16 on a tenth of a core takes a third
IMAGES_SIDE = 32  # pixels, of images that take so long; larger ones take as much longer as they are larger
TICK = 1.0  # seconds
LEAST_MEMORY = 500_000_000  # bytes that models may take together, however little is free
_FOLDER_OF_WEIGHTS = "session.model_external_initializers_file_folder_path"
_SILENT = 4  # of ONNX Runtime's levels: what it would print stands in the error


class Outputs(NamedTuple):
    """What a model says of N images, each float32: probabilities and logits [N, C], features [N, D]."""

    probabilities: np.ndarray
    logits: np.ndarray
    features: np.ndarray


class Classifier:
    """A model ready to answer, which knows its own classes.

    Attributes
    ----------
    facts
        Of the dataset it learned from: class names, and the side of the pictures it takes.

    Parameters
    ----------
    path
        A `model.onnx` as `cifar_core.training.export` writes it.
    threads
        To compute with; by default one a core.
    content
        The model, where it is not what the file holds but a copy of it that has more outputs.

    Raises
    ------
    ModelDirectoryError
        If the file is missing, damaged or not such a model.
    """

    def __init__(self, path: Path, threads: int | None = None, *, content: bytes | None = None) -> None:
        self._name = path.parent.name
        _limit_memory()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or hardware.threads()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.log_severity_level = _SILENT
        # Of a model in memory, ONNX Runtime would look for further files of weights in the working directory;
        # so it takes none from outside the model's own.
        options.add_session_config_entry(_FOLDER_OF_WEIGHTS, str(path.parent.resolve()))
        try:
            opened(path).close()
            model = str(path) if content is None else content
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            # It keeps them for another provider to try, of which there is none: 29 MB of VGG16.
            self._session._model_bytes = None
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.facts = msgspec.json.decode(metadata["dataset"], type=Facts)
            self._input = _checked_interface(self._session, self.facts)
        except Exception as error:  # ONNX Runtime raises classes of its own for each kind of damage
            raise ModelDirectoryError(
                f"The model file of “{self._name}” is missing or damaged; train it again."
            ) from error
        # Two pictures, because a model may have been made for one at a time.
        self._run(Outputs._fields, np.zeros((2, self.facts.side, self.facts.side, 3), np.uint8))

    def probabilities(self, images: np.ndarray, tta: TTA = 1, plain: Outputs | None = None) -> np.ndarray:
        """Classify images.

        Parameters
        ----------
        images
            uint8 [N, S, S, 3] RGB.
        tta
            How many views of each to look at: 1, the picture alone, 2 or 6. The logits
            are averaged, not the probabilities, as in airbench94.
        plain
            What the model says of the pictures alone, where that is known: one view less to look at.

        Returns
        -------
        ndarray
            float32 [N, C], before calibration; rows sum to 1.
        """
        if tta not in get_args(TTA):
            raise ValueError(f"expected {', '.join(map(str, get_args(TTA)))} views, got {tta}")
        if tta == 1 and plain is not None:
            return plain.probabilities
        parts = [
            self._answer(images[span], tta, None if plain is None else plain.logits[span])
            for span in self._spans(images)
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.facts.class_names)), np.float32)

    def outputs(self, images: np.ndarray) -> Outputs:
        """Return all that the model says of images, uint8 [N, S, S, 3] RGB, N at least 1, at one look."""
        parts = [self._run(Outputs._fields, images[span]) for span in self._spans(images)]
        return Outputs(*(np.concatenate(output) for output in zip(*parts, strict=True)))

    def named(self, names: Sequence[str], images: np.ndarray) -> list[np.ndarray]:
        """Return any outputs of the network about images, uint8 [N, S, S, 3] RGB, at most `BATCH` of them."""
        check_images(images, self.facts.side)
        return self._run(names, images)

    def _answer(self, images: np.ndarray, tta: TTA, plain: np.ndarray | None) -> np.ndarray:
        if tta == 1:
            return self._run(["probabilities"], images)[0]
        logits = np.zeros((len(images), len(self.facts.class_names)), np.float32)
        for weight, pictures in weighted(images, tta, self.facts.mirrors):  # one view in memory at a time
            known = plain if pictures is images else None
            logits += weight * (self._run(["logits"], pictures)[0] if known is None else known)
        return np.asarray(softmax(logits, axis=1))

    def _run(self, names: Sequence[str], images: np.ndarray) -> list[np.ndarray]:
        options = ort.RunOptions()
        options.log_severity_level = _SILENT
        # The arena would keep the memory of the largest batch for good.
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        try:
            larger = max(self.facts.side / IMAGES_SIDE, 1) ** 2
            with _ended_after(SECONDS + SECONDS_AN_IMAGE * len(images) * larger, options):
                answers: list[np.ndarray] = self._session.run(
                    names, {self._input: np.ascontiguousarray(images)}, options
                )
            for name, answer in zip(names, answers, strict=True):
                _check(name, answer, len(images), len(self.facts.class_names))
        except Exception as error:
            problem = "does not answer as a model of its classes does"
            if options.terminate:
                problem = "takes too long to answer"
            elif "memory" in str(error):
                problem = "needs more memory than there is for it"
            raise ModelDirectoryError(
                f"The model file of “{self._name}” {problem}; train it again, or take another model."
            ) from error
        return answers

    def _spans(self, images: np.ndarray) -> list[slice]:
        check_images(images, self.facts.side)
        return [slice(start, start + BATCH) for start in range(0, len(images), BATCH)]


def _checked_interface(session: Any, facts: Facts) -> str:
    """Return the name of the input; ValueError unless pictures go in and the three outputs come out."""
    [image] = session.get_inputs()
    if image.type != "tensor(uint8)" or image.shape[1:] != [facts.side, facts.side, 3]:
        raise ValueError(f"input {image.type} {image.shape}")
    names = [output.name for output in session.get_outputs() if output.type == "tensor(float)"]
    if names[:1] != ["probabilities"] or not {"logits", "features"} < set(names):
        raise ValueError(f"outputs {names}")
    return str(image.name)


def _check(name: str, answer: np.ndarray, images: int, classes: int) -> None:
    """Raise ValueError unless this can be an output about so many images and classes, or one inside."""
    shape = answer.shape
    if name in Outputs._fields:
        shape = (images, answer.shape[-1] if name == "features" else classes)
    if answer.shape != shape or not np.isfinite(answer).all():
        raise ValueError(f"{name} {answer.shape}, or no numbers")
    if name == "probabilities":
        checked_probabilities(answer)


@functools.cache
def _limit_memory() -> None:
    """Give all models of this process half of the memory that is free: what asks for more gets an error."""
    most = max(LEAST_MEMORY, hardware.free_memory() // 2)
    cpu = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(cpu, ort.OrtArenaCfg({"max_mem": most, "arena_extend_strategy": 1}))


@dataclass(eq=False)
class _Asked:
    """A question that is being answered: its options, and the seconds that are left to it."""

    options: Any
    seconds: float


_ASKED: set[_Asked] = set()


@functools.cache
def _watch() -> None:
    """Start the thread that ends, at their next operator, the answers that take too long.

    It counts ticks: a computer that is suspended, or a process that is halted, is not at work meanwhile.
    One for all, because to start a thread takes half as long as an answer.
    """

    def count() -> None:
        while True:
            time.sleep(TICK)
            for asked in list(_ASKED):
                asked.seconds -= TICK
                if asked.seconds <= 0:
                    asked.options.terminate = True

    threading.Thread(target=count, daemon=True).start()


@contextlib.contextmanager
def _ended_after(seconds: float, options: Any) -> Iterator[None]:
    _watch()
    _ASKED.add(asked := _Asked(options, seconds))
    try:
        yield
    finally:
        _ASKED.remove(asked)
