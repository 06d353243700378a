"""The model `quick`, exported as a user does, KServe's server around it, and a cloud that is none."""

import functools
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import create_autospec

import numpy as np
import pytest
import requests
from PIL import Image

from cifar_core.images import to_png
from cifar_core.inference.classify import Answer, calibration_of, classify
from cifar_core.inference.runtime import Classifier
from cifar_core.runs import catalogue
from tests.deploy.saved_model import lay_out
from tests.pictures import encode, photo, photos
from tests.servers import free_port
from tests.tiers import KSERVE_PYTHON

ROOT = Path(__file__).parents[2]
MODEL = "quick"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `python -m cifar_core export quick` wrote; its version is `quick/1`."""
    folder = tmp_path_factory.mktemp("serving")
    command = [sys.executable, "-m", "cifar_core", "export", MODEL, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{folder / MODEL / '1'}\n"
    return folder


@pytest.fixture(scope="session")
def kserve_python() -> str:
    """The interpreter that has KServe."""
    return os.environ[KSERVE_PYTHON]


@pytest.fixture(scope="session")
def kserve(exported: Path, kserve_python: str) -> Iterator[str]:
    """The address of KServe's server, which serves the exported SavedModel with TensorFlow."""
    url, log = f"http://127.0.0.1:{free_port()}", exported / "kserve.log"
    script, port = ROOT / "tests" / "deploy" / "kserve_server.py", url.rpartition(":")[2]
    with log.open("w") as output:
        server = subprocess.Popen(
            [kserve_python, "-W", "ignore", str(script), MODEL, str(exported / MODEL / "1"), port],
            stdout=output,
            stderr=output,
            cwd=exported,
        )
    try:
        deadline = time.monotonic() + 600
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"KServe did not start: {log.read_text()[-3_000:]}")
            try:
                if requests.get(f"{url}/v1/models/{MODEL}", timeout=1).ok:
                    break
            except requests.RequestException:
                time.sleep(0.2)
        yield url
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of small pictures and of photos: PNG and JPEG, odd sizes, turned by EXIF."""
    folder = tmp_path_factory.mktemp("pictures")
    turned = Image.Exif()
    turned[0x0112] = 6
    contents = {
        **{f"{number}.png": to_png(small) for number, small in enumerate(photos(4))},
        "stripes.png": to_png(np.tile(np.array([[0], [255]], np.uint8), (32, 16, 3))),
        "photo.jpg": encode(photo(640, 480), "JPEG", quality=85),
        "odd.png": encode(photo(101, 77), "PNG"),
        "turned.jpg": encode(photo(301, 200), "JPEG", exif=turned),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


@pytest.fixture(scope="session")
def test_images() -> np.ndarray:
    return photos(100)


@functools.cache
def model_here() -> Classifier:
    return Classifier(catalogue.find(MODEL).onnx_path)


@pytest.fixture(scope="session")
def here() -> Classifier:
    return model_here()


def in_the_app(pictures: Iterable[np.ndarray]) -> list[Answer]:
    """What the app says about pictures: the looks at each, or single images."""
    looks = [given if given.ndim == 4 else given[None] for given in pictures]
    return classify(model_here(), calibration_of(catalogue.find(MODEL)), looks)


# Google's cloud


@pytest.fixture
def saved_model(tmp_path: Path) -> Path:
    return lay_out(tmp_path)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds credentials or settings of whoever runs it."""
    for name in ("CIFAR_LAB_PROJECT", "CIFAR_LAB_REGION", "CIFAR_LAB_BUCKET", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "no-credentials.json"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(scope="session")
def doubles() -> SimpleNamespace:
    """The library's init and classes with their own signatures, two models and an endpoint; slow to make."""
    from google.cloud import aiplatform  # takes a second, which most tests here need not wait for

    return SimpleNamespace(
        init=create_autospec(aiplatform.init),
        Model=create_autospec(aiplatform.Model),
        Endpoint=create_autospec(aiplatform.Endpoint),
        models=[create_autospec(aiplatform.Model, instance=True) for _ in range(2)],
        endpoint=create_autospec(aiplatform.Endpoint, instance=True),
    )


@pytest.fixture
def cloud(doubles: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """`doubles` in the library's place; nothing is on this cloud yet."""
    from google.cloud import aiplatform

    for double in (doubles.init, doubles.Model, doubles.Endpoint, *doubles.models, doubles.endpoint):
        double.reset_mock()
    for name in ("init", "Model", "Endpoint"):
        monkeypatch.setattr(aiplatform, name, getattr(doubles, name))
    doubles.Model.list.return_value = []
    doubles.Endpoint.list.return_value = []
    doubles.Endpoint.create.return_value = doubles.endpoint
    doubles.endpoint.list_models.return_value = []
    for number, model in enumerate(doubles.models):
        model.resource_name = f"models/{number}"
        model.container_spec = SimpleNamespace(image_uri="image")
        model.labels = {}
    for called in (doubles.Model.list, doubles.endpoint.predict):
        called.side_effect = None
    return doubles
