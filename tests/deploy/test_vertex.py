"""Vertex AI: our calls against the signatures of Google's classes."""

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import call

import numpy as np
import numpy.typing as npt
import pytest
from google.cloud import aiplatform

from cifar_core.deploy import vertex
from cifar_core.deploy.google_calls import Calls
from cifar_core.deploy.vertex import BATCH
from cifar_core.deploy.vertex_storage import Stored
from cifar_core.errors import CloudError
from tests.deploy.cloud import CAT, DOG, LAB, deployed, serves

STORED = Stored("gs://lab/cifar-lab/quick/0123456789abcdef", "0123456789abcdef", 4, 0)
SAME = 'display_name="cifar-lab-quick"'


def pictures(count: int) -> list[npt.NDArray[np.uint8]]:
    return list(np.random.default_rng(1).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))


def test_what_was_uploaded_last_is_not_registered_again(cloud: SimpleNamespace) -> None:
    assert vertex.register(Calls(), LAB, "quick", STORED, "image")
    cloud.init.assert_called_once_with(project="a-project", location="europe-west4")
    cloud.Model.list.assert_called_once_with(filter=SAME, order_by="create_time desc")
    cloud.Model.upload.assert_called_once_with(
        display_name="cifar-lab-quick",
        artifact_uri=STORED.uri,
        serving_container_image_uri="image",
        labels={"cifar_lab_content": "0123456789abcdef"},
    )
    cloud.models[0].labels = {"cifar_lab_content": "0123456789abcdef"}
    cloud.Model.list.return_value = cloud.models
    assert not vertex.register(Calls(), LAB, "quick", STORED, "image")
    assert cloud.Model.upload.call_count == 1
    assert vertex.register(Calls(), LAB, "quick", STORED, "another image")
    assert cloud.Model.upload.call_count == 2


def test_what_was_uploaded_before_is_the_newest_again(cloud: SimpleNamespace) -> None:
    cloud.models[1].labels = {"cifar_lab_content": STORED.content}
    cloud.Model.list.return_value = cloud.models
    assert vertex.register(Calls(), LAB, "quick", STORED, "image")
    cloud.Model.upload.assert_called_once()


def test_deploy_makes_an_endpoint(cloud: SimpleNamespace) -> None:
    cloud.Model.list.return_value = cloud.models
    assert vertex.deploy(Calls(), LAB, "quick", "n1-standard-4", 1, 3)
    cloud.Model.list.assert_called_once_with(filter=SAME, order_by="create_time desc")
    cloud.Endpoint.create.assert_called_once_with(display_name="cifar-lab-quick")
    cloud.endpoint.deploy.assert_called_once_with(
        model=cloud.models[0],
        deployed_model_display_name="cifar-lab-quick",
        traffic_percentage=100,
        machine_type="n1-standard-4",
        min_replica_count=1,
        max_replica_count=3,
    )


def test_what_is_deployed_is_not_deployed_again(cloud: SimpleNamespace) -> None:
    cloud.Model.list.return_value = cloud.models
    serves(cloud, deployed("7", "models/0@1"))
    assert not vertex.deploy(Calls(), LAB, "quick", vertex.MACHINE, 1, 1)
    cloud.Endpoint.create.assert_not_called()
    cloud.endpoint.deploy.assert_not_called()


@pytest.mark.parametrize(
    "old",
    [
        deployed("7", "models/1"),
        deployed("7", "models/0", most=2),
        deployed("7", "models/0", machine="n1-standard-8"),
    ],
)
def test_what_was_served_before_goes_once_the_new_answers(old: Any, cloud: SimpleNamespace) -> None:
    cloud.Model.list.return_value = cloud.models
    serves(cloud, old)
    assert vertex.deploy(Calls(), LAB, "quick", vertex.MACHINE, 1, 1)
    cloud.Endpoint.create.assert_not_called()
    assert [asked[0] for asked in cloud.endpoint.mock_calls] == ["list_models", "deploy", "undeploy"]
    cloud.endpoint.undeploy.assert_called_once_with(deployed_model_id="7")


def test_predict_asks_in_requests_that_are_small_enough(cloud: SimpleNamespace) -> None:
    serves(cloud, deployed("7", "models/0"))
    images = pictures(BATCH + 1)
    # The first pixel decides, so that an answer in the wrong place is noticed.
    cloud.endpoint.predict.side_effect = lambda **asked: SimpleNamespace(
        predictions=[(DOG if picture[0][0][0] < 0.5 else CAT).tolist() for picture in asked["instances"]]
    )
    answers = list(vertex.predict(Calls(), LAB, "quick", images))
    assert [answer.argmax() for answer in answers] == [5 if image[0, 0, 0] < 128 else 3 for image in images]
    requests = [asked.kwargs["instances"] for asked in cloud.endpoint.predict.call_args_list]
    assert [len(request) for request in requests] == [BATCH, 1]
    np.testing.assert_allclose(np.array(requests[0]), np.stack(images[:BATCH]) / 255, atol=1e-7)
    # Vertex AI allows 1.5 MB, which may count what the library sends or the JSON that the container gets.
    assert len(json.dumps({"instances": requests[0]})) < 1_500_000
    sent = aiplatform.gapic.PredictRequest()
    sent.instances.extend(requests[0])
    assert 1_000_000 < aiplatform.gapic.PredictRequest.pb(sent).ByteSize() < 1_500_000


@pytest.mark.parametrize(
    "rows", [[], [[1.0]], [CAT.tolist()] * 2, [(2 * CAT).tolist()], [{"class": "cat"}], ["cat"]]
)
def test_an_answer_of_another_kind(rows: list[Any], cloud: SimpleNamespace) -> None:
    serves(cloud, deployed("7", "models/0"))
    cloud.endpoint.predict.return_value = SimpleNamespace(predictions=rows)
    with pytest.raises(CloudError, match="did not answer with probabilities of each picture"):
        list(vertex.predict(Calls(), LAB, "quick", pictures(1)))


def test_withdraw_takes_everything_and_twice_is_no_error(cloud: SimpleNamespace) -> None:
    vertex.withdraw(Calls(), LAB, "quick")  # nothing is there
    serves(cloud, deployed("7", "models/0"))
    cloud.Model.list.return_value = cloud.models
    vertex.withdraw(Calls(), LAB, "quick")
    assert cloud.endpoint.mock_calls == [call.undeploy_all(), call.delete()]
    assert [model.mock_calls for model in cloud.models] == [[call.delete()]] * 2
    assert cloud.Model.list.mock_calls == cloud.Endpoint.list.mock_calls == [call(filter=SAME)] * 2


def test_a_changed_signature_is_noticed(cloud: SimpleNamespace) -> None:
    """The doubles refuse what the library would refuse: they are worth asking."""
    for function, of, wrong in (
        ("aiplatform.Model.upload", None, {"artefact_uri": "gs://lab"}),
        ("aiplatform.init", None, {"region": "europe-west4"}),
        ("endpoint.deploy", cloud.endpoint, {"model": cloud.models[0], "machine": "n1-standard-2"}),
        ("endpoint.predict", cloud.endpoint, {"images": []}),
        ("endpoint.undeploy", cloud.endpoint, {}),
    ):
        with pytest.raises(TypeError):
            Calls()(function, of=of, **wrong)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("europe-west4", "europe"),
        ("asia-east1", "asia"),
        ("us-central1", "us"),
        ("australia-southeast1", "us"),
    ],
)
def test_container_is_near(region: str, host: str) -> None:
    uri = vertex.container_for(region)
    assert uri == f"{host}-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
    # The library knows the images that Google has; it must be one of them.
    assert aiplatform.helpers.is_prebuilt_prediction_container_uri(uri)
