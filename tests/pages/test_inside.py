"""How a picture becomes an answer, in the closer looks of Evaluate, Compare and Classify."""

import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core.datasets.registry import DIGITS
from cifar_core.errors import ModelDirectoryError
from cifar_core.inference import layers
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
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
    query = {
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
