"""What CONTRIBUTING tells newcomers is so."""

import pkgutil
import re
import tomllib

import cifar_core
from cifar_core.paths import code_root


def test_every_file_that_is_named_exists() -> None:
    root = code_root()
    named = re.findall(r"`([\w/.]+\.py)`", (root / "CONTRIBUTING.md").read_text("utf-8"))
    here = {path.relative_to(root).as_posix() for path in [*root.glob("*.py"), *root.glob("*/**/*.py")]}
    assert len(named) > 20
    assert not [name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in here)]


def test_only_training_may_import_tensorflow() -> None:
    project = tomllib.loads((code_root() / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    [tensorflow] = [each for each in contracts if "tensorflow" in each.get("forbidden_modules", ())]
    rooms = {f"cifar_core.{room.name}" for room in pkgutil.iter_modules(cifar_core.__path__)}
    assert set(tensorflow["source_modules"]) == {"pages"} | rooms - {"cifar_core.training"}
