import pytest

from cifar_core.evaluation import ranking
from cifar_core.runs import catalogue


def test_first_choice_prefers_the_two_of_the_report_and_then_the_most_accurate() -> None:
    models = {"quick": 0.86, "fast": 0.93, "cnn": 0.85}
    assert ranking.first_choice(models) == ["fast", "quick"]
    assert ranking.first_choice(models, ["cnn", "vgg16"]) == ["cnn", "fast"]
    assert ranking.first_choice({**models, "vgg16": 0.9}, ["cnn", "vgg16"]) == ["cnn", "vgg16"]
    assert ranking.first_choice({"quick": 0.86}, ["cnn"]) == ["quick"]
    assert ranking.first_choice({}) == []


def test_a_model_that_begins_with_another_cost_the_minutes_of_both() -> None:
    models = {model.name: model for model in catalogue.shipped()}
    minutes = ranking.costs(models.values()).set_index("recipe")["minutes"] * 60
    robust, best = (models[name].card()["training_seconds"] for name in ("robust", "best"))
    assert minutes["best"] == pytest.approx(best)
    assert minutes["robust"] == pytest.approx(robust + best)
    [alone] = ranking.costs([models["robust"]])["minutes"] * 60
    assert alone == pytest.approx(robust)
