"""Python processes of our own: how they find this code, wherever the app was started."""

import os
import sys

from cifar_core import paths


def command(module: str, *arguments: str) -> list[str]:
    """Return what starts a module; it is looked for in `environment`, not in the working directory (`-P`)."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Return this process's variables, with our code where Python looks for modules.

    So the working directory can stay ours: the paths in CIFAR10_DIR and the like may be relative.
    """
    folders = [str(paths.code_root()), os.environ.get("PYTHONPATH")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))}
