"""The Deploy page as a script: what is made when, and what was typed."""

from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cifar_core.deploy import exporting
from cifar_core.errors import ModelDirectoryError
from cifar_core.runs.model_dir import ModelDirectory
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("runs")

VIEW = "deploy-view"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that are exported, of which `report` fails."""
    names: list[str] = []

    def archive(model: ModelDirectory) -> bytes:
        names.append(model.name)
        if model.name == "report":
            raise ModelDirectoryError("No space left.")
        return b"archive"

    monkeypatch.setattr(exporting, "archive", archive)
    st.cache_data.clear()
    return names


def clicked(app: AppTest, label: str) -> None:
    [button] = [item for item in app.button if item.label == label]
    button.click()
    checked(app)


def downloads(app: AppTest) -> list[Any]:
    return [item for item in app.get("download_button") if "-serving.zip" in item.proto.label]


def test_an_export_that_failed_is_not_tried_again_without_a_click(exported: list[str]) -> None:
    app = opened("deploy", model="report")
    clicked(app, "Make the SavedModel")
    assert [item.value for item in app.error] == ["No space left."]
    assert not checked(app).error
    assert exported == ["report"]
    clicked(app, "Make the SavedModel")
    assert exported == ["report"] * 2


def test_back_at_a_model_nothing_is_made_without_a_click(exported: list[str]) -> None:
    app = opened("deploy", model="quick")
    clicked(app, "Make the SavedModel")
    assert downloads(app)
    assert downloads(checked(app))
    app.selectbox(key="model").set_value("fast")
    assert not downloads(checked(app))
    st.cache_data.clear()  # as the exports of other visitors do
    app.selectbox(key="model").set_value("quick")
    assert not downloads(checked(app))
    assert exported == ["quick"]


def test_what_was_typed_is_there_when_one_comes_back(exported: list[str]) -> None:  # noqa: ARG001
    app = opened("deploy", model="quick")
    app.text_input(key="endpoint").set_value("http://127.0.0.1:9")
    clicked(app, "Check")
    app.button_group(key=VIEW).set_value("Vertex AI")
    for key in ("project", "region", "bucket"):
        checked(app).text_input(key=key).set_value(f"my-{key}")
    checked(app).button_group(key=VIEW).set_value("TensorFlow Serving")
    assert checked(app).text_input(key="endpoint").value == "http://127.0.0.1:9"
    app.button_group(key=VIEW).set_value("Vertex AI")
    checked(app)
    for key in ("project", "region", "bucket"):
        assert app.text_input(key=key).value == f"my-{key}"


def test_a_link_to_a_model_that_is_gone_says_so_and_what_is_shown() -> None:
    app = opened("deploy", model="gone")
    shown = app.selectbox(key="model").value
    assert [item.value for item in app.warning] == [
        f"There is no finished model “gone”. What is shown: “{shown}”."
    ]


def test_the_website_is_offered_with_its_commands() -> None:
    app = opened("deploy", model="quick")
    app.button_group(key=VIEW).set_value("Website")
    checked(app)
    shown = [item.value for item in app.code]
    assert "python -m cifar_core export quick serving" in shown
    assert "docker compose -f serving/quick.website.yaml up" in shown
    [there] = [text for text in shown if "gcloud" in text]
    assert "/locations/europe-west4/endpoints/NUMBER MEGABYTES=1 flask run" in there
    assert [item.label for item in app.button if "Make" in item.label] == ["Make the SavedModel"]
