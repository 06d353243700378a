"""A model of something else than CIFAR-10, on every page, on a machine that has no CIFAR-10."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifar_core import formats
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.evaluation import browse, metrics
from cifar_core.evaluation.card import evaluate
from cifar_core.runs.model_dir import ModelDirectory
from tests.pages import checked, opened

pytestmark = pytest.mark.usefixtures("cache")


def words(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.info, *app.warning, *app.success]
    return "\n".join(str(element.value) for element in elements)


def alts(app: AppTest) -> list[str]:
    return [element.proto.imgs[0].alt for element in app.get("image")]


def tiles(app: AppTest) -> list[str]:
    return [json.loads(element.proto.json)["alt"] for element in app.get("bidi_component")]


def options(app: AppTest, key: str) -> list[str]:
    return [option.content for option in app.button_group(key=key).proto.options]


def test_evaluate_opens_on_its_own_worst_pair_with_its_own_images(digits: ModelDirectory) -> None:
    predictions = digits.predictions()
    matrix = metrics.confusion(predictions["test"], predictions["labels"])
    worst = metrics.most_confused(matrix, DIGITS.class_names)
    app = opened("evaluate", model="linear")
    true, predicted = worst["true"][0], worst["predicted"][0]
    assert (app.query_params["true"], app.query_params["predicted"]) == (true, predicted)
    count = int(worst["count"][0])
    assert f"**{count}** {browse.describe(true, predicted, count)}" in words(app)
    shortcuts = [button.label for button in app.button if "→" in button.label]
    assert shortcuts == [f"{t} → {p}" for t, p in zip(worst["true"][:3], worst["predicted"][:3], strict=True)]
    assert len(tiles(app)) == worst["count"][0]
    assert all(alt.endswith(f": {true}, taken for {predicted}") for alt in tiles(app))


def test_robustness_is_measured_by_a_click_and_stands_on_the_card(digits: ModelDirectory) -> None:
    before = digits.card()
    assert "robustness" not in before
    app = opened("evaluate", model="linear", view="Robustness")
    app.button(key="measure-robustness").click()
    assert "The worst for it is" in words(checked(app))
    after = digits.card()
    assert {name: value for name, value in after.items() if name in before} == before
    assert after["robustness_images"] == 360
    assert after["robustness_plain"] == pytest.approx(before["accuracy"])
    assert digits.card()["robustness"] == evaluate(digits, robustness=True)["robustness"]


@pytest.mark.usefixtures("stranger")
def test_who_may_not_is_told_the_command_that_measures_robustness(digits: ModelDirectory) -> None:
    app = opened("evaluate", model="linear", view="Robustness")
    assert "measure-robustness" not in [button.key for button in app.button]
    assert f"python -m cifar_core evaluate {digits.name} --robustness" in [code.value for code in app.code]


def test_evaluate_shows_nothing_that_is_about_cifar10(digits: ModelDirectory) -> None:
    app = opened("evaluate", model="linear")
    assert "Humans" not in options(app, "evaluate-view")
    accuracy = next(metric for metric in app.metric if metric.label == "Accuracy")
    low, high = digits.card()["accuracy_interval"]
    assert accuracy.delta == f"{formats.percent(low)} to {formats.percent(high)}"
    assert "360 test images" in accuracy.help
    assert "report" not in accuracy.help
    assert "annotators" not in words(app)
    assert not [button for button in app.button if "Download" in button.label]
    sorts = [group for group in app.button_group if group.label == "Sort by"]
    assert [option.content for option in sorts[0].proto.options] == ["confidence", "loss"]
    assert digits.facts().name == DIGITS.name


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("view", ["Per class", "Calibration", "Robustness", "None of these", "Map", "Curves"])
def test_every_view_of_evaluate_works(view: str) -> None:
    assert opened("evaluate", model="linear", view=view).query_params["view"] == view


def test_a_model_without_mistakes_is_told_so(digits: ModelDirectory) -> None:
    predictions = digits.predictions()
    predictions["test"] = np.eye(10, dtype=np.float16)[predictions["labels"]]
    np.savez(digits.predictions_path, **predictions)  # type: ignore[arg-type]
    app = opened("evaluate", model="linear")
    assert "It got every test image right." in words(app)
    assert [button.label for button in app.button] == ["all mistakes"]


@pytest.mark.usefixtures("digits")
def test_from_a_model_of_one_dataset_to_one_of_another_the_pair_is_one_that_there_is() -> None:
    app = opened("evaluate", model="linear")
    app.selectbox(key="model").set_value("quick")
    checked(app)
    assert (app.query_params["true"], app.query_params["predicted"]) == ("cat", "dog")
    app.selectbox(key="model").set_value("linear")
    assert checked(app).query_params["true"] in DIGITS.class_names


def test_a_dataset_that_has_changed_since_shows_no_wrong_images(digits: ModelDirectory) -> None:
    config = digits.config()
    digits.write_config(replace(config, dataset=replace(config.dataset, digest="0" * 64)))
    app = opened("evaluate", model="linear")
    assert "“digits” has changed since the model learned from it." in words(app)
    assert not alts(app)


def test_models_of_two_datasets_are_not_compared(digits: ModelDirectory) -> None:
    shutil.copytree(digits.path, digits.path.with_name("other"))
    app = opened("compare", models="linear,quick,other")
    assert app.multiselect(key="compared").value == ["linear", "other"]
    assert "So “quick” cannot be compared with “linear”" in words(app)
    assert app.query_params["models"] == "linear,other"
    assert options(app, "compare-view") == ["Per class", "Who is right", "Average", "Curves"]
    assert "cannot be compared" not in words(checked(app))
    for view in ("Per class", "Who is right", "Curves"):
        opened("compare", models="linear,other", view=view)


@pytest.mark.usefixtures("digits")
def test_what_is_compared_first_is_of_one_dataset_and_one_model_alone_asks_for_a_second() -> None:
    assert opened("compare").multiselect(key="compared").value == ["cnn", "vgg16"]
    app = opened("compare", models="linear")
    assert f"“linear” is the only model that learned from “{DIGITS.name}”" in words(app)
    assert [link.proto.label for link in app.get("page_link")] == ["Train one in a few minutes"]


@pytest.mark.usefixtures("digits")
def test_classify_takes_a_test_image_of_the_models_own_dataset() -> None:
    app = opened("classify", model="linear")
    app.button[0].click()
    checked(app)
    index = int(app.query_params["image"])
    label = DIGITS.class_names[DIGITS.load("test").labels[index]]
    [verdict] = [item.value for item in app.markdown if item.value.startswith("## ")]
    assert "· right" in verdict or f"· wrong, it is {'an' if label == '8' else 'a'} {label}" in verdict
    assert "**linear** knows 10 things and nothing else: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in words(app)
    assert "Drop a picture" in opened("classify", model="linear", image="360").info[0].value


@pytest.mark.usefixtures("digits")
def test_models_of_two_datasets_answer_side_by_side() -> None:
    app = opened("classify", model=["quick", "linear"], example="digit")
    assert len([item for item in app.markdown if item.value.startswith("## ")]) == 2
    assert "**quick** knows 10 things and nothing else: airplane" in words(app)
    assert "**linear** knows 10 things and nothing else: 0" in words(app)


@pytest.mark.usefixtures("digits")
def test_deploy_asks_about_its_own_test_images() -> None:
    app = opened("deploy", model="linear")
    labels = [item.proto.label for item in app.get("download_button")]
    assert "Download request.json (test image 12)" in labels
    opened("deploy", model="linear", view="Files")


@pytest.mark.usefixtures("digits")
def test_train_shows_its_run_and_overview_its_card() -> None:
    app = opened("train", run="linear")
    assert [link.proto.label for link in app.get("page_link")] == [
        "See its mistakes",
        "Classify with it",
        "Compare it",
    ]
    assert app.dataframe[0].value["dataset"].tolist() == [DIGITS.name]
    assert app.dataframe[0].value["changed"].tolist() == [""]
    app = opened("overview")
    assert any(f"Quick on {DIGITS.name}" in caption.value for caption in app.caption)


@pytest.mark.parametrize("view", ["Samples", "Balance", "An image on its way"])
def test_data_shows_every_dataset_that_is_here(view: str) -> None:
    app = opened("data", data=DIGITS.name, view=view, image="58")
    assert app.query_params["data"] == DIGITS.name
    if view == "An image on its way":
        label = DIGITS.class_names[DIGITS.load("test").labels[58]]
        assert alts(app) == [f"test image 58, {label}", *["an augmented variant"] * 8]
        assert "mirrored" not in words(app)  # nobody writes a 3 that way round
    assert CIFAR10.title in words(app)
