"""What a test needs and does not find, and what it must not find."""

import os
import subprocess
import sys

import pytest

from cifar_core.annotations import sources
from cifar_core.datasets import cifar10
from tests import tiers

LOOK = "from cifar_core.datasets import cifar10; print(cifar10.find())"


@pytest.mark.parametrize("name", tiers.TIERS)
def test_what_is_missing_is_skipped_or_fails_where_everything_must_be(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "_MISSING", [name])
    tiers.refuse_if_missing(request.node)  # it does not need it
    request.node.add_marker(name)
    for everything, refused in ((False, pytest.skip.Exception), (True, pytest.fail.Exception)):
        monkeypatch.setattr(tiers, "_ALL", everything)
        with pytest.raises(refused) as caught:
            tiers.refuse_if_missing(request.node)
        assert str(caught.value) == f"{name}: {tiers.TIERS[name].cure}"


def test_what_a_test_does_not_name_is_hidden_from_it() -> None:
    assert cifar10.find() is None
    assert len(sources.missing()) == len(sources.SOURCES)
    assert tiers.KSERVE_PYTHON not in os.environ
    found = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert found.stdout == "None\n"


def test_a_fixture_marks_the_test(cifar10_folder: object, request: pytest.FixtureRequest) -> None:
    assert tiers.named(request.node) == {"cifar10"}
    assert cifar10.find() == cifar10_folder
