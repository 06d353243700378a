"""What users install is what is tested, and is what `pyproject.toml` asks for."""

import importlib
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cifar_core import paths

ROOT = paths.code_root()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "requirements.txt": [],
    "requirements-cloud.txt": ["cloud"],
    "requirements-scale.txt": ["scale"],
    "requirements-dev.txt": ["cloud", "scale", "dev"],
}
each_file = pytest.mark.parametrize("file", EXTRAS)


def requirements(lines: list[str]) -> list[Requirement]:
    return [Requirement(line) for line in lines if not line.startswith("#")]


def pins(file: str) -> dict[str, Requirement]:
    """The requirements in a file by the packages' names."""
    found = requirements((ROOT / file).read_text().splitlines())
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def version(pin: Requirement) -> str:
    [specifier] = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


def test_these_are_all_files() -> None:
    assert {path.name for path in ROOT.glob("requirements*.txt")} == set(EXTRAS)


@each_file
def test_every_file_has_the_versions_of_the_tests(file: str) -> None:
    tested, pinned = pins("requirements-dev.txt"), pins(file)
    assert len(pinned) > 50
    assert {name: str(pin) for name, pin in pinned.items()}.items() <= {
        name: str(pin) for name, pin in tested.items()
    }.items()


@each_file
def test_every_pin_is_within_its_range(file: str) -> None:
    pinned = pins(file)
    optional = PROJECT["optional-dependencies"]
    wanted = requirements(
        [*PROJECT["dependencies"], *(line for extra in EXTRAS[file] for line in optional[extra])]
    )
    for requirement in wanted:
        if requirement.name != PROJECT["name"]:
            pin = pinned[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version(pin)), f"{pin} is not {requirement}"


@each_file
def test_every_line_is_one_exact_version(file: str) -> None:
    lines = [line for line in (ROOT / file).read_text().splitlines() if not line.startswith("#")]
    assert len(pins(file)) == len(lines)  # none twice
    for pin in pins(file).values():
        assert version(pin)
        assert pin.url is None


@pytest.mark.parametrize("file", [*EXTRAS, "tests/deploy/kserve.txt", "pyproject.toml"])
def test_no_file_names_a_package_index(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not [word for word in ("://", "--index", "--extra-index", "--find-links") if word in text]


@each_file
def test_every_file_says_how_it_was_compiled(file: str) -> None:
    command = (ROOT / file).read_text().splitlines()[1]
    assert command.startswith("#    uv pip compile pyproject.toml --universal --python-version 3.11 ")
    assert command.endswith(f"-o {file}")


def test_the_command_is_a_function() -> None:
    [(name, target)] = PROJECT["scripts"].items()
    module, function = target.split(":")
    assert name == "cifar-lab"
    assert callable(getattr(importlib.import_module(module), function))


def test_the_licence_is_there() -> None:
    assert PROJECT["license"] == "MIT"
    assert Path(ROOT / "LICENSE").read_text().startswith("MIT License")
