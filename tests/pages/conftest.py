import shutil
from pathlib import Path

import pytest

from cifar_core.runs.model_dir import ModelDirectory
from tests.linear_models import learned


@pytest.fixture(scope="session")
def learned_digits(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    """A model of digits that gets a fifth of them wrong; not to be changed."""
    return learned(tmp_path_factory.mktemp("learned") / "linear")


@pytest.fixture
def digits(runs: Path, learned_digits: ModelDirectory) -> ModelDirectory:
    """A run `linear` of the user's own, on digits."""
    return ModelDirectory(Path(shutil.copytree(learned_digits.path, runs / "linear")))
