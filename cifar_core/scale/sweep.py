"""Many training runs on a cluster, the hopeless ones stopped early.

ASHA decides which (Li et al. 2020, "A system for massively parallel hyperparameter tuning"). Each trial is an
ordinary run in the folder of runs. A node that is free starts, follows and stops it through `runs.jobs`, and
the app shows it live. A run that ASHA stops can be resumed. Only the validation images choose, so a recipe
that validates on the test set is refused.
"""

import contextlib
import itertools
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

from cifar_core import paths
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.registry import CIFAR10, get_dataset
from cifar_core.errors import JobError, ModelDirectoryError, ScaleError
from cifar_core.recipe import Recipe
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import RESUMABLE
from cifar_core.scale import cluster

MEASURE = "val_accuracy"
POLL_SECONDS = 0.5


class Trial(NamedTuple):
    """One run of a sweep, and what came of it: None and 0 where it never finished an epoch."""

    run: str
    changes: Mapping[str, Any]
    state: str
    epochs: int
    best: float | None


def grid(choices: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of the values given, by the names of a recipe's numbers."""
    given = {name: values for name, values in choices.items() if values}
    return [dict(zip(given, values, strict=True)) for values in itertools.product(*given.values())]


def sweep(
    recipe: Recipe,
    changes: Sequence[Mapping[str, Any]],
    name: str,
    address: str | None = None,
    grace: int = 1,
    factor: int = 2,
    dataset: Dataset = CIFAR10,
) -> list[Trial]:
    """Train a recipe once with each of the changes; stop a trial that is behind at its rung.

    Parameters
    ----------
    recipe
        What to train.
    changes
        Numbers of the recipe, a trial each.
    name
        The runs are called NAME-00, NAME-01 … A run that is there already, started with these very numbers,
        goes on.
    address
        The cluster, as `cluster.connected` takes it. A machine trains one run at a time.
    grace
        Epochs that every trial gets.
    factor
        Rungs are after `grace`, `grace · factor` … epochs. One in `factor` of the trials that get there goes
        on.
    dataset
        What to train on; `recipe` is one that `Recipe.on` made for its size.

    Returns
    -------
    list of Trial
        The best validation accuracy first; one that failed is among them, unless all did.

    Raises
    ------
    ScaleError, DatasetError, RecipeError, ModelDirectoryError
        Before anything is trained; ScaleError also where no trial could be.
    """
    if recipe.validation == "test":
        raise ScaleError(
            f"“{recipe.name}” validates on the test set, which must not choose; sweep another recipe."
        )
    dataset.refuse_if_missing()
    recipes = [recipe.with_(**dict(change)) for change in changes]  # which checks every number
    runs = [_run(f"{name}-{number:02d}", item, dataset) for number, item in enumerate(recipes)]
    with cluster.connected(address) as ray:
        machines = len({node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]})
        outcome = _tuner(runs, recipes, dataset, name, machines, grace, factor).fit()
    for run in runs:
        _stop(run)
        _until_settled(run)
    problems = [_problem(run, result.error) for run, result in zip(runs, outcome, strict=True)]
    if all(problems):
        raise ScaleError(f"No trial could be trained: {problems[0]}")
    return sorted(map(_result, runs, changes), key=lambda trial: -(trial.best or 0.0))


def _tuner(
    runs: Sequence[ModelDirectory],
    recipes: Sequence[Recipe],
    dataset: Dataset,
    name: str,
    machines: int,
    grace: int,
    factor: int,
) -> Any:
    """Return Ray's Tuner, which trains each run by its recipe and stops what is behind."""
    from ray import tune
    from ray.tune.schedulers import AsyncHyperBandScheduler

    class StopItsRun(tune.Callback):  # type: ignore[misc]  # Ray is untyped here
        """The run of a trial is a process of its own, which does not end with the trial."""

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002
            """Stop what ASHA has ended."""
            _stop(ModelDirectory(paths.runs_root() / trial.config["trial"]["run"]))

    space = [
        {"run": run.name, "recipe": item.to_dict(), "dataset": dataset.name}
        for run, item in zip(runs, recipes, strict=True)
    ]
    return tune.Tuner(
        tune.with_resources(_train, {"cpu": 1}),
        param_space={"trial": tune.grid_search(space)},
        tune_config=tune.TuneConfig(
            metric=MEASURE,
            mode="max",
            max_concurrent_trials=machines,  # each trains one run at a time
            scheduler=AsyncHyperBandScheduler(
                time_attr="epoch",
                max_t=max(item.epochs for item in recipes),
                grace_period=grace,
                reduction_factor=factor,
            ),
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(paths.runs_root() / ".sweeps"),
            failure_config=tune.FailureConfig(max_failures=3),  # of a node: the run is gone on with
            callbacks=[StopItsRun()],
            verbose=0,
        ),
    )


def _train(config: dict[str, Any]) -> None:
    """Train one run on this node and report its epochs.

    A run that fails would fail again, so only its status says so. Ray tries again whatever raises.
    """
    from ray import tune

    given = config["trial"]
    run, recipe = ModelDirectory(paths.runs_root() / given["run"]), Recipe.from_dict(given["recipe"])
    _begin(run, recipe, get_dataset(given["dataset"]))
    reported = 0
    while True:
        active = run.status().active  # asked first, so that a last epoch is not missed
        for row in run.history().iloc[reported:].to_dict("records"):
            if active and row["epoch"] == recipe.epochs:
                break  # Tune would end the trial, whose model is being saved
            reported += 1
            tune.report({"epoch": int(row["epoch"]), MEASURE: row[MEASURE]})
        if not active:
            break
        time.sleep(POLL_SECONDS)
    if not reported:
        tune.report({"epoch": 0, MEASURE: 0.0})  # Tune ends the whole sweep at a trial without a number


def _begin(run: ModelDirectory, recipe: Recipe, dataset: Dataset) -> None:
    """Start a run, go on with it, or find it at work; wait while the machine trains another."""
    # When Ray ends a process, it ends what that process has started, too, before it can stop in good order.
    # So another process starts the run, and is gone by then.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as starter:
        while True:
            try:
                if not run.config_path.exists():
                    starter.submit(jobs.start, recipe, run.name, dataset).result()
                elif run.status().state in RESUMABLE:
                    starter.submit(jobs.resume, run).result()
                return
            except JobError:
                if jobs.active_run() is None:
                    raise
                time.sleep(POLL_SECONDS)


def _run(name: str, recipe: Recipe, dataset: Dataset) -> ModelDirectory:
    """Return the directory of a run that is there, with this recipe, or can be made."""
    try:
        run = catalogue.find(name)
    except ModelDirectoryError:
        return catalogue.new_run(name)
    # A machine without bfloat16 has changed the precision, another version perhaps the words.
    free = {item: getattr(recipe, item) for item in ("precision", "title", "summary")}
    if run.recipe().with_(**free) != recipe or run.facts().name != dataset.name:
        raise ScaleError(f"There is already a run “{name}” with other numbers; choose another --name.")
    return run


def _stop(run: ModelDirectory) -> None:
    """Ask a run to stop if it is at work."""
    with contextlib.suppress(JobError):
        jobs.stop(run)


def _until_settled(run: ModelDirectory, seconds: float = 60.0) -> None:
    """Wait until a run that was asked to stop has done so."""
    deadline = time.monotonic() + seconds
    while run.status().active and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _problem(run: ModelDirectory, error: Exception | None) -> str:
    """Return why a trial could not be trained, by its run or else by Ray; empty if it could."""
    status = run.status()
    if status.state == "failed":
        return status.error or "it gives no reason."
    return str(error).splitlines()[-1] if error else ""


def _result(run: ModelDirectory, changes: Mapping[str, Any]) -> Trial:
    history = run.history()
    best = float(history[MEASURE].max()) if len(history) else None
    return Trial(run.name, changes, run.status().state, len(history), best)
