"""What resuming needs: all variables of a run and the number of its finished epochs, in one file."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from cifar_core.errors import CifarLabError
from cifar_core.files import read_arrays, write_whole


def save_checkpoint(path: Path, variables: list[Any], epoch: int) -> None:
    """Write all variables and the number of finished epochs, whole or not at all."""
    arrays: dict[str, Any] = {f"v{i}": np.asarray(variable) for i, variable in enumerate(variables)}
    buffer = io.BytesIO()
    np.savez(buffer, epoch=epoch, **arrays)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, buffer.getvalue())


def load_checkpoint(path: Path, variables: list[Any]) -> int:
    """Set all variables from a checkpoint; return its finished epochs, 0 if there is no checkpoint."""
    if not path.exists():
        return 0
    try:
        arrays = read_arrays(path, {"epoch"})
        epoch, values = int(arrays["epoch"]), [arrays[f"v{i}"] for i in range(len(arrays) - 1)]
        if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
            raise ValueError("other shapes")
    except (OSError, ValueError, KeyError) as error:
        raise CifarLabError(
            f"The checkpoint {path.name} is damaged or of another network, so the run cannot go on; "
            "start a new run."
        ) from error
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return epoch
