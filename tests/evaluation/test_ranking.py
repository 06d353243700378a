from cifar_core.evaluation import ranking


def test_first_choice_prefers_the_two_of_the_report_and_then_the_most_accurate() -> None:
    models = {"quick": 0.86, "fast": 0.93, "cnn": 0.85}
    assert ranking.first_choice(models) == ["fast", "quick"]
    assert ranking.first_choice(models, ["cnn", "vgg16"]) == ["cnn", "fast"]
    assert ranking.first_choice({**models, "vgg16": 0.9}, ["cnn", "vgg16"]) == ["cnn", "vgg16"]
    assert ranking.first_choice({"quick": 0.86}, ["cnn"]) == ["quick"]
    assert ranking.first_choice({}) == []
