"""A linear layer on what another model sees: the network, and the features that it is trained on."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from cifar_core.arrays import Images
from cifar_core.datasets.dataset import Batch, normalise
from cifar_core.datasets.own_adding import add
from cifar_core.errors import CifarLabError, ModelDirectoryError, RecipeError
from cifar_core.evaluation import card
from cifar_core.inference import runtime
from cifar_core.paths import models_root
from cifar_core.recipe import IMAGENET
from cifar_core.recipes import RECIPES, get_recipe
from cifar_core.runs import catalogue, jobs
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.training import architectures, bases, export, features, fit
from cifar_core.training.run_log import Report, StopRequested
from tests.command_line import Typed
from tests.datasets.own_sources import NAMES, in_folder, shape, shapes
from tests.model_directories import LONG, made
from tests.pictures import photos

QUICK = {"base": "quick", "size": 32}
PICTURES = photos(12)


def into(reports: list[str]) -> Report:
    def report(phase: str) -> None:
        reports.append(phase)

    return report


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return architectures.build("transfer", QUICK, classes=3, fused=True)


def test_the_embedding_is_what_the_base_s_features_are(network: keras.Model) -> None:
    base = keras.models.load_model(models_root() / "quick" / "model.keras", compile=False)
    seen = keras.Model(base.input, base.get_layer("features").output)(normalise(PICTURES))
    backbone, head = bases.split_at_embedding(network)
    np.testing.assert_allclose(backbone(normalise(PICTURES)), seen, atol=1e-5)
    assert [layer.name for layer in head.layers[1:]] == ["features", "logits"]
    assert [weight.path.split("/")[-2:] for weight in head.trainable_weights] == [
        ["logits", "kernel"],
        ["logits", "bias"],
    ]


def test_its_features_are_standardised(network: keras.Model) -> None:
    backbone, head = bases.split_at_embedding(network)
    found = np.asarray(backbone(normalise(PICTURES)))
    bases.standardise(network, found)
    standard = np.asarray(network.get_layer("features")(found))
    varies = found.std(axis=0) > 0.1
    assert varies.any()
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(standard.std(axis=0)[varies], 1, atol=0.01)
    assert not np.asarray(head(found)).any()  # which begins where all classes are as likely


def test_it_can_be_the_base_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = architectures.build("transfer", QUICK, classes=3)
    path = tmp_path / "model.keras"
    architectures.with_probabilities(network).save(path)
    found = ModelDirectory(tmp_path)
    monkeypatch.setattr(catalogue, "find_model", lambda _: found)
    second = architectures.build("transfer", {"base": "first", "size": 32}, classes=5)
    assert second.output.shape == (None, 5)
    expected = keras.Model(network.input, network.get_layer("features").output)(normalise(PICTURES))
    backbone, _ = bases.split_at_embedding(second)
    np.testing.assert_allclose(backbone(normalise(PICTURES)), expected, atol=1e-4)
    path.write_bytes(b"damaged")
    with pytest.raises(CifarLabError, match="of “first” is missing or damaged; choose another base"):
        architectures.build("transfer", {"base": "first", "size": 32})


def test_a_base_of_another_side_is_refused() -> None:
    with pytest.raises(
        CifarLabError, match="“quick” looks at pictures of 32 pixels a side, not of 48; choose"
    ):
        architectures.build("transfer", QUICK, side=48)


def test_a_base_is_chosen() -> None:
    transfer = get_recipe("transfer")
    assert transfer.side == 32
    imagenet = jobs.on_base(transfer, IMAGENET)
    assert (imagenet.side, imagenet.network_options["base"]) == (128, IMAGENET)
    assert jobs.on_base(imagenet, "quick").network_options == QUICK
    assert imagenet.features_batch * 128**2 <= transfer.features_batch * 32**2
    with pytest.raises(ModelDirectoryError, match="no model or run “nothing”"):
        jobs.on_base(transfer, "nothing")
    with pytest.raises(RecipeError, match="The recipe quick builds on no other model; leave the base out"):
        jobs.on_base(RECIPES["quick"], "best")


# Features


@pytest.fixture(scope="module")
def mean_colour() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))


def batches(*parts: Images) -> list[Batch]:
    return [Batch(part, np.arange(len(part))) for part in parts]


def test_features_take_the_place_of_images(mean_colour: keras.Model) -> None:
    reports: list[str] = []
    known = features.Features(mean_colour, 5, None)
    one, other = known.embed(batches(PICTURES[:8], PICTURES[6:]), into(reports), lambda: False)
    np.testing.assert_allclose(one.images, normalise(PICTURES[:8]).mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(other.images, normalise(PICTURES[6:]).mean(axis=(1, 2)), rtol=1e-5)
    assert (one.labels.tolist(), other.labels.tolist()) == (list(range(8)), list(range(6)))
    assert reports == [f"computing features, {done} of 12 images" for done in (5, 10, 12)]


def test_what_is_known_is_not_computed_again(mean_colour: keras.Model, tmp_path: Path) -> None:
    folder, reports = tmp_path / "computed", list[str]()

    def embed(*parts: Images) -> list[Batch]:
        reports.clear()
        known = features.Features(mean_colour, 5, folder)
        return known.embed(batches(*parts), into(reports), lambda: False)

    [first] = embed(PICTURES[:8])
    assert len(reports) == 2
    [again] = embed(PICTURES[:8])
    assert not reports
    np.testing.assert_array_equal(first.images, again.images)
    embed(PICTURES[4:])
    assert reports == ["computing features, 4 of 4 images"]
    embed(PICTURES)
    assert not reports
    [file] = folder.iterdir()
    file.write_bytes(b"damaged")
    embed(PICTURES[:3])
    assert len(reports) == 1


def test_what_was_computed_before_a_stop_is_kept(mean_colour: keras.Model, tmp_path: Path) -> None:
    asked = iter([False, True])
    with pytest.raises(StopRequested):
        features.Features(mean_colour, 5, tmp_path).embed(batches(PICTURES), into([]), lambda: next(asked))
    reports: list[str] = []
    features.Features(mean_colour, 9, tmp_path).embed(batches(PICTURES), into(reports), lambda: False)
    assert reports == ["computing features, 7 of 7 images"]


# On what ImageNet taught


@pytest.mark.vgg16
@pytest.mark.slow
def test_own_pictures_are_told_apart_by_what_imagenet_taught(
    datasets: Path,  # noqa: ARG001
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: Typed,
) -> None:
    monkeypatch.setattr(card, "LEAST_OOD_IMAGES", 8)
    monkeypatch.setattr(card, "OOD_IMAGES", 8)
    monkeypatch.setattr(runtime, "SECONDS", LONG)  # sixteen times the pixels, on a busy machine
    dataset = add("shapes", in_folder(tmp_path / "given", shapes(12, side=150))).dataset
    recipe = jobs.on_base(get_recipe("transfer"), IMAGENET).on(dataset.sizes["train"], 3)
    facts = dataset.at(recipe.side).facts
    run = made(runs / "net", recipe, dataset=facts.to_dict(), hardware="none")
    model = fit.train(run, lambda **_: None, lambda: False)
    run.write_config(replace(run.config(), parameters=int(model.count_params())))
    export.save(model, run)
    assert facts.side == 128
    assert card.evaluate(run)["accuracy"] > 0.5
    assert len(list(dataset.kept().glob("features-*.npz"))) == 1

    shape(1, 777, 300).save(tmp_path / "new.png")
    answer = json.loads(typed("classify", "net", str(tmp_path / "new.png"), "--json").out)
    assert answer["class"] == NAMES[1]
