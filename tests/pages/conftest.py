import shutil
from pathlib import Path

import pytest

from cifar_core import settings
from cifar_core.runs.model_dir import ModelDirectory
from tests.linear_models import learned
from tests.pages import come_from


@pytest.fixture(autouse=True)
def _at_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor sits at the machine that runs the app, and nothing says who else may do what."""
    monkeypatch.delenv(settings.OPERATORS.name, raising=False)
    come_from(monkeypatch, "127.0.0.1", Host="localhost:8501")


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor comes from another machine."""
    come_from(monkeypatch, "192.0.2.7", Host="192.0.2.1:8501")


@pytest.fixture(scope="session")
def learned_digits(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    """A model of digits that gets a fifth of them wrong; not to be changed."""
    return learned(tmp_path_factory.mktemp("learned") / "linear")


@pytest.fixture
def digits(runs: Path, learned_digits: ModelDirectory) -> ModelDirectory:
    """A run `linear` of the user's own, on digits."""
    return ModelDirectory(Path(shutil.copytree(learned_digits.path, runs / "linear")))
