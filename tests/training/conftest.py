import numpy as np
import numpy.typing as npt
import pytest

from cifar_core import dataset
from cifar_core.training import fit

fit.use_all_cores()  # TensorFlow takes it only before its first operation


@pytest.fixture(scope="session")
def train_set(cifar10: object) -> dataset.Batch:  # noqa: ARG001
    return dataset.load_train()


@pytest.fixture
def noise() -> npt.NDArray[np.uint8]:
    """40 pictures of noise: no two pixels alike by rule, so that whatever moves them shows."""
    return np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
