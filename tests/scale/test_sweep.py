"""`sweep` on a real cluster of two nodes: its trials are ordinary runs, whatever dies."""

import threading
from pathlib import Path
from typing import Any

import pytest

from cifar_core import model_dir
from cifar_core.errors import RecipeError
from cifar_core.recipes import Recipe
from cifar_core.scale import sweep
from tests.runs import until


def test_the_grid_is_every_combination() -> None:
    assert sweep.grid({"seed": [1, 2], "batch_size": [], "learning_rate": [0.1, 0.2]}) == [
        {"seed": 1, "learning_rate": 0.1},
        {"seed": 1, "learning_rate": 0.2},
        {"seed": 2, "learning_rate": 0.1},
        {"seed": 2, "learning_rate": 0.2},
    ]
    assert sweep.grid({"seed": []}) == [{}]


@pytest.mark.usefixtures("runs", "cifar10")
def test_a_number_out_of_range_is_refused_before_anything_starts(tiny: Recipe, runs: Path) -> None:
    with pytest.raises(RecipeError, match="learning rate"):
        sweep.sweep(tiny, [{"learning_rate": 0.1}, {"learning_rate": -1.0}], "bad")
    assert not runs.exists()


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
    trials = sweep.sweep(tiny, changes, "try", cluster.address)
    killer.join()
    assert {trial.run for trial in trials} == {run.name for run in model_dir.runs()}
    assert {trial.run for trial in trials} == {"try-00", "try-01"}
    by_run = {trial.run: trial for trial in trials}
    bests = [trial.best or 0.0 for trial in trials]
    assert bests == sorted(bests, reverse=True)
    for name, trial in by_run.items():
        run = model_dir.find(name)
        recipe = run.recipe()
        assert {key: getattr(recipe, key) for key in trial.changes} == trial.changes
        assert run.history()["epoch"].tolist() == [*range(1, trial.epochs + 1)]
        assert (trial.state == "finished") == run.has_results()
        assert trial.state in ("finished", "stopped")
    assert by_run["try-00"].state == "finished"
