"""The Train page as a script: no run, a finished one, one that trains, and what cannot be started."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import formats, model_dir
from cifar_core.recipes import Recipe
from tests.pages import checked, opened
from tests.runs import made, run_that_is

pytestmark = pytest.mark.usefixtures("cifar10")


def labelled(app: AppTest, label: str) -> Any:
    [found] = [item for item in app.button if item.label == label]
    return found


@pytest.mark.usefixtures("runs")
def test_without_a_run_it_offers_the_quickest() -> None:
    app = opened("train")
    assert "No run yet" in app.info[0].value
    assert not app.metric
    assert not labelled(app, "Start").disabled


def test_a_finished_run_shows_its_best_epoch_and_its_time(runs: Path) -> None:
    shutil.copytree(model_dir.models_root() / "quick", runs / "mine")
    history = model_dir.find("mine").history()
    best = history.iloc[int(history["val_accuracy"].argmax())]
    app = opened("train", run="mine")
    shown = {metric.label: (metric.value, metric.delta) for metric in app.metric}
    assert shown["Best validation"] == (formats.percent(best["val_accuracy"]), f"epoch {best['epoch']:.0f}")
    assert shown["Trained for"][0] == formats.duration(history["seconds"].iloc[-1])
    epochs = model_dir.find("mine").recipe().epochs
    assert app.get("progress")[0].proto.text == f"finished after {len(history)} of {epochs} epochs"
    assert not [item for item in app.button if item.label in ("Stop mine", "Resume mine")]


def test_while_a_run_trains_it_can_be_stopped_and_no_other_started(runs: Path, tiny: Recipe) -> None:
    run_that_is("running", runs / "busy", tiny)
    made(runs / "other", tiny)
    app = opened("train", run="busy")
    assert labelled(app, "Start").disabled
    labelled(app, "Stop busy").click()
    checked(app)
    assert (runs / "busy" / "stop").exists()

    app = opened("train", run="other")
    assert labelled(app, "Resume other").disabled
    labelled(app, "Show it").click()
    assert checked(app).query_params["run"] == "busy"


def test_a_run_that_began_meanwhile_is_named_where_a_second_one_was_asked_for(
    runs: Path, tiny: Recipe
) -> None:
    app = opened("train")
    run_that_is("running", runs / "busy", tiny)
    labelled(app, "Start").click()
    checked(app)
    assert [item.value for item in app.error] == [
        "The run “busy” is training; stop it or wait until it is done."
    ]
    assert [run.name for run in model_dir.runs()] == ["busy"]
