"""An endpoint in the app's place: KServe's server for TensorFlow Serving's, autospecs for Vertex AI's."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest
from google.cloud import aiplatform

from cifar_core import settings
from cifar_core.deploy import remote
from cifar_core.deploy.remote import Endpoint
from cifar_core.errors import CloudError, ServingError
from cifar_core.images import to_png
from tests.deploy.conftest import MODEL, in_the_app
from tests.pages import checked, opened
from tests.pictures import photos
from tests.servers import free_port


@pytest.fixture
def arrays() -> np.ndarray:
    digit = np.zeros((32, 32, 3), np.uint8)  # looks like none of these
    digit[8:24, 15:18] = 255
    return np.concatenate([photos(6), digit[None]])


@pytest.mark.slow
def test_tensorflow_serving_says_what_the_app_says(kserve: str, arrays: np.ndarray) -> None:
    endpoint = Endpoint(f"{kserve}/v1/models/{MODEL}")
    here, there = in_the_app(arrays), endpoint.classify(arrays[:, None])
    assert [answer.class_name for answer in there] == [answer.class_name for answer in here]
    assert [answer.none_of_these for answer in there] == [answer.none_of_these for answer in here]
    for mine, other in zip(there, here, strict=True):
        np.testing.assert_allclose(mine.probabilities, other.probabilities, atol=1e-4)
    assert endpoint.name == f"{MODEL} at 127.0.0.1"


@pytest.mark.slow
@pytest.mark.usefixtures("runs")
def test_classify_asks_the_endpoint(kserve: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{kserve}/v1/models/{MODEL}"
    monkeypatch.setenv(settings.ENDPOINT.name, address)
    app = opened("classify", model="report")
    [where] = [item for item in app.button_group if item.label == "Answers come from"]
    where.set_value(f"{MODEL} at 127.0.0.1")
    picture = to_png(photos(1)[0])
    app.file_uploader(key="files").set_value([("one.png", picture, "image/png")])
    checked(app)
    [verdict] = [text.value for text in app.markdown if text.value.startswith("## ")]
    [expected] = Endpoint(address).classify(photos(1)[:, None])
    assert expected.class_name in verdict
    assert not [item for item in app.toggle if item.key in ("six", "why")]  # both need the model here


@pytest.mark.usefixtures("runs")
def test_an_endpoint_that_is_gone_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{free_port()}/v1/models/{MODEL}"
    with pytest.raises(ServingError, match="Nothing answers at"):
        Endpoint(address).classify(photos(1)[:, None])
    monkeypatch.setenv(settings.ENDPOINT.name, address)
    app = opened("classify")
    [where] = [item for item in app.button_group if item.label == "Answers come from"]
    where.set_value(f"{MODEL} at 127.0.0.1")
    app.file_uploader(key="files").set_value([("one.png", to_png(photos(1)[0]), "image/png")])
    checked(app)
    [said] = [item.value for item in app.error]
    assert said.startswith("Nothing answers at")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("nonsense", "is not an endpoint's address"),
        ("Vertex:fast", "is not an endpoint's address"),
        ("http://host:8501", "must name the model too"),
        *(
            (f"vertex:{name}", "must name one model behind `vertex:`")
            for name in ("", "fast@2", "a/b", " fast")
        ),
    ],
)
def test_a_setting_that_is_no_endpoint(monkeypatch: pytest.MonkeyPatch, setting: str, message: str) -> None:
    monkeypatch.setenv(settings.ENDPOINT.name, setting)
    with pytest.raises(ServingError, match=message):
        remote.configured()


@pytest.mark.parametrize(
    ("which", "name"),
    [
        ("", "fast at host"),
        ("/versions/3", "fast (version 3) at host"),
        ("/labels/new", "fast (label new) at host"),
    ],
)
def test_a_setting_that_names_a_version(monkeypatch: pytest.MonkeyPatch, which: str, name: str) -> None:
    monkeypatch.setenv(settings.ENDPOINT.name, f"http://host:8501/v1/models/fast{which}")
    assert (found := remote.configured()) is not None
    assert found.name == name


def test_without_a_setting_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(settings.ENDPOINT.name, raising=False)
    assert remote.configured() is None


def test_vertex_ai(monkeypatch: pytest.MonkeyPatch, arrays: np.ndarray) -> None:
    rows = np.full((len(arrays), 10), 0.05)
    rows[:, 3] = 0.55
    served: Any = create_autospec(aiplatform.Endpoint, instance=True)
    served.list_models.return_value = [SimpleNamespace()]
    served.predict.return_value = SimpleNamespace(predictions=rows.tolist())
    monkeypatch.setattr(aiplatform, "init", create_autospec(aiplatform.init))
    listing = create_autospec(aiplatform.Endpoint.list, return_value=[served])
    monkeypatch.setattr(aiplatform.Endpoint, "list", listing)
    monkeypatch.setenv(settings.ENDPOINT.name, "vertex:fast")
    endpoint = remote.configured()
    assert endpoint is not None
    assert endpoint.name == "fast on Vertex AI"
    monkeypatch.delenv("CIFAR_LAB_PROJECT", raising=False)
    with pytest.raises(CloudError, match="CIFAR_LAB_PROJECT and CIFAR_LAB_REGION"):
        endpoint.classify(arrays[:, None])
    monkeypatch.setenv("CIFAR_LAB_PROJECT", "lab")
    monkeypatch.setenv("CIFAR_LAB_REGION", "europe-west4")
    answers = endpoint.classify(arrays[:, None])
    assert {(answer.class_name, answer.confidence) for answer in answers} == {("cat", 0.55)}
    assert listing.call_args.kwargs["filter"] == 'display_name="cifar-lab-fast"'
