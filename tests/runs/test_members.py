"""Whom an average refers to: found again as they were, or one sentence that says what is missing."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cifar_core.errors import ModelDirectoryError
from cifar_core.recipes import get_recipe
from cifar_core.runs import catalogue, jobs, members, trash
from cifar_core.runs.model_dir import ModelDirectory

Members = list[dict[str, Any]]


def names() -> list[str]:
    return [model.name for model in catalogue.models() if model.own]


def test_members_are_found_in_their_order(duo: ModelDirectory, two: list[ModelDirectory]) -> None:
    assert members.members(duo) == two
    assert members.averages_of(two[1]) == ["duo"]
    assert members.averages_of(duo) == []
    assert members.in_words(duo) == "linear and other"
    assert set(names()) == {"linear", "other", "duo"}


def test_a_member_that_is_deleted_is_missed_until_it_is_back(
    duo: ModelDirectory, two: list[ModelDirectory]
) -> None:
    jobs.delete(two[1])
    with pytest.raises(ModelDirectoryError, match="averages “other”, which is not here any more; bring that"):
        members.members(duo)
    assert names() == ["linear"]
    assert "“other”, which is not here any more" in catalogue.damaged_models()["duo"]
    trash.restore("other")
    assert members.members(duo) == two
    assert set(names()) == {"linear", "other", "duo"}


def test_a_member_that_was_trained_anew_is_not_taken_for_what_it_was(
    duo: ModelDirectory, two: list[ModelDirectory]
) -> None:
    one, other = two
    shutil.copy(one.onnx_path, other.onnx_path)
    with pytest.raises(ModelDirectoryError, match="“other”, which was trained anew since; average"):
        members.members(duo)
    assert set(names()) == {"linear", "other"}


def test_a_run_of_a_member_s_name_does_not_hide_it(
    duo: ModelDirectory, two: list[ModelDirectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifar_core.paths._ARTIFACTS", tmp_path / "artifacts")
    shipped = Path(shutil.copytree(two[1].path, tmp_path / "artifacts/models/other"))
    shutil.copy(two[0].onnx_path, two[1].onnx_path)
    assert members.members(duo) == [two[0], ModelDirectory(shipped)]


@pytest.mark.usefixtures("duo")
def test_a_member_whose_results_are_damaged_is_said(two: list[ModelDirectory]) -> None:
    two[1].card_path.write_text("{")
    assert "results of “other” are missing or damaged" in catalogue.damaged_models()["duo"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda _: "nonsense",
        lambda _: [],
        lambda _: {},
        lambda _: {"members": None},
        lambda found: {"members": found[:1]},
        lambda found: {"members": found * 3},
        lambda found: {"members": [found[0], {**found[1], "name": "../other"}]},
        lambda found: {"members": [found[0], {**found[1], "name": "/etc"}]},
        lambda found: {"members": [found[0], {**found[1], "name": "other\n"}]},
        lambda found: {"members": [found[0], {**found[1], "digest": "0"}]},
        lambda found: {"members": [found[0], {"name": "other"}]},
        lambda found: {"members": [found[0], [found[1]]]},
    ],
)
def test_a_damaged_average_is_left_out_with_a_sentence(
    duo: ModelDirectory, harm: Callable[[Members], Any]
) -> None:
    found = json.loads(duo.average_path.read_text())["members"]
    duo.average_path.write_text(json.dumps(harm(found)))
    assert (
        catalogue.damaged_models()["duo"] == "average.json of “duo” is damaged; delete it, and average anew."
    )
    assert set(names()) == {"linear", "other"}
    assert members.averages_of(ModelDirectory(duo.path.parent / "other")) == []
    assert members.in_words(duo) == ""


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b" " * 2_000_000])
def test_what_is_no_json_is_damaged_too(duo: ModelDirectory, content: bytes) -> None:
    duo.average_path.write_bytes(content)
    assert "average.json of “duo” is damaged" in catalogue.damaged_models()["duo"]


def test_an_average_in_a_circle_is_refused(duo: ModelDirectory) -> None:
    found = json.loads(duo.average_path.read_text())["members"]
    found[0]["name"] = "duo"
    duo.average_path.write_text(json.dumps({"members": found}))
    assert "averages “duo”, which is an average itself" in catalogue.damaged_models()["duo"]


def test_members_of_other_classes_are_refused(duo: ModelDirectory, two: list[ModelDirectory]) -> None:
    config = two[1].config()
    turned = config.dataset.class_names[::-1]
    two[1].write_config(replace(config, dataset=replace(config.dataset, class_names=turned)))
    with pytest.raises(ModelDirectoryError, match="“other”, which learned from other pictures or classes"):
        members.members(duo)


def test_what_needs_a_network_refuses_an_average(duo: ModelDirectory, two: list[ModelDirectory]) -> None:
    members.refuse_average(two[0])
    with pytest.raises(ModelDirectoryError, match=r"no network of its own; .* members: linear and other"):
        members.refuse_average(duo)
    with pytest.raises(ModelDirectoryError, match="“duo” is an average"):
        jobs.on_base(get_recipe("transfer"), "duo")


def test_an_average_is_deleted_and_brought_back_as_a_run_is(duo: ModelDirectory) -> None:
    assert catalogue.find_model("duo") == duo
    assert duo.status().state == "finished"
    with pytest.raises(Exception, match="nothing to resume"):
        jobs.resume(duo)
    jobs.delete(duo)
    assert "duo" not in names()
    assert trash.restore("duo") == duo
    assert "duo" in names()
