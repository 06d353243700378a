import pytest

from cifar_core import dataset
from cifar_core.training import fit

fit.use_all_cores()  # TensorFlow takes it only before its first operation


@pytest.fixture(scope="session")
def train_set(cifar10: object) -> dataset.Batch:  # noqa: ARG001
    return dataset.load_train()
