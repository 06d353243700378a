"""A Ray cluster: this machine alone, or the one at an address.

Ray is an optional requirement (`requirements-scale.txt`) and takes a second to import, so that happens when
it is needed.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cifar_core import paths, settings
from cifar_core.datasets import cifar10
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import ScaleError
from cifar_core.formats import printable
from cifar_core.runs import processes
from cifar_core.scale import guard

_CALL_SECONDS, _SECONDS = 4.0, 12.0  # in which a machine takes a call, and a cluster answers
_ASK = "import sys, ray; ray.init(sys.argv[1], log_to_driver=False, logging_level='ERROR')"


@contextlib.contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Connect to a cluster for the time of a `with`; yields the module `ray`.

    Parameters
    ----------
    address
        HOST:PORT of its head, or "auto" for the one this machine belongs to; None starts one here, which ends
        afterwards. The nodes need this project's requirements, not its code, which is sent.

    Raises
    ------
    ScaleError
        Ray is not installed, or no cluster answers there.
    """
    if address == "":  # an empty variable of a script
        raise ScaleError("Give --address as HOST:PORT or `auto`, or leave it out.")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # which prints even where it is told to be silent
    try:
        import ray
    except ImportError as error:
        raise ScaleError("This needs Ray: `pip install -r requirements-scale.txt`.") from error
    if address is not None:
        _refuse_if_dead(address)
    try:
        ray.init(
            address=address or "local",
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={
                "py_modules": [str(paths.code_root() / "cifar_core")],
                "env_vars": environment(),
            },
        )
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        where = f"No Ray cluster answers at {address}" if address else "Ray does not start here"
        raise ScaleError(f"{where}: {str(error).splitlines()[0]}") from error
    with contextlib.nullcontext() if address else guard.guarded():  # Ray leaves some of its own behind
        try:
            yield ray
        finally:
            ray.shutdown()


def _refuse_if_dead(address: str) -> None:
    """Raise ScaleError unless a cluster answers: Ray itself asks again for minutes."""
    where = urlsplit(address if "://" in address else f"//{address}")
    try:
        if where.port is not None:  # not `auto`, which Ray finds on this machine
            socket.create_connection((where.hostname or "", where.port), _CALL_SECONDS).close()
        # In a process of its own, which can be ended while it waits.
        ask = [sys.executable, "-c", _ASK, address]
        subprocess.run(ask, check=True, capture_output=True, timeout=_SECONDS)
        return
    except subprocess.TimeoutExpired:
        why = f"it says nothing for {_SECONDS:.0f} s"
    except subprocess.CalledProcessError as error:
        why = processes.last_words(error.stderr).partition(": ")[2].rstrip(".")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
    raise ScaleError(f"No Ray cluster answers at {printable(address)}: {why}; check that its head runs.")


def environment() -> dict[str, str]:
    """Return the variables by which a node finds data and runs: absolute paths, which it has to see too."""
    # A folder that lacks CIFAR-10 is no hindrance to what needs none of it.
    folder = cifar10.find() if CIFAR10.available() else settings.CIFAR10_DIR.path()
    found = {
        settings.CIFAR10_DIR: folder,
        settings.RUNS: paths.runs_root(),
        settings.VGG16_WEIGHTS: settings.VGG16_WEIGHTS.path(),
    }
    return {setting.name: str(path.resolve()) for setting, path in found.items() if path}
