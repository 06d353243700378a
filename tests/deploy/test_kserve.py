"""The client, against KServe's server, which loads the exported SavedModel with TensorFlow."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests

from cifar_core import images
from cifar_core.deploy import container, serving
from cifar_core.deploy.check import TOLERANCE, compare
from cifar_core.deploy.serving import Client
from cifar_core.errors import ServingError
from cifar_core.inference.runtime import Classifier
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from tests.deploy.conftest import MODEL, in_the_app
from tests.picture_kinds import files

pytestmark = pytest.mark.slow


def test_the_reports_own_request(kserve: str, test_images: np.ndarray) -> None:
    x = test_images[:8].astype(np.float32) / 255
    body = {"signature_name": "serving_default", "instances": x.tolist()}
    answer = requests.post(f"{kserve}/v1/models/{MODEL}:predict", json=body, timeout=60)
    predictions = answer.json()["predictions"]
    assert [len(row) for row in predictions] == [10] * 8
    expected = [a.probabilities for a in in_the_app(test_images[:8])]
    np.testing.assert_allclose(predictions, expected, atol=1e-4)


def test_predict_asks_in_batches_and_keeps_the_order(kserve: str, test_images: np.ndarray) -> None:
    assert len(test_images) > serving.BATCH
    found = Client(kserve, MODEL).predict(test_images)
    expected = [a.probabilities for a in in_the_app(test_images)]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert Client(kserve, MODEL).predict(test_images[:0]).shape == (0, 0)


def test_files_are_decoded_on_the_server_as_in_the_app(kserve: str, pictures: list[Path]) -> None:
    found = Client(f"{kserve}/v1/models/{MODEL}").classify_files([path.read_bytes() for path in pictures])
    expected = in_the_app([images.load(path)[1] for path in pictures])
    for there, answer in zip(found, expected, strict=True):
        np.testing.assert_allclose(there["probabilities"], answer.probabilities, atol=1e-4)
        assert (there["class"], there["none_of_these"]) == (answer.class_name, answer.none_of_these)


def test_over_500_files_of_every_kind_get_the_class_that_the_app_says(kserve: str) -> None:
    assert len(files()) > 500
    found = Client(kserve, MODEL).classify_files(list(files().values()))
    expected = in_the_app([images.load(content)[1] for content in files().values()])
    assert len({answer.class_name for answer in expected}) >= 5
    wrong = {
        what: (there["class"], answer.class_name)
        for what, there, answer in zip(files(), found, expected, strict=True)
        if there["class"] != answer.class_name or there["none_of_these"] != answer.none_of_these
    }
    assert wrong == {}


def test_each_script_says_what_the_app_says(kserve: str, pictures: list[Path], tmp_path: Path) -> None:
    facts = catalogue.find(MODEL).facts()
    scripts = {"file": container.python_files(MODEL), "array": container.python_images(MODEL, facts)}
    answers = in_the_app([images.load(path)[1] for path in pictures])
    for name, text in scripts.items():
        script = tmp_path / f"about an {name}.py"  # `array.py` would be taken for Python's own
        script.write_text(text.replace(container.URL, kserve), encoding="utf-8")
        for path, answer in zip(pictures, answers, strict=True):
            done = subprocess.run(
                [sys.executable, str(script), str(path)], capture_output=True, text=True, check=True
            )
            class_name, confidence = done.stdout.split()[:2]
            assert class_name == answer.class_name
            assert float(confidence) == pytest.approx(answer.confidence, abs=1e-4)
    # KServe, unlike TensorFlow Serving, wants to be told that it is JSON.
    line = container.curl_picture(MODEL).replace(container.URL, kserve)
    line = line.replace("curl -d", "curl -H 'Content-Type: application/json' -d")
    (tmp_path / "photo.jpg").write_bytes(pictures[-1].read_bytes())
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["predictions"][0]["class"] == answers[-1].class_name


def test_what_kserve_refuses(kserve: str) -> None:
    with pytest.raises(ServingError, match=r"refused the input: .*neither a JPEG nor a PNG"):
        Client(kserve, MODEL).classify_files([b"GIF89a, but not really"])
    with pytest.raises(ServingError, match="has no model “nobody”"):
        Client(kserve, "nobody").predict(np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(ServingError, match="still loading"):
        Client(kserve, "loading").predict(np.zeros((1, 32, 32, 3), np.uint8))


def test_compare_finds_the_same_model_and_another_one(
    kserve: str, pictures: list[Path], here: Classifier, tmp_path: Path
) -> None:
    given = [(path.name, path.read_bytes()) for path in pictures]
    same = compare(Client(kserve, MODEL), catalogue.find(MODEL), here, given)
    assert same.same
    assert same.agreement == 1
    assert 0 < same.largest_difference < 1e-4 < TOLERANCE

    copy = ModelDirectory(tmp_path / MODEL)
    shutil.copytree(catalogue.find(MODEL).path, copy.path)
    card = copy.card()
    copy.card_path.write_text(json.dumps({**card, "temperature": 1.1 * card["temperature"]}))
    other = compare(Client(kserve, MODEL), copy, here, given)
    assert not other.same
    assert other.agreement == 1, "the classes are the same, the probabilities are not"
    assert other.largest_difference > TOLERANCE
