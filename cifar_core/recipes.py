"""The recipes that come with the app, by name; `cifar_core.recipe` says what one is."""

from cifar_core.errors import RecipeError
from cifar_core.recipe import Recipe

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="quick",
            title="Quick",
            summary="A narrow network and the optimizer Muon: as good as the original report's, in a few "
            "minutes.",
            network="airbench",
            network_options={"widths": [32, 64, 128], "activation": "relu"},
            optimizer="airbench",
            augmentation="flip_and_shift",
            epochs=4,
            batch_size=1000,
            learning_rate=0.24,
            label_smoothing=0.2,
            precision="bfloat16",
        ),
        Recipe(
            name="report",
            title="The report's CNN",
            summary="Four convolutional blocks trained with Adam and early stopping, exactly as in the "
            "original report; like the report, it watches the test set to decide when to stop.",
            network="report_cnn",
            optimizer="adam",
            augmentation="none",
            epochs=60,
            batch_size=64,
            learning_rate=1e-3,
            patience=10,
            validation="test",
        ),
        Recipe(
            name="report-vgg16",
            title="The report's VGG16",
            summary="VGG16 as ImageNet left it, with a new head: its features are computed once, then only "
            "the head learns. Five poolings leave one pixel of a small image, so it stays low.",
            network="vgg16",
            network_options={"hidden": 256, "dropout": 0.5, "scale": 1.0},
            frozen=True,
            optimizer="adam",
            augmentation="none",
            epochs=20,
            batch_size=64,
            learning_rate=1e-3,
            patience=3,
        ),
        Recipe(
            name="transfer",
            title="Transfer",
            summary="A linear layer on what a trained model sees in a picture: for few pictures of your own.",
            network="transfer",
            network_options={"base": "best", "size": 32},
            frozen=True,
            optimizer="adam",
            augmentation="none",
            epochs=20,
            batch_size=64,
            learning_rate=2e-3,
            label_smoothing=0.1,
        ),
        Recipe(
            name="cnn",
            title="The report's CNN, trained well",
            summary="The report's layers, with less dropout, augmented images, softened labels and the "
            "optimizer Muon.",
            network="report_cnn",
            network_options={"dropout": 0.4},
            optimizer="muon",
            augmentation="flip_and_shift",
            epochs=28,
            batch_size=256,
            learning_rate=0.02,
            weight_decay=0.1,
            label_smoothing=0.1,
            precision="bfloat16",
        ),
        Recipe(
            name="vgg16",
            title="VGG16, fine-tuned",
            summary="VGG16 from its ImageNet weights, every layer of it trained on, on pictures enlarged to "
            "48 pixels.",
            network="vgg16",
            network_options={"hidden": 256, "dropout": 0.5, "size": 48},
            optimizer="sgd",
            augmentation="flip_and_shift",
            shift=4,
            epochs=12,
            batch_size=128,
            learning_rate=0.005,
            weight_decay=5e-3,
            label_smoothing=0.1,
            precision="bfloat16",
        ),
        Recipe(
            name="fast",
            title="Fast",
            summary="The network of airbench94 and the optimizer Muon: 94 %, with six looks at each picture.",
            network="airbench",
            network_options={"widths": [64, 256, 256], "activation": "gelu"},
            optimizer="airbench",
            augmentation="flip_and_shift",
            epochs=10,
            batch_size=1000,
            learning_rate=0.24,
            label_smoothing=0.2,
            precision="bfloat16",
        ),
        Recipe(
            name="robust",
            title="Robust",
            summary="Begins with what Best has learned and goes on with pictures that are noisy, blurred, "
            "dark or mixed with patterns: right far more often about bad pictures.",
            network="airbench",
            network_options={"widths": [128, 384, 384], "activation": "gelu"},
            starts_from="best",
            optimizer="airbench",
            augmentation="flip_and_shift",
            shift=4,
            mixed=0.4,
            degraded=0.4,
            epochs=12,
            batch_size=1000,
            learning_rate=0.1,
            label_smoothing=0.2,
            precision="bfloat16",
        ),
        Recipe(
            name="best",
            title="Best",
            summary="The network and the optimizer of Fast, wider and much longer, on pictures with a square "
            "greyed out.",
            network="airbench",
            network_options={"widths": [128, 384, 384], "activation": "gelu"},
            optimizer="airbench",
            augmentation="flip_and_shift",
            shift=4,
            cutout=12,
            epochs=32,
            batch_size=1000,
            learning_rate=0.24,
            label_smoothing=0.2,
            precision="bfloat16",
        ),
    )
}


def get_recipe(name: str) -> Recipe:
    """Return the recipe of that name; RecipeError lists the names there are."""
    try:
        return RECIPES[name]
    except KeyError:
        raise RecipeError(f"There is no recipe “{name}”; choose one of {', '.join(RECIPES)}.") from None
