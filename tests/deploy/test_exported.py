"""The SavedModel, asked where this package is not, answers as the app does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cifar_core import images
from cifar_core.datasets import cifar10
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.deploy import container
from tests.deploy.conftest import MODEL, in_the_app
from tests.pictures import photos

pytestmark = pytest.mark.slow

LOAD = """
import json, sys
from importlib.util import find_spec
from pathlib import Path
import numpy as np
import tensorflow as tf

assert find_spec("cifar_core") is None
folder, *files = map(Path, sys.argv[1:])
signatures = tf.saved_model.load(folder).signatures
x = np.load("images.npy").astype(np.float32) / 255
default = signatures["serving_default"](tf.constant(x))
assert [(name, out.dtype) for name, out in default.items()] == [("probabilities", tf.float32)]
by_file = signatures["classify_bytes"](tf.constant([file.read_bytes() for file in files]))
print(json.dumps({
    "images": default["probabilities"].numpy().tolist(),
    "files": by_file["probabilities"].numpy().tolist(),
    "class": [name.decode() for name in by_file["class"].numpy()],
    "classes": [[name.decode() for name in row] for row in by_file["classes"].numpy()],
    "none_of_these": by_file["none_of_these"].numpy().tolist(),
}))
"""

# As TensorFlow Serving loads it, unlike Python's `tf.saved_model.load`: the graph, its restore operation, a
# session. That fails where the checkpoint's variables are not the very ones that the signatures read.
LOAD_AS_A_SERVER = """
import json, sys
import numpy as np
import tensorflow as tf

tf.compat.v1.disable_eager_execution()
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    signatures = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1]).signature_def
    def ask(name, given):
        [taken] = signatures[name].inputs.values()
        return session.run(signatures[name].outputs["probabilities"].name, {taken.name: given})
    by_file = ask("classify_bytes", [open(sys.argv[2], "rb").read()])
    by_image = ask("serving_default", np.load("images.npy").astype(np.float32) / 255)
    print(json.dumps([by_image.tolist(), by_file.tolist()]))
"""

# TensorFlow Serving's own definition of the messages, from a package that cannot be installed beside ours.
PARSE = """
import json, sys
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

found = []
for record in tf.data.TFRecordDataset(sys.argv[1]):
    log = PredictionLog.FromString(record.numpy())
    request = log.predict_log.request
    [(name, tensor)] = request.inputs.items()
    spec = request.model_spec
    found.append([spec.name, spec.signature_name, name, list(tf.make_ndarray(tensor).shape)])
print(json.dumps(found))
"""


def run(python: str, code: str, *arguments: str, folder: Path) -> str:
    """Run code in a process that finds no module of ours."""
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, "-P", "-W", "ignore", "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, env=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout.splitlines()[-1]


def test_both_signatures_answer_as_the_app_does(
    exported: Path, pictures: list[Path], tmp_path: Path, cifar10_folder: Path
) -> None:
    test = cifar10.load_test(cifar10_folder).images[:200]
    np.save(tmp_path / "images.npy", test)
    files = [str(picture) for picture in pictures]
    printed = run(sys.executable, LOAD, str(exported / MODEL / "1"), *files, folder=tmp_path)
    there = json.loads(printed)

    here = np.stack([answer.probabilities for answer in in_the_app(test)])
    np.testing.assert_allclose(there["images"], here, atol=1e-4)
    assert len(set(here.argmax(axis=1))) == 10

    answers = in_the_app([images.load(picture)[1] for picture in pictures])
    np.testing.assert_allclose(there["files"], [answer.probabilities for answer in answers], atol=1e-4)
    assert there["class"] == [answer.class_name for answer in answers]
    assert there["classes"] == [list(CLASS_NAMES)] * len(pictures)
    assert there["none_of_these"] == [answer.none_of_these for answer in answers]
    assert set(there["none_of_these"]) == {True, False}


def test_a_server_in_c_plus_plus_finds_the_variables(
    exported: Path, pictures: list[Path], tmp_path: Path
) -> None:
    test = photos(20)
    np.save(tmp_path / "images.npy", test)
    version, picture = exported / MODEL / "1", pictures[0]
    by_image, by_file = json.loads(
        run(sys.executable, LOAD_AS_A_SERVER, str(version), str(picture), folder=tmp_path)
    )
    here = [answer.probabilities for answer in in_the_app(test)]
    np.testing.assert_allclose(by_image, here, atol=1e-4)
    np.testing.assert_allclose(by_file, [in_the_app([images.load(picture)[1]])[0].probabilities], atol=1e-4)


def test_the_warm_up_requests_are_what_the_server_reads(
    exported: Path, kserve_python: str, tmp_path: Path
) -> None:
    path = exported / MODEL / "1" / "assets.extra" / "tf_serving_warmup_requests"
    found = json.loads(run(kserve_python, PARSE, str(path), folder=tmp_path))
    assert found == [
        [MODEL, "serving_default", "images", [1, 32, 32, 3]],
        [MODEL, "classify_bytes", "image_bytes", [2]],
    ]


def test_what_stands_beside_the_export(exported: Path) -> None:
    files = [path for path in exported.rglob("*") if path.is_file() and MODEL not in path.parts]
    beside = {path.relative_to(exported).as_posix(): path.read_text() for path in files}
    beside.pop("kserve.log", None)
    assert beside == {
        f"{MODEL}.compose.yaml": container.compose(MODEL),
        f"{MODEL}.website.yaml": container.website_compose(MODEL),
        "batching.config": container.batching(),
        **{f"website/{name}": container.website(name) for name in container.WEBSITE_FILES},
    }
    assert [path.name for path in (exported / MODEL).iterdir()] == ["1"]
