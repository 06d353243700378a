"""A training that went astray without a NaN says so: card, status, pages and command line."""

from types import SimpleNamespace

import numpy as np
import pytest

from cifar_core.cli import console
from cifar_core.evaluation import metrics
from cifar_core.runs.model_dir import ModelDirectory
from tests.command_line import Typed
from tests.networks import network
from tests.pages import opened

RANDOM = np.random.default_rng(0)
GUESSES = "Its answers are about as good as guesses"


def macro_f1(labels: np.ndarray, answers: np.ndarray, classes: int) -> float:
    return metrics.macro_f1(np.eye(classes)[answers], labels)


@pytest.mark.parametrize("named", [1, 2, 3, 5, 10])
def test_right_in_eleven_per_cent_of_ten_classes_is_a_guess(named: int) -> None:
    labels = np.arange(10_000) % 10
    answers = RANDOM.integers(0, named, 10_000)
    lucky = RANDOM.random(10_000) < 0.01
    answers[lucky] = labels[lucky]
    assert 0.1 < np.mean(answers == labels) < 0.12
    assert metrics.only_guesses(macro_f1(labels, answers, 10), 10)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [0.99, 0.01], [0.6, 0.2, 0.2], [0.01] * 100])
@pytest.mark.parametrize("how", ["the most frequent", "evenly", "as frequent as they are"])
def test_no_way_of_guessing_counts_as_learning(shares: list[float], how: str) -> None:
    classes = len(shares)
    labels = np.repeat(np.arange(classes), (np.array(shares) * 30_000).astype(int))
    answers = {
        "the most frequent": np.zeros_like(labels),
        "evenly": RANDOM.integers(0, classes, len(labels)),
        "as frequent as they are": RANDOM.permutation(labels),
    }[how]
    assert metrics.only_guesses(macro_f1(labels, answers, classes), classes)


@pytest.mark.parametrize(("classes", "right"), [(2, 0.6), (3, 0.45), (10, 0.15), (10, 0.9), (1_000, 0.01)])
def test_what_is_right_more_often_than_that_has_learned_something(classes: int, right: float) -> None:
    labels = np.arange(20_000) % classes
    answers = RANDOM.integers(0, classes, 20_000)
    known = RANDOM.random(20_000) < (right - 1 / classes) / (1 - 1 / classes)
    answers[known] = labels[known]
    assert not metrics.only_guesses(macro_f1(labels, answers, classes), classes)


@pytest.fixture
def astray(digits: ModelDirectory) -> ModelDirectory:
    """A finished run whose network says the same of every picture."""
    digits.onnx_path.write_bytes(network())
    return digits


def test_the_card_and_the_command_line_say_it(astray: ModelDirectory, typed: Typed) -> None:
    assert "warning" not in astray.card()
    done = typed("evaluate", "linear")
    assert GUESSES in done.err
    assert GUESSES in astray.card()["warning"]
    for visit in (opened("evaluate", model="linear"), opened("overview"), opened("classify", model="linear")):
        assert any(GUESSES in warning.value for warning in visit.warning)


def test_a_model_that_has_learned_something_is_not_warned_of(digits: ModelDirectory, typed: Typed) -> None:
    assert "Warning" not in typed("evaluate", "linear").err
    assert "warning" not in digits.card()


def test_the_worker_writes_it_into_the_status(
    astray: ModelDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cifar_core.training import export, fit, worker

    monkeypatch.setattr(fit, "use_all_cores", lambda: None)
    monkeypatch.setattr(fit, "train", lambda *_: SimpleNamespace(count_params=lambda: 7))
    for name in ("save", "save_snapshots"):
        monkeypatch.setattr(export, name, lambda *_: None)
    worker._work(astray, worker.Heart(astray))
    status = astray.status()
    assert (status.state, astray.config().parameters) == ("finished", 7)
    assert GUESSES in status.error
    assert GUESSES in console.overview(astray)["error"]
