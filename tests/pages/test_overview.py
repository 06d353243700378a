"""The first page: the models as they are, the ways to begin, and what is missing on this machine."""

import shutil
from pathlib import Path

import pytest

from cifar_core import formats, paths
from cifar_core.runs import catalogue
from tests.pages import opened

ARTIFACTS = paths.models_root()


@pytest.mark.usefixtures("runs")
def test_each_model_is_a_card_with_its_interval_and_its_time() -> None:
    app = opened("overview")
    cards = {model.name: model.card() for model in catalogue.shipped()}
    assert [metric.label for metric in app.metric] == list(cards)
    for metric, card in zip(app.metric, cards.values(), strict=True):
        low, high = (formats.percent(end) for end in card["accuracy_interval"])
        assert (metric.value, metric.delta) == (formats.percent(card["accuracy"]), f"{low} to {high}")
    said = "\n".join(str(caption.value) for caption in app.caption)
    assert all(f"trained in {formats.duration(card['training_seconds'])}" in said for card in cards.values())


def test_what_the_visitor_made_comes_first(runs: Path) -> None:
    shutil.copytree(ARTIFACTS / "quick", runs / "mine")
    assert opened("overview").metric[0].label == "mine"


def test_a_damaged_run_is_left_out_and_the_rest_is_shown(runs: Path) -> None:
    shutil.copytree(ARTIFACTS / "quick", runs / "damaged")
    (runs / "damaged" / "card.json").write_text('{"accuracy":')
    app = opened("overview")
    assert "“damaged” is left out" in app.warning[0].value
    assert "damaged" not in [metric.label for metric in app.metric]


def test_without_a_model_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_ARTIFACTS", tmp_path)
    monkeypatch.delenv("CIFAR_LAB_RUNS", raising=False)
    app = opened("overview")
    assert "Train your own" in app.info[0].value
    assert not app.metric
