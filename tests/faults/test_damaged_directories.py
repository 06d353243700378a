"""Whatever befell a model directory: sound values or one sentence, and nothing to the model beside it."""

import json
import math
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from cifar_core.cli import console
from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import CifarLabError, ModelDirectoryError
from cifar_core.inference.classify import calibration_of
from cifar_core.inference.opening import classifier_of
from cifar_core.recipe import RANGES
from cifar_core.recipes import get_recipe
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import PREDICTIONS
from cifar_core.runs.status import Status
from tests import damages
from tests.faults.conftest import contents
from tests.model_directories import complete, made, sound_card
from tests.pages import opened

RECIPE = get_recipe("quick").on(DIGITS.sizes["train"])
STATUS = Status("finished", 5, 5.0, "none", 3, 3, 4, 4, 5.0, 0.1, 9.0, 1.0, 5.0, "none", "none").__dict__
REFUSED = {
    **dict(damages.of_json("card.json", sound_card(DIGITS.facts))),
    **dict(damages.of_json("config.json", {"recipe": RECIPE.to_dict(), "dataset": DIGITS.facts.to_dict()})),
    **dict(damages.of_predictions(sorted(PREDICTIONS))),
}
OTHERS = {
    **dict(damages.of_files()),
    **dict(damages.of_json("status.json", STATUS)),
    **dict(damages.of_logs()),
}
KINDS = REFUSED | OTHERS
ON_PAGES = [*list(OTHERS)[::6], *list(REFUSED)[::40]]


def finished(folder: Path) -> ModelDirectory:
    """A finished run of digits with all that its files can hold, but for a network."""
    run = complete(made(folder, RECIPE, dataset=DIGITS.facts.to_dict()))
    run.status_path.write_text(json.dumps(STATUS))
    run.steps_path.write_text("step,…\n1,0.5,1,0.1,2.3,0.1\n2,1,2,0.1,2.2,0.2\n")
    run.history_path.write_text("epoch,…\n1,2.5,0.1,2.3,0.1,2.2,0.15\n2,5,0.1,2.3,0.1,2.2,0.15\n")
    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return finished(tmp_path_factory.mktemp("finished") / "mine")


def numbers(values: Any) -> list[float]:
    """Every number in what was read."""
    if isinstance(values, dict | list | tuple):
        inner = values.values() if isinstance(values, dict) else values
        return [number for value in inner for number in numbers(value)]
    return [values] if isinstance(values, int | float) else []


def read(run: ModelDirectory) -> list[str]:
    """Ask everything of a run that pages and commands ask; return what was said instead of an answer."""
    said = []
    for reader in (
        *(run.config, run.card, run.predictions, run.check_results, run.recipe, run.facts, run.dataset),
        *(lambda: calibration_of(run), lambda: classifier_of(run)),
    ):
        try:
            answer = reader()
        except CifarLabError as error:
            said.append(str(error))
        else:
            assert all(math.isfinite(number) for number in numbers(answer))
    status, history, steps = run.status(), run.history(), run.steps()
    assert all(0 <= number < 1e13 for number in numbers(status.__dict__))
    assert history["epoch"].tolist() == [*range(1, len(history) + 1)]
    assert steps["epoch"].is_monotonic_increasing
    assert len(steps) == 0 or 0 < steps["epoch"].iloc[0] <= steps["epoch"].iloc[-1] <= RANGES["epochs"][1]
    assert (history.filter(like="accuracy") <= 1).all(axis=None)
    json.dumps(console.overview(run), allow_nan=False)
    assert isinstance(run.has_results(), bool)
    assert isinstance(run.created, str)
    return said


def test_the_run_that_is_damaged_here_is_sound(model: ModelDirectory) -> None:
    assert [words for words in read(model) if "model.onnx" not in words] == [
        "The model file of “mine” is missing or damaged; train it again."
    ]
    assert len(KINDS) >= 160
    assert (len(model.history()), len(model.steps()), model.status().state) == (2, 2, "finished")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_costs_its_own_model_only(model: ModelDirectory, runs: Path, kind: str) -> None:
    beside = ModelDirectory(Path(shutil.copytree(model.path, runs / "beside")))
    before = contents(beside)
    run = ModelDirectory(Path(shutil.copytree(model.path, runs / "mine")))
    first, *others = KINDS[kind]
    first(run)
    said = read(run)
    assert all(words.endswith(".") and len(words) < 300 for words in said)
    assert beside in catalogue.models()
    if kind in REFUSED:
        assert run not in catalogue.models()
        assert catalogue.damaged_models()["mine"] in said
        assert "damaged" in catalogue.damaged_models()["mine"]
    for damage in others:
        damage(run)
        if kind in REFUSED:
            with pytest.raises(ModelDirectoryError, match="damaged"):
                run.check_results()
        assert run.status().state
    assert contents(beside) == before


@pytest.fixture
def damaged(model: ModelDirectory, runs: Path) -> list[str]:
    """Runs with a kind of damage each, beside a sound one."""
    shutil.copytree(model.path, runs / "sound")
    names = [f"damaged-{number}" for number, _ in enumerate(ON_PAGES)]
    for name, kind in zip(names, ON_PAGES, strict=True):
        KINDS[kind][0](ModelDirectory(Path(shutil.copytree(model.path, runs / name))))
    if sys.platform == "linux":  # elsewhere no file can be called so
        shutil.copytree(model.path, runs / os.fsdecode(b"half a \xff name"))
    return names


@pytest.mark.slow
def test_every_page_opens_beside_all_that_is_damaged(runs: Path, damaged: list[str]) -> None:
    sound = ModelDirectory(runs / "sound")
    before = contents(sound)
    overview = opened("overview")
    said = " ".join(warning.value for warning in overview.warning)
    assert "“damaged-" in said
    if sys.platform == "linux":
        assert "The folder “half a \ufffd name” has a name that cannot be shown; rename it." in said
    assert "sound" in [metric.label for metric in overview.metric]
    assert "sound" in opened("compare", models=",".join(["sound", *damaged[:5]])).multiselect[0].value
    for page in ("evaluate", "deploy", "classify"):
        for name in (damaged[-1], "sound"):
            opened(page, model=name, example="digit")
    for name in damaged:
        opened("train", run=name)
    assert contents(sound) == before
