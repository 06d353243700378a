"""An average on every page, and the view of Compare that makes one."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import formats
from cifar_core.evaluation import averaging
from cifar_core.runs import jobs
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import permission
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("cache")


def words(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.info, *app.warning, *app.success, *app.error]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def links(app: AppTest) -> list[tuple[str, str]]:
    return [(link.proto.label, link.proto.query_string) for link in app.get("page_link")]


def test_compare_says_what_an_average_brings_and_makes_it(two: list[ModelDirectory]) -> None:
    gain = averaging.gain(two)
    app = opened("compare", models="linear,other", view="Average")
    table = app.table[1].value
    assert list(table.index) == ["linear", "other", "linear + other"]
    assert table["accuracy"].iloc[2] == formats.percent(gain.accuracy)
    assert "**linear + other** is right on" in words(app)
    app.button(key="average-these").click()
    checked(app)
    made = ModelDirectory(two[0].path.parent / "average-linear-other")
    assert made.card()["accuracy"] == gain.accuracy
    assert "This average is a model: **linear + other**" in words(app)
    assert app.query_params["models"] == "linear,other,average-linear-other"
    assert len(app.table[0].value) == 3
    assert ("Classify with it", "model=average-linear-other") in links(app)
    assert "average-these" not in [button.key for button in app.button]
    assert "Of an average, the loss is of calibrated answers" in words(app)


@pytest.mark.usefixtures("two")
def test_who_may_not_train_sees_what_it_brings_and_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission, "granted", lambda: False)
    app = opened("compare", models="linear,other", view="Average")
    assert "**linear + other** is right on" in words(app)
    assert "average-these" not in [button.key for button in app.button]


@pytest.mark.usefixtures("duo")
def test_an_average_is_no_member_of_another() -> None:
    app = opened("compare", models="linear,duo", view="Average")
    assert "Choose two models or more that are no averages themselves" in words(app)


@pytest.mark.usefixtures("duo")
@pytest.mark.parametrize("view", ["Per class", "Who is right", "Curves"])
def test_it_is_compared_as_any_model(view: str) -> None:
    app = opened("compare", models="linear,duo", view=view)
    assert list(app.table[0].value.index) == ["linear", "duo"]
    assert ("In its place stand its members" in words(app)) == (view == "Curves")


@pytest.mark.parametrize("view", ["Per class", "Calibration", "Robustness", "None of these", "Map", "Curves"])
def test_it_is_evaluated_as_any_model(duo: ModelDirectory, view: str) -> None:
    app = opened("evaluate", model="duo", view=view)
    assert "It answers with the mean of what **linear** and **other** say" in words(app)
    labels = [metric.label for metric in app.metric]
    assert "Accuracy" in labels
    assert not any("looks" in label for label in labels)
    averaging.evaluate(duo)
    assert any("looks" in metric.label for metric in opened("evaluate", model="duo", view=view).metric)


def test_a_closer_look_says_what_an_average_has_not(duo: ModelDirectory) -> None:
    predictions = duo.predictions()
    wrong = int((predictions["test"].argmax(axis=1) != predictions["labels"]).nonzero()[0][0])
    app = opened("evaluate", model="duo", sample=str(wrong))
    for key in ("inside", "two-maps", "what-if"):
        app.session_state[key] = True
    said = words(checked(app))
    assert "**duo** is the average of **linear** and **other**. It has no single network to look into" in said
    assert "It has no single network whose last maps CAM could read" in said
    assert "keeps to its answer in" in said
    find = next(button for button in app.button if button.label == "Find them")
    find.click()
    checked(app)
    assert sum("training image" in image.proto.imgs[0].alt for image in app.get("image")) == 8


@pytest.mark.usefixtures("duo")
def test_deploy_leads_to_its_members() -> None:
    app = opened("deploy", model="duo")
    assert "It has no single network to export, serve or download" in words(app)
    assert [link for link in links(app) if link[1] in ("model=linear", "model=other")]
    assert not app.code


@pytest.mark.usefixtures("duo")
def test_train_shows_it_as_a_run_in_which_nothing_was_trained(duo: ModelDirectory) -> None:
    app = opened("train", run="duo")
    assert [metric.value for metric in app.metric][:1] == [formats.percent(duo.card()["accuracy"])]
    assert "It answers with the mean of what **linear** and **other** say" in words(app)
    assert opened("train").query_params.get("run") in (None, ["linear"], ["other"])
    assert len(app.get("vega_lite_chart")) == 2  # its members' curves
    rows = app.dataframe[0].value.set_index("folder")
    assert rows.loc["duo", "epochs"] == "–"


def test_overview_shows_it_and_packs_only_networks(duo: ModelDirectory) -> None:
    app = opened("overview")
    assert f"**{duo.name}**" in words(app)
    assert "Average of linear and other on digits" in words(app)
    assert "duo" not in app.selectbox(key="pack-model").options


@pytest.mark.parametrize("page", ["overview", "compare", "evaluate", "classify", "deploy", "train", "data"])
@pytest.mark.parametrize("harm", ["deleted", "damaged", "circle"])
def test_one_that_cannot_answer_takes_no_page_with_it(
    duo: ModelDirectory, two: list[ModelDirectory], page: str, harm: str
) -> None:
    if harm == "deleted":
        jobs.delete(two[1])
    elif harm == "damaged":
        duo.average_path.write_text("nonsense")
    else:
        named = json.loads(duo.average_path.read_text())
        named["members"][0]["name"] = "duo"
        duo.average_path.write_text(json.dumps(named))
    app = opened(page, **{"run" if page == "train" else "model" if page != "compare" else "models": "duo"})
    said = words(app)
    if page != "data":
        assert any(sentence in said for sentence in ("averages “", "average.json of “duo” is damaged")), said
