"""Compare where something is missing: models, results, the public lists."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import paths
from cifar_core.runs import catalogue
from tests.pages import ROOT, checked, opened


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of `artifacts/`."""
    monkeypatch.setattr(paths, "_ARTIFACTS", tmp_path)
    monkeypatch.delenv("CIFAR_LAB_RUNS", raising=False)
    return tmp_path


def said(app: AppTest) -> str:
    """Return what stands on the page in words."""
    elements = [*app.info, *app.warning, *app.markdown, *app.caption]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def test_without_a_model_it_says_to_train(artifacts: Path) -> None:  # noqa: ARG001
    app = opened("compare")
    assert "There is no finished model yet" in said(app)
    assert not app.table


def test_with_one_model_it_shows_it_and_says_to_train_another(artifacts: Path) -> None:
    shutil.copytree(ROOT / "artifacts/models/quick", artifacts / "models/quick")
    app = opened("compare")
    assert list(app.table[0].value.index) == ["quick"]
    assert "only one finished model" in said(app)


@pytest.mark.usefixtures("runs")
def test_models_come_from_the_link_or_by_accuracy_and_one_alone_asks_for_a_second() -> None:
    accuracies = {model.name: model.card()["accuracy"] for model in catalogue.shipped()}
    app = opened("compare")
    expected: list[str] = [name for name in ("cnn", "vgg16") if name in accuracies]
    expected += sorted(set(accuracies) - set(expected), key=lambda name: -accuracies[name])
    assert app.multiselect(key="compared").value == expected[:2]
    assert app.query_params["models"] == ",".join(expected[:2])

    app = opened("compare", models="report,nonsense,quick,report")
    assert app.multiselect(key="compared").value == ["report", "quick"]
    assert list(app.table[0].value.index) == ["report †", "quick"]
    assert "† Like the original report, it looked at the test set" in said(app)

    app.multiselect(key="compared").set_value(["quick"]).run()
    assert not app.exception
    assert app.query_params["models"] == "quick"
    assert "Choose two models or more" in said(app)
    assert "†" not in said(app)
    app.multiselect(key="compared").set_value([]).run()
    assert not app.exception
    assert "models" not in app.query_params
    assert not app.table


@pytest.mark.usefixtures("runs")
def test_a_link_with_a_model_that_is_gone_says_so_and_what_is_shown() -> None:
    app = opened("compare", models="gone:x,quick,report")
    assert [item.value for item in app.warning] == [
        "There is no finished model “gone\\:x”. What is shown: “quick”, “report”."
    ]
    assert not checked(app).warning  # by then the address has what is shown


@pytest.mark.usefixtures("runs")
def test_what_is_chosen_here_is_not_what_classify_asks() -> None:
    app = opened("compare", models="report,quick")
    app.switch_page("pages/classify.py")
    app.query_params.clear()
    asked = checked(app).multiselect(key="models").value
    assert len(asked) == 1
    app.switch_page("pages/compare.py")
    app.query_params.clear()
    assert checked(app).multiselect(key="compared").value == ["report", "quick"]
    app.switch_page("pages/classify.py")
    app.query_params.clear()
    assert checked(app).multiselect(key="models").value == asked


@pytest.mark.usefixtures("runs")
def test_the_best_of_each_column_is_marked() -> None:
    models = [catalogue.find(name) for name in ("quick", "report")]
    cards: list[dict[str, Any]] = [{**model.card()} for model in models]
    quick, report = cards
    table = opened("compare", models="quick,report").table[0].value
    for column, name, best in (("accuracy", "accuracy", max), ("loss", "loss", min)):
        winner = int(best(quick[name], report[name]) == report[name])
        assert ["★" in text for text in table[column]] == [winner == 0, winner == 1]
    assert table["parameters"].iloc[0].startswith(f"**{quick['parameters']:,}**")
    assert not table["training"].str.contains("★").any()  # times of different machines
    assert table["parameters"].iloc[1] == f"{report['parameters']:,}"
    low, high = quick["accuracy_interval"]
    interval = table["95 % interval"].iloc[0].replace("\N{NO-BREAK SPACE}", " ")
    assert interval == f"{low * 100:.1f} % to {high * 100:.1f} %"
    assert all(re.search(r"[\d.]+\sms", text) for text in table["one image"])


def test_a_model_with_damaged_results_is_left_out(runs: Path) -> None:
    shutil.copytree(paths.models_root() / "quick", runs / "damaged")
    (runs / "damaged" / "card.json").write_text('{"accuracy":')
    app = opened("compare", models="quick,damaged,report")
    assert app.multiselect(key="compared").value == ["quick", "report"]
    assert "“damaged” is left out" in said(app)
    assert len(app.warning) == 1


@pytest.mark.usefixtures("runs")
def test_without_the_public_lists_it_says_so_and_shows_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CIFAR10_TRUST", raising=False)
    monkeypatch.setattr("cifar_core.paths.cache", lambda: tmp_path / "empty")
    app = opened("compare", models="quick,report", view="Cleaner test sets")
    assert list(app.table[1].value.index) == ["original test set"]
    assert "Not on this machine" in said(app)
    assert [button for button in app.button if "Download the lists" in button.label]

    app = opened("compare", models="quick,report", view="Who is right")
    assert "If both were equally good" in said(app)

    monkeypatch.setenv("CIFAR10_TRUST", str(tmp_path / "nowhere"))
    app = opened("compare", models="quick,report", view="Cleaner test sets")
    assert "CIFAR10_TRUST names" in said(app)
    assert list(app.table[1].value.index) == ["original test set"]
