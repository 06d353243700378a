"""What the command line draws: a run's progress, and the results of a model."""

import io
import json
import sys
import threading
from dataclasses import replace

import psutil
import pytest

from cifar_core import paths
from cifar_core.cli import console
from cifar_core.runs.model_dir import HISTORY_COLUMNS, ModelDirectory
from cifar_core.runs.status import Status
from tests.model_directories import until

SHIPPED = paths.models_root()


def test_following_a_run_shows_where_it_stands_until_it_ends(
    directory: ModelDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # takes this for a screen
    monkeypatch.setenv("COLUMNS", "120")
    me = psutil.Process()
    training = Status("running", me.pid, me.create_time(), "training", 2, 3, 15, 30, 512.4, eta_seconds=80.0)
    directory.write_status(training)
    directory.history_path.write_text(",".join(HISTORY_COLUMNS) + "\n1,2.5,0.1,2.3,0.1,2.2,0.3\n")
    screen, facts = io.StringIO(), "512 images/s · accuracy 30.0 % · 1 min 20 s left"
    monkeypatch.setattr(sys, "stderr", screen)

    def end_once_it_is_shown() -> None:
        try:
            until(lambda: facts in screen.getvalue())
        finally:
            directory.write_status(replace(training, state="stopped"))

    end = threading.Thread(target=end_once_it_is_shown)
    end.start()
    assert console.follow(directory).state == "stopped"
    end.join()
    assert "epoch 2 of 3" in screen.getvalue()
    assert capsys.readouterr().out == ""


def test_the_results_are_shown_with_the_views(capsys: pytest.CaptureFixture[str]) -> None:
    card = json.loads((SHIPPED / "quick" / "card.json").read_text())
    augmented = card["test_time_augmentation"]
    console.show_card(card)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    row = lines.index(f"With 6 views {100 * augmented['accuracy']:.1f} % accuracy")
    low, high = (f"{100 * end:.1f} %" for end in augmented["accuracy_interval"])
    assert lines[row + 1] == f"95 % interval {low} to {high}"
    assert lines[row - 2] == f"Accuracy {100 * card['accuracy']:.1f} % of the 10,000 test images"
    row = lines.index(f"Worse pictures {100 * card['robustness_mean']:.1f} % right, on average")
    assert lines[row + 1] == f"calibration error {100 * card['robustness_calibration_error']:.1f} %"
