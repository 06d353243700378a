"""Inference without TensorFlow: `model.onnx` on ONNX Runtime.

TensorFlow would cost the app 650 MB and three seconds; this costs 50 MB and a tenth of a second.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
import onnxruntime as ort
from scipy.special import softmax

from cifar_core import hardware
from cifar_core.arrays import check_images
from cifar_core.datasets.dataset import Facts
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference.tta import TTA, weighted

BATCH = (
    64  # images at a time: as fast as 250, and a quarter of the memory, which is 298 MB for VGG16 with 250
)


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

    Raises
    ------
    ModelDirectoryError
        If the file is missing, damaged or not such a model.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or hardware.threads()
        options.enable_cpu_mem_arena = False  # the arena keeps the memory of the largest batch for good
        options.log_severity_level = 3
        try:
            # By its path: of a model in memory, ONNX Runtime would look for further files of weights in the
            # working directory; so it takes none from outside the model's own.
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            outputs = [output.name for output in self._session.get_outputs()]
            if outputs[0] != "probabilities" or not {"logits", "features"} < set(outputs):
                raise ValueError(f"outputs {outputs}")
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.facts = Facts.from_dict(json.loads(metadata["dataset"]))
        except Exception as error:  # ONNX Runtime raises classes of its own for each kind of damage
            raise ModelDirectoryError(
                f"The model file of “{path.parent.name}” is missing or damaged; train it again."
            ) from error
        self._input = self._session.get_inputs()[0].name

    def probabilities(self, images: np.ndarray, tta: TTA = 1) -> np.ndarray:
        """Classify images.

        Parameters
        ----------
        images
            uint8 [N, S, S, 3] RGB.
        tta
            How many views of each to look at: 1, the picture alone, 2 or 6. The logits
            are averaged, not the probabilities, as in airbench94.

        Returns
        -------
        ndarray
            float32 [N, C], before calibration; rows sum to 1.
        """
        if tta not in get_args(TTA):
            raise ValueError(f"expected {', '.join(map(str, get_args(TTA)))} views, got {tta}")
        parts = [self._answer(batch, tta) for batch in self._batches(images)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.facts.class_names)), np.float32)

    def outputs(self, images: np.ndarray) -> Outputs:
        """Return all that the model says of images, uint8 [N, S, S, 3] RGB, N at least 1, at one look."""
        parts = [self._run(Outputs._fields, batch) for batch in self._batches(images)]
        return Outputs(*(np.concatenate(output) for output in zip(*parts, strict=True)))

    def _answer(self, images: np.ndarray, tta: TTA) -> np.ndarray:
        if tta == 1:
            return self._run(["probabilities"], images)[0]
        logits = np.zeros((len(images), len(self.facts.class_names)), np.float32)
        for weight, pictures in weighted(images, tta, self.facts.mirrors):  # one view in memory at a time
            logits += weight * self._run(["logits"], pictures)[0]
        return np.asarray(softmax(logits, axis=1))

    def _run(self, names: Sequence[str], images: np.ndarray) -> list[np.ndarray]:
        outputs: list[np.ndarray] = self._session.run(names, {self._input: np.ascontiguousarray(images)})
        return outputs

    def _batches(self, images: np.ndarray) -> list[np.ndarray]:
        check_images(images, self.facts.side)
        return [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
