"""What some tests need besides the package registry: whether it is here, how to get it, who needs it.

A test names such a thing with a mark, or by a fixture that hands it out. Where it is missing, plain `pytest`
skips the test and `CIFAR_LAB_TESTS=all` fails it. Where it is here, only the tests that named it see it: what
passes beside all data passes on a fresh machine, too.
"""

import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from cifar_core import paths, settings
from cifar_core.annotations import sources
from cifar_core.datasets.registry import CIFAR10

KSERVE_PYTHON = "CIFAR_LAB_KSERVE_PYTHON"
_VGG16 = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"  # Keras' name for it, here and there


class Tier(NamedTuple):
    """A thing that tests need.

    Attributes
    ----------
    here
        Whether it is on this machine.
    cure
        How to get it, in a sentence.
    fixture
        What hands it out, if anything does.
    variable
        The environment variable that says where it is, if one does.
    """

    here: Callable[[], bool]
    cure: str
    fixture: str = ""
    variable: str = ""


def _vgg16() -> bool:
    if named := settings.VGG16_WEIGHTS.path():
        return named.is_file()
    return any((folder / _VGG16).is_file() for folder in (paths.keras_home() / "models", paths.cache()))


def _chromium() -> bool:
    return any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))


def _root() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mkfs.ext4") is not None


TIERS = {
    "cifar10": Tier(
        CIFAR10.available,
        "`python -m cifar_core data download` gets CIFAR-10, or CIFAR10_DIR names its folder",
        "cifar10_folder",
        "CIFAR10_DIR",
    ),
    "lists": Tier(
        lambda: not sources.missing(),
        "the page Evaluate gets the lists about the test images, or CIFAR10_TRUST names their folder",
        "list_files",
        "CIFAR10_TRUST",
    ),
    "vgg16": Tier(
        _vgg16,
        "VGG16_WEIGHTS names the file with VGG16's weights, which is at "
        f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{_VGG16}",
        variable="VGG16_WEIGHTS",
    ),
    "browser": Tier(_chromium, "`apt-get install chromium` gets Chromium", "browser"),
    "kserve": Tier(
        lambda: Path(os.environ.get(KSERVE_PYTHON, "")).is_file(),
        f"{KSERVE_PYTHON} names a Python with tests/deploy/kserve.txt installed, as .ci/run makes one",
        "kserve_python",
        KSERVE_PYTHON,
    ),
    "root": Tier(_root, "only root may mount a small disk, under Linux, and mkfs.ext4 makes one"),
}
_MISSING = [name for name, tier in TIERS.items() if not tier.here()]
_ALL = os.environ.get("CIFAR_LAB_TESTS") == "all"


def named(test: pytest.Item) -> set[str]:
    """Return the names of the tiers that a test belongs to."""
    return {mark.name for mark in test.iter_markers() if mark.name in TIERS}


def mark(test: pytest.Function) -> None:
    """Mark a test with the tiers whose fixtures it uses, directly or not."""
    for name, tier in TIERS.items():
        if tier.fixture in test.fixturenames:
            test.add_marker(name)


def refuse_if_missing(test: pytest.Item) -> None:
    """Skip a test, or fail it where everything must be, if something that it needs is not on this machine."""
    for name in _MISSING:
        if name in named(test):
            (pytest.fail if _ALL else pytest.skip)(f"{name}: {TIERS[name].cure}")


@functools.cache
def _no_home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="nobodys-home-")


@contextmanager
def hidden(test: pytest.Item) -> Iterator[None]:
    """Hide from a test what it does not name: the variables that say where it is, and the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in TIERS.keys() - (needs := named(test)):
            if variable := TIERS[name].variable:
                patch.delenv(variable, raising=False)
        if not needs:
            for variable in ("HOME", "USERPROFILE", "XDG_CACHE_HOME"):
                patch.setenv(variable, _no_home().name)
        yield
