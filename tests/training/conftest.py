import pytest

from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch
from cifar_core.training import fit

fit.use_all_cores()  # TensorFlow takes it only before its first operation


@pytest.fixture(scope="session")
def train_set(cifar10_folder: object) -> Batch:  # noqa: ARG001
    return cifar10.load_train()
