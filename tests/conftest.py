import hashlib
import os
import random
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

# Before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import pytest
from numpy.typing import NDArray

from cifar_core import paths
from cifar_core.annotations import sources
from cifar_core.cli import main
from cifar_core.datasets import cifar10
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.runs.model_dir import ModelDirectory
from tests import tiers
from tests.command_line import Done, Typed, environment
from tests.model_directories import made
from tests.servers import FileServer


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    for item in items:
        tiers.mark(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with tiers.hidden(item):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    tiers.refuse_if_missing(item)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for runs, so that no test touches the user's own."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("CIFAR_LAB_RUNS", str(folder))
    return folder


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of own datasets, of which there are none."""
    folder = tmp_path / "datasets"
    monkeypatch.setenv("CIFAR_LAB_DATASETS", str(folder))
    return folder


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of a command that finds no runs."""
    return environment(tmp_path / "runs")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Run `python -m cifar_core …` in this process, without the second that one of its own takes."""

    def command(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["python -m cifar_core", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main.main()
        return Done(int(end.value.code or 0), *capsys.readouterr())

    return command


@pytest.fixture
def directory(runs: Path) -> ModelDirectory:
    """A run named `one`, of which only `config.json` is written."""
    return made(runs / "one")


@pytest.fixture(scope="session")
def learned_digits(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    """A model of digits that gets a fifth of them wrong; not to be changed."""
    from tests.linear_models import learned  # ONNX, which most tests do without

    return learned(tmp_path_factory.mktemp("learned") / "linear")


@pytest.fixture
def digits(runs: Path, learned_digits: ModelDirectory) -> ModelDirectory:
    """A run `linear` of the user's own, on digits."""
    return ModelDirectory(Path(shutil.copytree(learned_digits.path, runs / "linear")))


@pytest.fixture(scope="session")
def learned_more(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    """The same that knows more images, and held out others; not to be changed."""
    from tests.linear_models import learned

    return learned(tmp_path_factory.mktemp("more") / "other", images=250, seed=1)


@pytest.fixture
def two(digits: ModelDirectory, learned_more: ModelDirectory) -> list[ModelDirectory]:
    """Two runs of the user's own, on digits: `linear` and `other`."""
    other = shutil.copytree(learned_more.path, digits.path.parent / "other")
    return [digits, ModelDirectory(Path(other))]


@pytest.fixture
def duo(two: list[ModelDirectory]) -> ModelDirectory:
    """Their average."""
    from cifar_core.evaluation import averaging

    return averaging.make(two, "duo")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and nothing that names or is another place for what would be in it."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "user_cache_path", lambda _: folder)
    for variable in ("CIFAR10_DIR", "CIFAR10_TRUST"):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Six small files that pass for the official ones; noise, so that they stay large when compressed."""
    files = {name: random.Random(name).randbytes(50_000) for name in cifar10.BATCH_MD5}
    md5s = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(cifar10, "BATCH_MD5", md5s)
    return files


@pytest.fixture(scope="session")
def cifar10_folder() -> Path:
    """The folder of CIFAR-10."""
    return cifar10.locate()


@pytest.fixture(scope="session")
def labels(cifar10_folder: Path) -> NDArray[np.int64]:
    """The labels of the test set."""
    return cifar10.load_test(cifar10_folder).labels


@pytest.fixture(scope="session")
def list_files() -> dict[str, bytes]:
    """The public lists about the test set by name."""
    names = [source.name for source in sources.SOURCES]
    return {name: (sources.folder() / name).read_bytes() for name in names}


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def tiny() -> Recipe:
    """A small airbench network on few images, averaged weights and all: three epochs of three steps."""
    return get_recipe("quick").with_(
        precision="float32",
        images=1_200,
        validation_images=200,
        batch_size=256,
        epochs=3,
        network_options={"widths": [8, 16, 16], "activation": "relu"},
    )
