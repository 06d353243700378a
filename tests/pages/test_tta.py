"""What the pages say and do about test-time augmentation, run as scripts without a browser."""

import json
import shutil
from pathlib import Path

import pytest

from cifar_core import formats, paths
from cifar_core.datasets import cifar10
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.inference.tta import TTA
from cifar_core.runs import catalogue
from tests.pages import opened

INDEX = 58  # of a test image about which the model changes its mind


def verdict(views: TTA) -> str:
    model = catalogue.find("quick")
    image = cifar10.load_test().images[INDEX][None]
    [answer] = classify(Classifier(model.onnx_path), calibration_of(model, views), [image], views)
    return f"{answer.class_name}, {formats.percent(answer.confidence)}"


@pytest.mark.usefixtures("runs")
@pytest.mark.cifar10
def test_classify_looks_six_times_when_asked() -> None:
    once, six = verdict(1), verdict(6)
    assert once != six
    app = opened("classify", model="quick", image=str(INDEX))
    assert once in app.markdown[0].value
    app.toggle(key="six").set_value(True).run()
    assert six in app.markdown[0].value
    by_link = opened("classify", model="quick", image=str(INDEX), six="true")
    assert by_link.toggle(key="six").value
    assert six in by_link.markdown[0].value


def test_evaluate_tells_the_accuracy_with_six_views_apart(runs: Path) -> None:
    card = catalogue.find("quick").card()
    app = opened("evaluate", model="quick")
    assert app.metric[0].value == formats.percent(card["accuracy"])
    assert app.metric[1].label == "With 6 looks"
    assert app.metric[1].value == formats.percent(card["test_time_augmentation"]["accuracy"])

    shutil.copytree(paths.models_root() / "quick", runs / "damaged")
    without = {name: value for name, value in card.items() if name != "test_time_augmentation"}
    (runs / "damaged" / "card.json").write_text(json.dumps(without))
    app = opened("evaluate", model="damaged")
    assert "“damaged” are missing or damaged (card.json); `python -m" in app.warning[0].value
