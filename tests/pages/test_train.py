"""The Train page as a script: no run, a finished one, one that trains, and what cannot be started."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import charts, formats, hardware, paths
from cifar_core.datasets.dataset import Dataset
from cifar_core.recipe import Recipe
from cifar_core.recipes import RECIPES
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import curves, train_controls, train_runs
from tests.model_directories import made, run_that_is
from tests.pages import checked, opened


def labelled(app: AppTest, label: str) -> Any:
    [found] = [item for item in app.button if item.label == label]
    return found


@pytest.mark.usefixtures("runs")
def test_without_a_run_it_offers_the_quickest() -> None:
    app = opened("train")
    assert "No run yet" in app.info[0].value
    assert not app.metric
    assert not labelled(app, "Start").disabled


def test_transfer_builds_on_the_model_that_was_chosen(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Recipe] = []

    def start(recipe: Recipe, **_: object) -> ModelDirectory:
        started.append(recipe)
        return made(runs / f"run-{len(started)}", recipe)

    monkeypatch.setattr(jobs, "start", start)
    app = opened("train")
    app.selectbox(key="recipe").set_value("transfer")
    assert checked(app).selectbox(key="base").value == "best"
    for base, side in (("fast", 32), ("imagenet", 128)):
        app.selectbox(key="base").set_value(base)
        labelled(checked(app), "Start").click()
        checked(app)
        assert started[-1].network_options == {"base": base, "size": side}


def test_a_finished_run_says_its_test_accuracy_first(runs: Path) -> None:
    shutil.copytree(paths.models_root() / "quick", runs / "mine")
    history = catalogue.find("mine").history()
    best = history.iloc[int(history["val_accuracy"].argmax())]
    app = opened("train", run="mine")
    shown = {metric.label: (metric.value, metric.delta) for metric in app.metric}
    assert shown["Validation"] == (formats.percent(best["val_accuracy"]), f"epoch {best['epoch']:.0f}")
    assert shown["Trained for"][0] == formats.duration(history["seconds"].iloc[-1])
    card = catalogue.find("mine").card()
    low, high = (formats.percent(end) for end in card["accuracy_interval"])
    assert app.metric[0].label == "Test accuracy"
    assert shown["Test accuracy"] == (formats.percent(card["accuracy"]), f"{low} to {high}")
    assert not app.get("progress")
    assert not [item for item in app.button if item.label in ("Stop", "Resume")]


def test_while_a_run_trains_it_can_be_stopped_and_no_other_started(runs: Path, tiny: Recipe) -> None:
    run_that_is("running", runs / "busy", tiny)
    made(runs / "other", tiny)
    app = opened("train", run="busy")
    assert labelled(app, "Start").disabled
    labelled(app, "Stop").click()
    checked(app)
    assert (runs / "busy" / "stop").exists()

    app = opened("train", run="other")
    assert labelled(app, "Resume").disabled
    labelled(app, "Show busy").click()
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
    assert [run.name for run in catalogue.runs()] == ["busy"]


@pytest.mark.cifar10
def test_the_recipe_and_its_numbers_are_there_when_one_comes_back(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "start", lambda recipe, **_: made(runs / "mine", recipe))
    app = opened("train")
    app.selectbox(key="recipe").set_value("cnn")
    number = checked(app).number_input(key="cnn-cifar10-learning_rate")
    assert number.step == pytest.approx(RECIPES["cnn"].learning_rate / 10)
    number.set_value(0.03)
    labelled(app, "Start").click()
    checked(app).switch_page("pages/data.py")
    checked(app).switch_page("pages/train.py")
    assert checked(app).selectbox(key="recipe").value == "cnn"
    assert app.number_input(key="cnn-cifar10-learning_rate").value == 0.03


@pytest.mark.cifar10
@pytest.mark.usefixtures("runs")
def test_a_number_that_does_not_fit_is_said_at_its_field_and_nothing_can_be_started() -> None:
    app = opened("train")
    app.number_input(key="quick-cifar10-images").set_value(2_500)
    told = [item.value for item in checked(app).sidebar.error]
    assert told == [
        "2,500 images, 2,000 of them held out, do not fill one batch of 1,000\\: "
        "use more images or a smaller batch."
    ]
    below = [item.type for item in app.sidebar if item.type in ("number_input", "error")]
    assert below[:3] == ["number_input", "number_input", "error"]  # epochs, batch size
    assert labelled(app, "Start").disabled
    app.number_input(key="quick-cifar10-batch_size").set_value(100)
    assert not checked(app).sidebar.error
    assert not labelled(app, "Start").disabled


@pytest.mark.cifar10
def test_the_button_says_how_long_a_run_takes_here_once_one_was_trained_here(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(app: AppTest) -> list[str]:
        return [item.value for item in app.sidebar.caption if "on this machine" in item.value]

    app = opened("train")
    assert said(app) == ["How long it takes on this machine is known after a first run like it."]
    there = catalogue.find("quick").config().hardware
    monkeypatch.setattr(hardware, "describe", lambda: there)
    monkeypatch.setattr(hardware, "has_bfloat16", lambda: True)
    shutil.copytree(paths.models_root() / "quick", runs / "mine")
    status = catalogue.find("mine").status()
    seconds = status.updated - status.pid_started  # TensorFlow and the evaluation included
    assert said(checked(app)) == [f"About {formats.roughly(seconds)} on this machine"]
    app.number_input(key="quick-cifar10-epochs").set_value(6)
    assert said(checked(app)) != [f"About {formats.roughly(seconds)} on this machine"]
    app.number_input(key="quick-cifar10-patience").set_value(2)
    assert said(checked(app))[0].endswith("on this machine at most, as it stops when it learns no more")


@pytest.mark.usefixtures("runs")
def test_a_run_can_be_given_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(recipe: Recipe, dataset: Dataset, title: str) -> ModelDirectory:  # noqa: ARG001
        run = made(paths.runs_root() / "folder", recipe)
        run.write_label(title)
        return run

    monkeypatch.setattr(jobs, "start", start)
    app = opened("train")
    app.text_input(key="run-title").set_value("Anna\u200b's run")
    labelled(app, "Start").click()
    assert "a character that nobody can see" in checked(app).error[0].value
    assert app.text_input(key="run-title").value == "Anna\u200b's run"
    shutil.rmtree(paths.runs_root() / "folder")
    app.text_input(key="run-title").set_value(" Anna's run, пробуем ")
    labelled(app, "Start").click()
    assert checked(app).query_params["run"] == "folder"
    assert app.main.subheader[0].value == "Anna's run, пробуем"
    assert app.text_input(key="run-title").value == ""


def test_a_run_can_be_renamed_and_noted_about(runs: Path, tiny: Recipe) -> None:
    run = run_that_is("stopped", runs / "mine", tiny)
    app = opened("train", run="mine")
    assert app.text_input(key="title-mine").value == "mine"
    app.text_input(key="title-mine").set_value("运行 *1*")
    app.text_area(key="note-mine").set_value("less\ndropout")
    labelled(app, "Save").click()
    checked(app)
    assert (run.label().title, run.label().note) == ("运行 *1*", "less dropout")
    assert app.main.subheader[0].value == r"运行 \*1\*"
    assert "less dropout" in [caption.value for caption in app.caption]
    [row] = app.dataframe[0].value.to_dict("records")
    assert (row["run"], row["note"], row["folder"]) == ("运行 *1*", "less dropout", "mine")
    app.text_input(key="title-mine").set_value("bad\u202ename")
    labelled(app, "Save").click()
    assert "a character that nobody can see" in checked(app).error[0].value
    assert run.title == "运行 *1*"


def test_a_run_can_be_deleted_and_the_newest_of_the_others_is_shown(runs: Path, tiny: Recipe) -> None:
    run_that_is("stopped", runs / "mine", tiny)
    made(runs / "older", tiny, created="2026-01-01T00:00:00+00:00")
    made(runs / "newer", tiny, created="2026-02-01T00:00:00+00:00")
    app = opened("train", run="mine")
    labelled(app, "Delete it").click()
    checked(app)
    assert not (runs / "mine").exists()
    assert "run" not in app.query_params
    assert app.main.subheader[0].value == "newer"
    assert not app.warning


def test_for_a_minute_a_deletion_can_be_undone(
    runs: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_that_is("stopped", runs / "mine", tiny).write_label("Anna's run")
    run_that_is("stopped", runs / "other", tiny)
    app = opened("train", run="mine")
    labelled(app, "Delete it").click()
    assert ":material/delete: **Anna's run** is deleted" in [item.value for item in checked(app).markdown]
    labelled(app, "Undo").click()
    checked(app)
    assert (runs / "mine" / "label.json").exists()
    assert app.query_params["run"] == "mine"
    assert app.main.subheader[0].value == "Anna's run"
    assert "Undo" not in [item.label for item in app.button]

    labelled(app, "Delete it").click()
    checked(app)
    monkeypatch.setattr(train_controls, "UNDO_SECONDS", -1.0)  # the minute is over
    assert "Undo" not in [item.label for item in checked(app).button]


def test_a_deletion_cannot_be_undone_where_there_is_such_a_run_again(runs: Path, tiny: Recipe) -> None:
    run_that_is("stopped", runs / "mine", tiny)
    app = opened("train", run="mine")
    labelled(app, "Delete it").click()
    checked(app)
    run_that_is("stopped", runs / "mine", tiny)
    labelled(app, "Undo").click()
    assert "There is a run “mine” again" in checked(app).error[0].value


def test_what_is_not_a_run_of_ones_own_or_trains_cannot_be_deleted(runs: Path, tiny: Recipe) -> None:
    run_that_is("running", runs / "busy", tiny)
    for run in ("busy", "quick"):
        app = opened("train", run=run)
        assert "Delete it" not in [item.label for item in app.button]


def test_a_run_says_which_of_its_numbers_are_not_the_recipes(runs: Path) -> None:
    quick = RECIPES["quick"]
    made(runs / "as-it-is", quick.with_(precision="float32"))
    made(runs / "mine", quick.with_(batch_size=777, seed=4242, images=20_000, learning_rate=0.1))
    made(runs / "older", replace(quick, name="of-long-ago", batch_size=777))
    changed = "batch size 777 · learning rate 0.1 · images 20,000 · seed 4242"
    app = opened("train", run="mine")
    assert f"{quick.title} · {changed}" in [caption.value for caption in app.caption]
    table = app.dataframe[0].value.set_index("run")
    assert table["changed"].to_dict() == {"as-it-is": "", "mine": changed, "older": ""}


def test_no_more_runs_are_drawn_than_have_a_colour(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        shutil.copytree(paths.models_root() / "quick", runs / f"run{number}")
    drawn: list[list[charts.Curve]] = []
    monkeypatch.setattr(curves, "show_curves", lambda curves, *_, **__: drawn.append(curves))
    app = opened("train", run="run0")
    assert any(f"at most {train_runs.MOST_OTHERS}" in element.value for element in app.markdown)
    app.session_state["runs-9"] = {"selection": {"rows": list(range(9)), "columns": [], "cells": []}}
    checked(app)
    assert [len(curves) for curves in drawn] == [1, len(charts.RUN_COLOURS)]


def test_presented_a_run_has_no_sidebar_and_large_curves(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(paths.models_root() / "quick", runs / "mine")
    drawn: list[bool] = []
    monkeypatch.setattr(curves, "show_curves", lambda *_, large, **__: drawn.append(large))
    app = opened("train", run="mine")
    assert len(app.sidebar) > 0
    labelled(app, "Present").click()
    assert len(checked(app).sidebar) == 0
    assert app.query_params["present"] == "true"
    assert app.title[0].value == "mine"
    labelled(app, "Leave").click()
    assert len(checked(app).sidebar) > 0
    assert drawn == [False, True, False]


@pytest.mark.usefixtures("runs")
def test_with_nothing_to_present_the_sidebar_stays() -> None:
    assert len(opened("train", present="true").sidebar) > 0
