"""A model of the digits, end to end: what it is trained from, writes, answers, and becomes elsewhere.

Nothing here needs CIFAR-10: every command runs where `CIFAR10_DIR` names an empty folder.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from pyarrow import parquet

from cifar_core import images
from cifar_core.datasets.registry import DIGITS
from cifar_core.deploy import check, container
from cifar_core.deploy.serving import Client
from cifar_core.errors import ServingError
from cifar_core.evaluation import metrics, ood_sets
from cifar_core.inference import ood
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.recipes import get_recipe
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.scale.score import Part, prepared
from cifar_core.sources.opening import open_source
from tests.command_line import answer, call, environment
from tests.deploy.test_serving import Scripted

TEST = DIGITS.load("test")
NAMES = list("0123456789")

pytestmark = pytest.mark.slow


def without_cifar10(runs: Path) -> dict[str, str]:
    empty = runs.parent / "empty"
    empty.mkdir(exist_ok=True)
    return environment(runs, CIFAR10_DIR=str(empty))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    """A run named `figures` of the recipe as it is, just finished; tests that change it work on a copy."""
    runs = tmp_path_factory.mktemp("lab") / "runs"
    command = ["train", "quick", "--data", "digits", "--name", "figures", "--foreground"]
    done = call(*command, env=without_cifar10(runs))
    assert done.returncode == 0, done.stderr
    run = ModelDirectory(runs / "figures")
    assert f"{100 * run.card()['accuracy']:.1f} % of the test images are classified right" in done.stderr
    return run


@pytest.fixture
def lab(trained: ModelDirectory, tmp_path: Path) -> dict[str, str]:
    """An environment whose only run is a copy of `trained`."""
    shutil.copytree(trained.path, tmp_path / "runs" / "figures")
    return without_cifar10(tmp_path / "runs")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve digits of the test set as PNG files, larger than the network sees them."""
    folder = tmp_path_factory.mktemp("digits")
    for number, digit in enumerate(TEST.images[:12]):
        large = Image.fromarray(digit).resize((96, 96), Image.Resampling.BICUBIC)
        large.save(folder / f"{number:02}.png")
    return sorted(folder.iterdir())


# What it leaves


def test_the_run_says_what_it_learned_from(trained: ModelDirectory) -> None:
    config = json.loads(trained.config_path.read_bytes())
    assert config["dataset"] == {
        "name": "digits",
        "digest": DIGITS.facts.digest,
        "side": 32,
        "mirrors": False,
        "class_names": NAMES,
    }
    assert trained.facts() == DIGITS.facts
    assert trained.dataset() is DIGITS
    expected = get_recipe("quick").on(1_437)
    assert trained.recipe().with_(precision=expected.precision) == expected
    assert trained.status().state == "finished"
    assert len(trained.history()) == expected.epochs == 20
    trained.check_results()


def test_the_card_and_the_predictions_are_of_the_digits(trained: ModelDirectory) -> None:
    card, predictions = trained.card(), trained.predictions()
    assert (card["dataset"], card["class_names"], card["test_images"]) == ("digits", NAMES, 360)
    assert {name: len(array) for name, array in predictions.items() if name not in ood.Known._fields} == {
        "test": 360,
        "labels": 360,
        "validation": 180,
        "validation_indices": 180,
    }
    np.testing.assert_array_equal(predictions["labels"], TEST.labels)
    assert card["accuracy"] == metrics.accuracy(predictions["test"], TEST.labels)
    assert card["accuracy"] >= 0.97
    assert card["epochs"] == 20
    low, high = card["accuracy_interval"]
    assert (low, high) == metrics.wilson_interval(round(360 * card["accuracy"]), 360)
    train = DIGITS.load("train")
    answers = Classifier(trained.onnx_path).probabilities(train.images[predictions["validation_indices"]])
    np.testing.assert_allclose(answers, predictions["validation"], atol=1e-3)


def test_the_digits_are_not_among_what_is_none_of_them(trained: ModelDirectory) -> None:
    assert set(trained.card()["out_of_distribution"]) == {*ood_sets.SETS, "jigsaw"} - {"digits"}


def test_the_model_knows_its_classes(trained: ModelDirectory) -> None:
    stored = {item.key: item.value for item in onnx.load(trained.onnx_path).metadata_props}
    assert json.loads(stored["class_names"]) == NAMES
    assert json.loads(stored["dataset"]) == DIGITS.facts.to_dict()
    assert Classifier(trained.onnx_path).facts == DIGITS.facts


# What is done with it


def test_evaluate_finds_the_same_again_and_how_robust_it_is_on_all_there_are(
    lab: dict[str, str], tmp_path: Path, trained: ModelDirectory
) -> None:
    copy, before = ModelDirectory(tmp_path / "runs" / "figures"), trained.card()
    copy.card_path.unlink()
    copy.predictions_path.unlink()
    card = json.loads(answer("evaluate", "figures", "--robustness", "--json", env=lab))
    assert card == copy.card()
    assert card["robustness_images"] == 360  # fewer than are asked for
    assert card["robustness_plain"] == card["accuracy"]
    assert {name: value for name, value in card.items() if not name.startswith("robustness")} == before
    for name, values in trained.predictions().items():
        np.testing.assert_array_equal(copy.predictions()[name], values)


def test_classify_says_which_digit_it_is(
    lab: dict[str, str], pictures: list[Path], trained: ModelDirectory
) -> None:
    rows = [
        json.loads(line)
        for line in answer("classify", "figures", *map(str, pictures), "--json", env=lab).splitlines()
    ]
    assert [row["image"] for row in rows] == [*map(str, pictures)]
    right = [row["class"] == str(label) for row, label in zip(rows, TEST.labels[:12], strict=True)]
    assert sum(right) >= 8
    for row in rows:
        assert list(row["probabilities"]) == NAMES
        assert row["class"] == max(row["probabilities"], key=row["probabilities"].get)
    one = answer("classify", "figures", str(pictures[0]), "--tta", "6", env=lab)
    assert one.startswith(f"{pictures[0]}: ")
    views = Classifier(trained.onnx_path).probabilities(TEST.images[:12], 2)
    plain = Classifier(trained.onnx_path).probabilities(TEST.images[:12])
    np.testing.assert_array_equal(views.argmax(axis=1), plain.argmax(axis=1))  # no mirrors


def test_score_writes_a_column_a_digit(trained: ModelDirectory, pictures: list[Path], tmp_path: Path) -> None:
    with prepared(trained, open_source(pictures[0].parent), tmp_path) as work:
        assert work.scorer.score(work.left) == Part(12, 0)
    (file,) = tmp_path.glob("part-*.parquet")
    table = parquet.read_table(file)
    assert [field.name for field in table.schema.field("probabilities").type] == NAMES
    rows = table.to_pylist()
    assert {row["class"] for row in rows} <= set(NAMES)
    assert all(sum(row["probabilities"].values()) == pytest.approx(1) for row in rows)


def test_a_server_is_compared_with_the_model_here(trained: ModelDirectory, pictures: list[Path]) -> None:
    classifier, contents = (
        Classifier(trained.onnx_path),
        [(path.name, path.read_bytes()) for path in pictures],
    )
    looks = [images.load(content)[1] for _, content in contents]
    answers = [row.probabilities for row in classify(classifier, calibration_of(trained), looks)]
    server = Scripted()
    try:
        server.answer(404, {"error": "none"})
        server.answer(200, {"predictions": [row.tolist() for row in answers]}, "figures:predict")
        client = Client(server.url, "figures")
        found = check.compare(client, trained, classifier, contents)
        assert found.same
        assert [row.there for row in found.rows] == [NAMES[row.argmax()] for row in answers]
        server.answer(200, {"predictions": [[0.25] * 4] * 12}, "figures:predict")
        with pytest.raises(ServingError, match="tells 4 classes apart, the model here 10"):
            check.compare(client, trained, classifier, contents)
    finally:
        server.close()
    assert f"class_names = {json.dumps(NAMES)}\n" in container.python_images("figures", trained.facts())


SERVED = """
import json, sys
import numpy as np
import tensorflow as tf

signatures = tf.saved_model.load(sys.argv[1]).signatures
files = [open(name, "rb").read() for name in sys.argv[3:]]
answer = signatures["classify_bytes"](tf.constant(files))
images = signatures["serving_default"](tf.constant(np.load(sys.argv[2]).astype(np.float32) / 255))
print(json.dumps({
    "class": [name.decode() for name in answer["class"].numpy()],
    "classes": [[name.decode() for name in row] for row in answer["classes"].numpy()],
    "files": answer["probabilities"].numpy().tolist(),
    "images": images["probabilities"].numpy().tolist(),
}))
"""


def test_the_exported_model_answers_with_the_names_of_the_digits(
    lab: dict[str, str], trained: ModelDirectory, pictures: list[Path], tmp_path: Path
) -> None:
    folder = answer("export", "figures", str(tmp_path / "serving"), env=lab).strip()
    np.save(tmp_path / "images.npy", TEST.images[:12])
    command = [sys.executable, "-c", SERVED, folder, str(tmp_path / "images.npy"), *map(str, pictures)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["classes"] == [NAMES] * 12
    classifier, calibration = Classifier(trained.onnx_path), calibration_of(trained)
    for given, what in (
        (TEST.images[:12, None], "images"),
        ([images.load(path)[1] for path in pictures], "files"),
    ):
        here: list[Any] = classify(classifier, calibration, given)
        np.testing.assert_allclose(found[what], [row.probabilities for row in here], atol=1e-4)
    assert found["class"] == [row.class_name for row in here]


def test_a_sweep_trains_digits(tmp_path: Path) -> None:
    env = without_cifar10(tmp_path / "runs")
    options = ["--learning-rate", "0.24", "--learning-rate", "0.000001", "--epochs", "2", "--name", "try"]
    lines = answer("sweep", "quick", "--data", "digits", *options, "--json", env=env).splitlines()
    trials = [json.loads(line) for line in lines]
    assert {trial["run"] for trial in trials} == {"try-00", "try-01"}
    assert trials[0]["best"] >= trials[1]["best"]
    for trial in trials:
        run = ModelDirectory(tmp_path / "runs" / trial["run"])
        assert run.facts() == DIGITS.facts
        assert run.recipe().images == 1_437
        assert run.recipe().epochs == 2
