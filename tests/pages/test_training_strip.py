"""Every page says what trains now, and leads to it."""

from pathlib import Path

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core.recipe import Recipe
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.status import Status
from tests.model_directories import made
from tests.pages import checked, opened


def links(app: AppTest) -> list[str]:
    """The labels of the links to the run."""
    return [item.proto.label for item in app.get("page_link") if item.proto.query_string == "run=busy"]


@pytest.fixture
def busy(runs: Path, tiny: Recipe) -> ModelDirectory:
    run, me = made(runs / "busy", tiny), psutil.Process()
    run.write_label("Anna's *run*")
    run.write_status(
        Status("running", me.pid, me.create_time(), epoch=2, epochs=3, eta_seconds=40.0, phase="training")
    )
    return run


@pytest.mark.parametrize("page", ["overview", "data", "evaluate", "compare", "classify", "deploy"])
@pytest.mark.usefixtures("busy")
def test_every_page_says_what_trains_and_leads_to_it(page: str) -> None:
    assert links(opened(page)) == [r"**Anna's \*run\*** is training: epoch 2 of 3 · 40 s left"]


@pytest.mark.usefixtures("busy")
def test_train_shows_it_at_length_and_not_twice() -> None:
    assert links(opened("train")) == []


def test_it_says_how_the_run_ended_and_is_gone_on_the_next_page(busy: ModelDirectory) -> None:
    app = opened("overview")
    busy.write_status(Status("finished"))
    assert links(checked(app)) == []
    busy.write_status(Status("starting", *_mine(), phase="loading TensorFlow"))
    assert links(checked(app)) == [r"**Anna's \*run\*** is starting: loading TensorFlow …"]


def _mine() -> tuple[int, float]:
    me = psutil.Process()
    return me.pid, me.create_time()


@pytest.mark.usefixtures("runs")
def test_where_nothing_trains_there_is_nothing() -> None:
    assert links(opened("overview")) == []
