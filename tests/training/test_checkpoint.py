"""A checkpoint brings everything back, or is refused and changes nothing."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cifar_core.errors import CifarLabError
from cifar_core.training import checkpoint


def checkpointed(path: Path) -> tuple[Path, list[Any]]:
    variables = [keras.Variable(np.ones((3, 2), np.float32)), keras.Variable(np.int64(7), dtype="int64")]
    checkpoint.save_checkpoint(path, variables, epoch=4)
    for variable in variables:
        variable.assign(np.zeros(variable.shape))
    return path, variables


def test_a_checkpoint_brings_all_variables_back(tmp_path: Path) -> None:
    path, variables = checkpointed(tmp_path / "checkpoint" / "last.npz")
    assert checkpoint.load_checkpoint(path, variables) == 4
    np.testing.assert_array_equal(variables[0], np.ones((3, 2)))
    assert int(variables[1]) == 7
    assert [found.name for found in path.parent.iterdir()] == ["last.npz"]


def test_no_checkpoint_means_from_the_start(tmp_path: Path) -> None:
    variables = [keras.Variable(np.ones(2, np.float32))]
    assert checkpoint.load_checkpoint(tmp_path / "last.npz", variables) == 0
    np.testing.assert_array_equal(variables[0], np.ones(2))


def test_a_damaged_checkpoint_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path, variables = checkpointed(tmp_path / "last.npz")
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[:100], whole[:-40], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(CifarLabError, match=r"checkpoint last\.npz is damaged .* start a new run"):
            checkpoint.load_checkpoint(path, variables)
        np.testing.assert_array_equal(variables[0], np.zeros((3, 2)))


def test_the_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    path, variables = checkpointed(tmp_path / "last.npz")
    others = [
        variables[:1],
        [*variables, variables[0]],
        variables[::-1],
        [keras.Variable(np.zeros((2, 3), np.float32)), variables[1]],
    ]
    for other in others:
        with pytest.raises(CifarLabError, match="of another network"):
            checkpoint.load_checkpoint(path, other)
    np.savez(path, v0=np.ones((3, 2)), v1=np.int64(7))
    with pytest.raises(CifarLabError, match="of another network"):
        checkpoint.load_checkpoint(path, variables)
