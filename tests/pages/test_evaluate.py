"""Evaluate where something is missing or given, run as a script without a browser."""

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import paths
from cifar_core.evaluation.corruptions import CORRUPTIONS
from cifar_core.runs import catalogue
from tests.pages import opened

LISTS = "Download the lists (0.9 MB)"


def texts(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.info, *app.warning, *app.code]
    return "\n".join(element.value for element in elements)


@pytest.mark.usefixtures("runs", "cifar10_folder")
def test_without_the_lists_it_works_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CIFAR10_TRUST", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    app = opened("evaluate", model="fast")
    said = texts(app)
    assert "images of “cat” taken for “dog”" in said
    assert "Not on this machine: human votes (CIFAR-10H)" in said
    assert [button.label for button in app.button if "lists" in button.label] == [LISTS]
    [sorts] = [group for group in app.button_group if group.label == "Sort by"]
    assert [option.content for option in sorts.proto.options] == ["confidence", "loss"]
    humans = opened("evaluate", model="fast", view="Humans")
    assert "This machine does not know yet what people see" in texts(humans)


@pytest.mark.usefixtures("runs", "cifar10_folder")
def test_a_damaged_list_is_named_and_the_images_are_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cifar10h-counts.npy").write_bytes(b"something else")
    monkeypatch.setenv("CIFAR10_TRUST", str(tmp_path))
    said = texts(opened("evaluate", model="fast", view="Humans"))
    assert "cifar10h-counts.npy is not the published file" in said
    assert "images of “cat” taken for “dog”" in said


@pytest.mark.usefixtures("cifar10_folder")
def test_robustness_and_strange_pictures_as_the_card_says_or_the_command(runs: Path) -> None:
    shutil.copytree(paths.models_root() / "quick", runs / "measured")
    card = catalogue.find("measured").card()
    card["robustness"] = {kind: [0.8] * 5 for kind in CORRUPTIONS}
    card["robustness"]["shot_noise"] = [0.7, 0.6, 0.5, 0.4, 0.123]
    card |= {"robustness_mean": 0.754, "robustness_calibration_error": 0.0987, "robustness_images": 2_000}
    card["out_of_distribution"] = {
        "static": {"auroc": 0.99, "fpr95": 0.01},
        "jigsaw": {"auroc": 0.81, "fpr95": 0.456},
    }
    (runs / "measured" / "card.json").write_text(json.dumps(card))
    said = texts(opened("evaluate", model="measured", view="Robustness"))
    assert "**shot noise**: at strength 5 it is right 12.3 %" in said
    assert "right about **75.4 %** of them" in said
    assert "off by **9.9 %** on average" in said
    assert "CIFAR-10-C" in said
    assert "on the first 2,000 test images" in said
    said = texts(opened("evaluate", model="measured", view="None of these"))
    assert "hardest kind for it is **jigsaw**" in said
    assert "45.6 %" in said

    del card["robustness"]["fog"], card["out_of_distribution"]  # as cards were with fewer kinds
    (runs / "measured" / "card.json").write_text(json.dumps(card))
    app = opened("evaluate", model="measured", view="Robustness")
    assert "Measure it" in [button.label for button in app.button]
    assert "python -m cifar_core evaluate measured" in texts(
        opened("evaluate", model="measured", view="None of these")
    )


@pytest.mark.lists
@pytest.mark.usefixtures("runs", "cifar10_folder")
def test_the_sentences_a_student_reads() -> None:
    said = texts(opened("evaluate", model="fast", view="Calibration"))
    assert "only the 80 % of the images of which it is surest, it is right **98.7 %** of the time" in said
    app = opened("evaluate", model="fast", view="Humans")
    values = {metric.label: metric.value for metric in app.metric}
    assert values["One person"] == "95.2 %"
    agree, differ = (float(values[f"Model, {which}"].rstrip(" %")) for which in ("all agree", "disputed"))
    assert agree > differ > 80
