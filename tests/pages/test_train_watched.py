"""Ten test pictures and what a run says to them, where the pictures are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.runs.model_dir import ModelDirectory
from tests.model_directories import archive, run_that_is
from tests.pages import checked, opened


def watched(run: ModelDirectory, *guesses: int, indices: Any = (0, 1, 2)) -> None:
    """Let a run say the same to all pictures, and another thing after each epoch."""
    answers = np.stack([np.tile(np.eye(10)[guess], (len(indices), 1)) for guess in guesses])
    run.watched_path.write_bytes(
        archive(epochs=np.arange(len(guesses)), indices=np.array(indices), probabilities=answers)
    )


def started(path: Path, facts: Facts) -> ModelDirectory:
    return run_that_is("stopped", path, dataset=facts.to_dict())


def answers(app: AppTest) -> list[str]:
    return [caption.value for caption in app.caption if ":material/c" in caption.value]


def test_the_answers_are_those_after_the_last_epoch(runs: Path) -> None:
    run, labels = started(runs / "mine", DIGITS.facts), DIGITS.load("test").labels[:3]
    watched(run, 5)
    app = opened("train", run="mine")
    assert any("before it has learned anything" in item.value for item in app.markdown)
    watched(run, 5, int(labels[0]))
    assert any("after epoch 1" in item.value for item in checked(app).markdown)
    marks = [
        ":green[:material/check:]" if label == labels[0] else ":red[:material/close:]" for label in labels
    ]
    assert answers(app) == [f"{mark} {labels[0]}  \n100.0 %" for mark in marks]


@pytest.mark.parametrize(
    "facts",
    [replace(DIGITS.facts, digest="0" * 64), replace(DIGITS.facts, name="gone"), CIFAR10.facts],
)
def test_where_the_pictures_are_not_here_nothing_is_shown(runs: Path, facts: Facts) -> None:
    watched(started(runs / "mine", facts), 5)
    app = opened("train", run="mine")
    assert not answers(app)
    assert not [item for item in app.markdown if "test pictures" in item.value]


def test_places_beyond_the_test_set_are_not_believed(runs: Path) -> None:
    watched(started(runs / "mine", DIGITS.facts), 5, indices=(0, 10**6))
    assert not answers(opened("train", run="mine"))
