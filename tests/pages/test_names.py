"""Runs and links whose names are ours, a link, Markdown, or a page long."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from cifar_core import paths
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts.markdown import plain, told
from tests.model_directories import run_that_is
from tests.pages import opened
from tests.pages.test_classify import png, upload

LONG = "a" * 5_000
# What our own tables have as columns, or libraries give to theirs.
OF_OURS = ["picture", "class", "model", "f1"]


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("name", OF_OURS)
def test_a_model_may_be_called_as_a_column(digits: ModelDirectory, name: str) -> None:
    shutil.copytree(digits.path, digits.path.with_name(name))
    for view in ("Per class", "Who is right", "Curves"):
        opened("compare", models=f"linear,{name}", view=view)
    app = upload(opened("classify", model=["linear", name]), {f"{n}.png": NOISE[n] for n in range(2)})
    table = app.dataframe[0].value
    assert set(table) == {
        "/thumbnail",
        "/picture",
        name,
        f"{name}/confidence",
        "linear",
        "linear/confidence",
    }
    assert table["/picture"].tolist() == ["0.png", "1.png"]


NOISE = [png(np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)) for number in range(2)]


def test_a_model_called_images_has_its_column_beside_how_many_those_are(runs: Path) -> None:
    shutil.copytree(paths.models_root() / "quick", runs / "images")
    table = opened("compare", models="images,quick", view="Cleaner test sets").table[1].value
    assert list(table) == ["*images*", "images", "quick"]
    assert table["*images*"].iloc[0] == "10,000"
    assert table["images"].iloc[0].startswith("87") == table["quick"].iloc[0].startswith("87")


@pytest.mark.parametrize(
    "text", ["www.evil.example", "WWW.evil.example", "https://evil.example", "me@evil.example"]
)
def test_no_text_of_others_becomes_a_link(text: str) -> None:
    """A browser looks for these after it has read the escapes: see tests/browser/test_names.py."""
    shown = plain(text).replace("\\", "")
    assert text not in shown
    assert shown.replace("\u2060", "") == text
    assert (
        told(f"There is no “{text}”; `www.ours.example` has `a_b`.").replace("\\", "").replace("\u2060", "")
        == f"There is no “{text}”; `www.ours.example` has `a_b`."
    )


def test_what_an_error_says_keeps_its_commands_and_loses_the_rest_of_a_long_name() -> None:
    assert told("`python -m cifar_core runs` lists __them__: *all*") == (
        r"`python -m cifar_core runs` lists \_\_them\_\_\: \*all\*"
    )
    shown = told(f"There is no “{LONG}”; `python -m cifar_core runs` lists them.")
    assert len(shown) < 650
    assert shown.startswith("There is no “aaa")
    assert shown.endswith("aaa”; `python -m cifar_core runs` lists them.")
    assert len(plain(LONG)) < 250


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("page", "query"),
    [
        *((page, name) for page in ("evaluate", "deploy") for name in ("model",)),
        ("train", "run"),
        ("compare", "models"),
        ("classify", "model"),
    ],
)
@pytest.mark.parametrize("name", ["www.evil.example", LONG, ",".join(f"m{n}" for n in range(2_000))])
def test_a_link_to_what_is_not_there_is_answered_shortly_and_makes_no_link(
    page: str, query: str, name: str
) -> None:
    app = opened(page, **{query: name})
    said = [item.value for item in [*app.warning, *app.error, *app.markdown, *app.caption]]
    assert app.warning
    assert not [text for text in said if "www.evil" in text]
    assert all(len(text) < 2_000 for text in said)


def test_a_run_whose_name_is_an_address_makes_no_link(runs: Path) -> None:
    shutil.copytree(paths.models_root() / "quick", runs / "www.evil.example")
    run_that_is("running", runs / "www.busy.example")
    for page in ("train", "overview"):
        app = opened(page, run="www.evil.example")
        texts = [*app.markdown, *app.caption, *app.subheader, *app.error, *app.warning, *app.info]
        assert not [item.value for item in texts if "www." in re.sub("`.*?`", "", item.value)]
    app = opened("compare", models="www.evil.example,report", view="Who is right")
    assert not [item.value for item in [*app.markdown, *app.caption] if "www." in item.value]
    assert app.table[0].value.index[0] == "www\u2060.evil.example"


def test_a_title_that_is_an_address_or_markdown_stays_what_it_is(runs: Path) -> None:
    shutil.copytree(paths.models_root() / "quick", runs / "mine")
    run = ModelDirectory(runs / "mine")
    run.write_label("*www.evil.example* :red[x]", "see https://evil.example")
    busy = run_that_is("running", runs / "busy")
    busy.write_label("www.busy.example")
    for page, query in (
        ("train", {"run": "mine"}),
        ("overview", {}),
        ("evaluate", {"model": "mine"}),
        ("compare", {"models": "mine,quick", "view": "Who is right"}),
    ):
        app = opened(page, **query)
        texts = [*app.markdown, *app.caption, *app.subheader, *app.error, *app.warning, *app.info]
        said = [item.value for item in texts] + [item.label for item in [*app.metric, *app.button]]
        assert not [text for text in said if "www." in text or "://" in text or ":red[" in text], page
