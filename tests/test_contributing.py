"""What CONTRIBUTING tells newcomers to open is there."""

import re

from cifar_core.paths import code_root


def test_every_file_that_is_named_exists() -> None:
    root = code_root()
    named = re.findall(r"`([\w/.]+\.py)`", (root / "CONTRIBUTING.md").read_text("utf-8"))
    here = {path.relative_to(root).as_posix() for path in [*root.glob("*.py"), *root.glob("*/**/*.py")]}
    assert len(named) > 20
    assert not [name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in here)]
