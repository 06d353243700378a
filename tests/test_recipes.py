import json
import re
from dataclasses import replace
from typing import Any

import pytest

from cifar_core.errors import RecipeError
from cifar_core.recipe import Recipe
from cifar_core.recipes import RECIPES, get_recipe

QUICK = get_recipe("quick")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("epochs", "1", "1,000"),
        ("batch_size", "2", "4,096"),
        ("patience", "0", "1,000"),
        ("images", "4", "1,000,000"),
        ("validation_images", "2", "500,000"),
        ("seed", "0", "2,147,483,647"),
    ],
)
def test_a_count_out_of_range_is_refused_with_its_range(name: str, low: str, high: str) -> None:
    small, large = (int(bound.replace(",", "")) for bound in (low, high))
    label = name.replace("_", " ")
    for value in (small - 1, large + 1, -(10**9), 10**18):
        with pytest.raises(RecipeError) as refusal:
            QUICK.with_(**{name: value})
        assert str(refusal.value) == f"The {label} must be between {low} and {high}, not {value:,}."


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 1},
        {"epochs": 1_000},
        {"batch_size": 2},
        {"batch_size": 4_096},
        {"patience": 1_000},
        {"images": 20, "validation_images": 2, "batch_size": 18},
        {"images": 1_000_000, "validation_images": 500_000},
        {"seed": 2**31 - 1},
        {"learning_rate": 1e-6},
        {"learning_rate": 100},
        {"label_smoothing": 0.0},
    ],
)
def test_the_bounds_themselves_are_allowed(changes: dict[str, Any]) -> None:
    recipe = QUICK.with_(**changes)
    assert {name: getattr(recipe, name) for name in changes} == changes


@pytest.mark.parametrize(
    "value", [0, 0.0, -1.0, 9e-7, 100.1, 1e300, float("nan"), float("inf"), -float("inf")]
)
def test_a_learning_rate_that_cannot_train_is_refused(value: float) -> None:
    with pytest.raises(RecipeError, match=r"^The learning rate must be between 0\.000001 and 100, not "):
        QUICK.with_(learning_rate=value)


@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_label_smoothing_leaves_the_true_class_something(value: float) -> None:
    with pytest.raises(RecipeError, match=r"^The label smoothing must be between 0 and 0\.99, not "):
        QUICK.with_(label_smoothing=value)


def test_too_few_images_for_one_batch_are_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"^1,200 images, 200 of them held out, do not fill one batch of 1,024"
    ):
        QUICK.with_(images=1_200, validation_images=200, batch_size=1_024)
    with pytest.raises(RecipeError, match=r"^Of 1,000 images, 2,000 for validation leave none to train on"):
        QUICK.with_(images=1_000)
    with pytest.raises(RecipeError, match=r"^100 images do not fill one batch of 101"):
        get_recipe("report").with_(images=100, batch_size=101)
    assert get_recipe("report").with_(images=100, batch_size=100).steps_per_epoch == 1


def test_steps_per_epoch_count_whole_batches_of_the_images_that_are_learnt_from() -> None:
    fast = get_recipe("fast")
    assert (fast.training_images, fast.steps_per_epoch) == (48_000, 48)
    report = get_recipe("report")
    assert (report.training_images, report.steps_per_epoch) == (50_000, 781)
    assert QUICK.with_(images=2_000, validation_images=500, batch_size=500).steps_per_epoch == 3


def test_none_keeps_what_the_recipe_has() -> None:
    assert QUICK.with_(epochs=None, seed=None) == QUICK
    assert QUICK.with_(epochs=7, seed=None) == QUICK.with_(epochs=7)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = get_recipe(name).with_(epochs=7, learning_rate=0.1, seed=3)
    assert recipe.name == name
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_keys_of_other_versions_are_ignored_and_defaults_fill_gaps() -> None:
    values = {**QUICK.to_dict(), "mixup": 0.2}
    del values["seed"]
    assert Recipe.from_dict(values) == QUICK


@pytest.mark.parametrize("values", [{}, {"name": "quick"}, [], "quick", None, 3])
def test_what_is_no_recipe_is_refused(values: Any) -> None:
    with pytest.raises(RecipeError, match="The recipe makes no sense: "):
        Recipe.from_dict(values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "4"),
        ("epochs", 4.5),
        ("epochs", True),
        ("patience", False),
        ("batch_size", [1_000]),
        ("learning_rate", "0.1"),
        ("learning_rate", True),
        ("frozen", "yes"),
        ("title", 5),
        ("network", "vgg"),
        ("optimizer", 1),
        ("augmentation", ""),
        ("validation", "train"),
        ("precision", "x" * 5_000),
        ("network_options", [32, 64, 128]),
        ("network_options", "widths"),
        ("network_options", {"widths": [32, 64, 128]}),
        *(
            ("network_options", {"activation": "relu", "widths": widths})
            for widths in ("abc", [], [32, 64], [0, 1, 2], [1.5, 2, 3], [None] * 3, [10**30] * 3, {"32": 64})
        ),
        ("network_options", {"widths": [32, 64, 128], "activation": None}),
        ("network_options", {"widths": [32, 64, 128], "activation": "relu", "dropout": 0.5}),
    ],
)
def test_values_of_the_wrong_kind_are_refused(name: str, value: Any) -> None:
    with pytest.raises(RecipeError, match=r"makes no sense|has no option") as refusal:
        Recipe.from_dict({**QUICK.to_dict(), name: value})
    assert len(str(refusal.value)) < 300
    with pytest.raises(RecipeError, match=re.escape(str(refusal.value))):
        QUICK.with_(**{name: value})


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    "options", [{"hidden": 0}, {"dropout": -1}, {"dropout": "half"}, {"size": 10**6}, {"x": 1}]
)
def test_options_that_no_network_takes_are_refused(recipe: str, options: dict[str, Any]) -> None:
    own = get_recipe(recipe).network_options
    with pytest.raises(RecipeError):
        get_recipe(recipe).with_(network_options={**own, **options})


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=f"no recipe “slow”; choose one of {', '.join(RECIPES)}"):
        get_recipe("slow")


def test_only_what_begins_with_a_trained_network_is_trained_frozen() -> None:
    with pytest.raises(RecipeError, match="Only vgg16 and transfer can be trained frozen"):
        QUICK.with_(frozen=True)
    with pytest.raises(RecipeError, match="only without augmentation"):
        get_recipe("report-vgg16").with_(augmentation="flip_and_shift")


# On a dataset of another size


@pytest.mark.parametrize("name", RECIPES)
def test_cifar10_leaves_a_recipe_as_it_is(name: str) -> None:
    assert RECIPES[name].on(50_000) == RECIPES[name]
    assert RECIPES[name].on(60_000) == replace(RECIPES[name], images=60_000)


def test_quick_on_the_digits() -> None:
    digits = QUICK.on(1_437)
    assert digits == replace(QUICK, images=1_437, validation_images=180, batch_size=62, epochs=20)
    assert (digits.training_images, digits.steps_per_epoch) == (1_257, 20)
    report = get_recipe("report").on(1_437)
    assert report.split == {"images": 1_437, "validation_images": 0, "seed": 0}
    assert report == replace(get_recipe("report"), images=1_437, validation_images=180)


def test_of_every_class_there_is_one_to_validate_on() -> None:
    assert QUICK.on(1_437, classes=10).validation_images == 180
    assert QUICK.on(160, classes=10).validation_images == 20
    assert QUICK.on(160, classes=40).validation_images == 40


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_sound_on_whatever_size_and_grows_with_it(name: str) -> None:
    recipe = RECIPES[name]
    sizes = [*range(60, 3_000), *range(3_000, 60_001, 97), 49_999, 50_000]
    found = [recipe.on(size) for size in sorted(sizes)]  # none of which raises RecipeError
    for size, made in zip(sorted(sizes), found, strict=True):
        assert made.images == size
        assert made.steps_per_epoch >= 1
        assert made.epochs >= recipe.epochs
        assert made.batch_size <= recipe.batch_size
        assert made.validation_images <= recipe.validation_images
        if size < 50_000:
            assert made.epochs * made.steps_per_epoch >= min(400, recipe.epochs * recipe.steps_per_epoch)
            assert made.validation_images <= size / 8 + 1
            assert made.steps_per_epoch >= 6
        assert Recipe.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    for grown in ("images", "training_images", "validation_images", "batch_size"):
        numbers = [getattr(made, grown) for made in found]
        assert numbers == sorted(numbers), grown


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("images", [4, 7, 12, 20, 59])
def test_a_handful_of_pictures_is_enough_to_begin_with(name: str, images: int) -> None:
    made = RECIPES[name].on(images, classes=2)
    assert made.images == images
    assert made.training_images + (made.validation == "split") * made.validation_images == images
    assert 2 <= made.batch_size <= made.training_images
    assert made.steps_per_epoch >= 1


@pytest.mark.parametrize("images", [0, -5, 3, 1_000_001])
def test_a_size_that_no_recipe_can_do_with_is_refused(images: int) -> None:
    with pytest.raises(RecipeError, match="images"):
        QUICK.on(images)
