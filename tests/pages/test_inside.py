"""How a picture becomes an answer, in the closer looks of Evaluate, Compare and Classify."""

import re
import shutil
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import layers
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from tests import linear_models, networks
from tests.pages import addressed, checked
from tests.pages.test_sample import alts

pytestmark = pytest.mark.usefixtures("cache")

LINEAR = "64 features, a square each: the light ones are large"  # all that there is without a convolution


def opened_inside(page: str, **query: object) -> AppTest:
    app = addressed(page, **query)
    app.session_state["inside"] = True
    return checked(app)


def test_folded_it_looks_at_nothing(digits: ModelDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers.Layers, "__init__", None)
    app = checked(addressed("evaluate", model=digits.name, sample="0"))
    assert LINEAR not in alts(app)


def test_the_scores_are_those_of_the_model(digits: ModelDirectory) -> None:
    app = opened_inside("evaluate", model="linear", sample="7")
    assert LINEAR in alts(app)
    [table] = [each.value for each in app.dataframe if "score" in each.value]
    assert table["score"].is_monotonic_decreasing
    logits = Classifier(digits.onnx_path).outputs(DIGITS.load("test").images[[7]]).logits[0]
    names = digits.facts().class_names
    assert table["class"].tolist() == [names[place] for place in (-logits).argsort()]
    np.testing.assert_allclose(table["score"], -np.sort(-logits), atol=1e-4)
    assert table["probability"].sum() == pytest.approx(100)


@pytest.mark.parametrize("page", ["compare", "classify"])
def test_two_models_stand_side_by_side(digits: ModelDirectory, page: str) -> None:
    shutil.copytree(digits.path, digits.path.parent / "second")
    query: dict[str, dict[str, object]] = {
        "compare": {"models": "linear,second", "view": "Who is right", "who": "both", "sample": "7"},
        "classify": {"model": ["linear", "second"], "image": "7", "sample": "0"},
    }
    app = opened_inside(page, **query[page])
    assert alts(app).count(LINEAR) == 2
    titles = [each.value for each in app.markdown if each.value.startswith("### ")]
    assert titles == ["### linear", "### second"]


def test_of_more_the_visitor_chooses_two(digits: ModelDirectory) -> None:
    for name in ("second", "third"):
        shutil.copytree(digits.path, digits.path.parent / name)
    app = opened_inside("classify", model=["linear", "second", "third"], image="7", sample="0")
    assert alts(app).count(LINEAR) == 2
    app.selectbox(key="inside-second").select("third")
    checked(app)
    titles = [each.value for each in app.markdown if each.value.startswith("### ")]
    assert titles == ["### linear", "### third"]


def test_a_model_that_cannot_be_looked_into_says_so(
    digits: ModelDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise ModelDirectoryError("It takes too long to answer.")

    monkeypatch.setattr(layers.Layers, "__init__", refused)
    app = opened_inside("evaluate", model=digits.name, sample="0")
    assert any("takes too long" in each.value for each in app.error)


def with_snapshot(model: ModelDirectory, epoch: int, content: bytes) -> None:
    path = model.snapshot_path(epoch)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def linear(seed: int) -> bytes:
    weights = np.random.default_rng(seed).normal(size=(64, 10)).astype(np.float32)
    return linear_models.network(weights, DIGITS.facts.side // linear_models.CELLS, DIGITS)


def slider(app: AppTest) -> Any:
    return app.select_slider(key="inside-epoch-linear")


def test_a_model_without_snapshots_has_no_slider(digits: ModelDirectory) -> None:
    assert not opened_inside("evaluate", model=digits.name, sample="7").select_slider


def test_the_slider_leads_back_to_earlier_epochs(digits: ModelDirectory) -> None:
    for epoch in (10, 2):
        with_snapshot(digits, epoch, linear(epoch))
    app = opened_inside("evaluate", model="linear", sample="7")
    assert slider(app).options == ["2", "10", "trained"]
    assert slider(app).value == "trained"
    assert LINEAR in alts(app)
    for epoch in (2, 10):
        slider(app).set_value(str(epoch))
        checked(app)
        assert f"{LINEAR}, after epoch {epoch}" in alts(app)
        [table] = [each.value for each in app.dataframe if "score" in each.value]
        path = digits.snapshot_path(epoch)
        logits = Classifier(path).outputs(DIGITS.load("test").images[[7]]).logits[0]
        np.testing.assert_allclose(table["score"], -np.sort(-logits), atol=1e-4)
        said = rf"After epoch {epoch} it said \*\*{table['class'].iloc[0]}\*\*, .+ % sure\."
        assert any(re.fullmatch(said, each.value) for each in app.markdown)


OTHER_CLASSES = networks.FACTS | {"class_names": ["one", "two"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        networks.network()[:200],
        networks.network(facts=OTHER_CLASSES, outputs=networks.OUTPUTS | {"logits": 2}),
        networks.network(networks.node("Identity", "logits")),
    ],
    ids=["empty", "half", "of other classes", "without probabilities"],
)
def test_a_snapshot_that_is_none_says_so_and_harms_no_other(digits: ModelDirectory, content: bytes) -> None:
    with_snapshot(digits, 1, content)
    with_snapshot(digits, 2, linear(2))
    app = opened_inside("evaluate", model="linear", sample="7")
    slider(app).set_value("1")
    checked(app)
    [error] = [each.value for each in app.error]
    assert error == "What “linear” was after epoch 1 cannot be looked into; choose another epoch."
    slider(app).set_value("2")
    assert not checked(app).error
    assert f"{LINEAR}, after epoch 2" in alts(app)
