"""Inference without TensorFlow: `model.onnx` on ONNX Runtime.

TensorFlow would cost the app 650 MB and three seconds; this costs 50 MB and a tenth of a second.
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import psutil

from cifar_core.errors import ModelDirectoryError

BATCH = 250  # images at a time: large enough to be fast, small enough to keep the memory low


class Classifier:
    """A model ready to answer.

    Parameters
    ----------
    path
        A `model.onnx` as `cifar_core.training.export` writes it.

    Raises
    ------
    ModelDirectoryError
        If the file is missing, damaged or not such a model.
    """

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = psutil.cpu_count(logical=False) or 1
        options.enable_cpu_mem_arena = False  # the arena keeps the memory of the largest batch for good
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            outputs = [output.name for output in self._session.get_outputs()]
            if outputs[0] != "probabilities":
                raise ValueError(f"outputs {outputs}")
        except Exception as error:  # ONNX Runtime raises classes of its own for each kind of damage
            raise ModelDirectoryError(
                f"The model file of “{path.parent.name}” is missing or damaged; train it again."
            ) from error
        self._input = self._session.get_inputs()[0].name

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Classify images.

        Parameters
        ----------
        images
            uint8 [N, 32, 32, 3] RGB.

        Returns
        -------
        ndarray
            float32 [N, 10], before calibration; rows sum to 1.
        """
        if images.dtype != np.uint8 or images.shape[1:] != (32, 32, 3):
            raise ValueError(f"expected uint8 [N, 32, 32, 3], got {images.dtype} {list(images.shape)}")
        parts = [
            self._session.run(["probabilities"], {self._input: images[start : start + BATCH]})[0]
            for start in range(0, len(images), BATCH)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 10), np.float32)
