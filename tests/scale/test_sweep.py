"""`sweep` on a real cluster of two nodes: its trials are ordinary runs, whatever dies."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.errors import RecipeError, ScaleError
from cifar_core.recipe import Recipe
from cifar_core.recipes import get_recipe
from cifar_core.runs import catalogue, model_dir
from cifar_core.runs.status import Status
from cifar_core.scale import sweep
from tests.model_directories import made, run_that_is, until

ON_DIGITS = {"dataset": DIGITS.facts.to_dict()}  # which are on every machine


def test_the_grid_is_every_combination() -> None:
    assert sweep.grid({"seed": [1, 2], "batch_size": [], "learning_rate": [0.1, 0.2]}) == [
        {"seed": 1, "learning_rate": 0.1},
        {"seed": 1, "learning_rate": 0.2},
        {"seed": 2, "learning_rate": 0.1},
        {"seed": 2, "learning_rate": 0.2},
    ]
    assert sweep.grid({"seed": []}) == [{}]


@pytest.mark.usefixtures("runs")
def test_a_number_out_of_range_is_refused_before_anything_starts(tiny: Recipe, runs: Path) -> None:
    with pytest.raises(RecipeError, match="learning rate"):
        sweep.sweep(tiny, [{"learning_rate": 0.1}, {"learning_rate": -1.0}], "bad", dataset=DIGITS)
    assert not runs.exists()


def test_a_name_whose_runs_have_other_numbers_is_refused(runs: Path, tiny: Recipe) -> None:
    made(runs / "old-01", tiny.with_(learning_rate=0.2), **ON_DIGITS)
    changes = [{"learning_rate": 0.2}, {"learning_rate": 0.3}]
    with pytest.raises(ScaleError, match="already a run “old-01” with other numbers; choose another --name"):
        sweep.sweep(tiny, changes, "old", dataset=DIGITS)
    assert not (runs / "old-00").exists()


def test_a_run_with_these_numbers_is_gone_on_with(runs: Path, tiny: Recipe) -> None:
    # Such as a machine with bfloat16 would have made.
    run = made(runs / "old-00", tiny.with_(precision="bfloat16", summary="in other words"))
    assert sweep._run("old-00", tiny, CIFAR10) == run
    assert not sweep._run("old-01", tiny, CIFAR10).path.exists()


def test_the_test_set_chooses_nothing(runs: Path) -> None:
    with pytest.raises(ScaleError, match="“report” validates on the test set"):
        sweep.sweep(get_recipe("report"), [{"seed": 1}, {"seed": 2}], "choice")
    assert not runs.exists()


def test_a_run_that_fails_is_not_trained_again(runs: Path, tiny: Recipe, monkeypatch: Any) -> None:
    run = run_that_is("failed", runs / "bad-00", tiny)
    reports: list[dict[str, float]] = []
    monkeypatch.setattr(sweep, "_begin", lambda *_: None)
    monkeypatch.setattr("ray.tune.report", reports.append)
    sweep._train(
        {"trial": {"run": run.name, "recipe": tiny.to_dict(), "dataset": "digits"}}
    )  # what it raised, Ray would retry
    assert reports == [{"epoch": 0, "val_accuracy": 0.0}]
    assert sweep._problem(run, None)
    assert sweep._result(run, {}).state == "failed"


def test_the_reason_of_a_trial_is_its_own_or_else_rays(runs: Path, tiny: Recipe) -> None:
    failed, finished = made(runs / "failed", tiny), run_that_is("finished", runs / "finished", tiny)
    failed.write_status(Status("failed", error="The loss is no longer a number."))
    assert sweep._problem(failed, RuntimeError("lost\nits node")) == "The loss is no longer a number."
    assert sweep._problem(made(runs / "none", tiny), RuntimeError("lost\nits node")) == "its node"
    assert sweep._problem(finished, None) == ""


@pytest.mark.slow
def test_a_sweep_whose_every_loss_is_no_number_says_so_after_one_training(
    cluster: Any, runs: Path, tiny: Recipe
) -> None:
    options = {**tiny.network_options, "activation": "exponential"}
    with pytest.raises(ScaleError, match="No trial could be trained: The loss is no longer a number"):
        sweep.sweep(
            replace(tiny, network_options=options),
            [{"learning_rate": 100.0}],
            "bad",
            cluster.address,
            dataset=DIGITS,
        )
    assert catalogue.find("bad-00").status().state == "failed"
    assert not [*(runs / ".sweeps").rglob("error.txt")]  # Ray has seen no error to try again after


@pytest.mark.slow
def test_trials_are_ordinary_runs_and_a_killed_node_loses_none(
    cluster: Any, runs: Path, tiny: Recipe
) -> None:
    changes: list[dict[str, float]] = [{"learning_rate": 0.24}, {"learning_rate": 0.000001}]
    node = cluster.add_node(num_cpus=1)
    first = model_dir.ModelDirectory(runs / "try-00")

    def kill_the_node_at_work() -> None:
        until(lambda: first.status().active)
        cluster.remove_node(node)

    killer = threading.Thread(target=kill_the_node_at_work)
    killer.start()
    trials = sweep.sweep(tiny, changes, "try", cluster.address, dataset=DIGITS)
    killer.join()
    assert {trial.run for trial in trials} == {run.name for run in catalogue.runs()}
    assert {trial.run for trial in trials} == {"try-00", "try-01"}
    by_run = {trial.run: trial for trial in trials}
    bests = [trial.best or 0.0 for trial in trials]
    assert bests == sorted(bests, reverse=True)
    for name, trial in by_run.items():
        run = catalogue.find(name)
        recipe = run.recipe()
        assert {key: getattr(recipe, key) for key in trial.changes} == trial.changes
        assert run.history()["epoch"].tolist() == [*range(1, trial.epochs + 1)]
        assert (trial.state == "finished") == run.has_results()
        assert trial.state in ("finished", "stopped")
    assert by_run["try-00"].state == "finished"
