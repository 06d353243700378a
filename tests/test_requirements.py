"""What users install is what is tested."""

import re

import pytest

from cifar_core import paths

PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-cloud.txt", "requirements-scale.txt"])
def test_every_file_has_the_versions_of_the_tests(file: str) -> None:
    root = paths.code_root()
    tested = set(PIN.findall((root / "requirements-dev.txt").read_text()))
    pinned = set(PIN.findall((root / file).read_text()))
    assert len(pinned) > 50
    assert pinned <= tested
