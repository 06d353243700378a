"""A model on Google's Vertex AI: a Model made of its files in Cloud Storage, and an Endpoint that serves it.

Every call of Google's libraries goes through `google_calls.Calls`, which in a dry run prints it instead.

On the cloud a model is found by its name: Model and Endpoint are displayed as `cifar-lab-<model>`. The Model
has the hash of its files' content as a label. By that, what was uploaded last is not registered again.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from cifar_core import settings
from cifar_core.deploy import serving
from cifar_core.deploy.google_calls import Calls, Named, Place
from cifar_core.deploy.vertex_storage import Stored
from cifar_core.errors import CloudError
from cifar_core.formats import printable

MACHINE = "n1-standard-2"  # the smallest of its kind, two virtual processors, is ample for 32×32 pixels
COSTLY = "Serve it; this costs money until it is deleted"  # of `commands`
_VERTEX = "python -m cifar_core vertex"
PRICES = "https://cloud.google.com/vertex-ai/pricing"

# A public endpoint takes requests of up to 1.5 MB. A picture of 3,072 numbers takes 38 kB.
BATCH = 32
_SECONDS = 60.0  # for an answer; a public endpoint gives up then too

_LABEL = "cifar_lab_content"

EXAMPLE = Place("my-project", "europe-west4", "my-bucket")

MOST_REPLICAS = 1_000  # far more than a new project may have, and a typing error where there are more
_SHAPES = {  # how Google spells these; they become parts of addresses, and a wrong one may cost money
    "project": r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]+",
    "region": r"[a-z]+(-[a-z]+)+[0-9]{1,2}",
    "bucket": r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]",
    "machine type": r"[a-z][a-z0-9]*(-[a-z0-9]+)+",
    "container image": r"[a-zA-Z0-9][a-zA-Z0-9._/:@-]*",
}
_LIKE = {
    "project": EXAMPLE.project,
    "region": "europe-west4 or us-central1",
    "bucket": EXAMPLE.bucket,
    "machine type": MACHINE,
    "container image": "europe-docker.pkg.dev/PROJECT/IMAGE:TAG",
}


def refuse_if_misspelt(kind: str, value: str) -> None:
    """Raise CloudError unless a project, region, bucket, machine type or container image can be one."""
    if not re.fullmatch(_SHAPES[kind], value):
        raise CloudError(
            f"“{printable(value)}” is not a {kind} of Google Cloud; one looks like {_LIKE[kind]}."
        )


def register(calls: Calls, place: Place, model: str, stored: Stored, container: str) -> bool:
    """Make a Model of stored files, served by `container`, unless the newest is one; return if it is new.

    What was uploaded earlier is registered again: `deploy` serves the newest, so this is how to go back.
    """
    _start(calls, place)
    newest = calls("aiplatform.Model.list", filter=_called(model), order_by="create_time desc", result=[])
    if (
        newest
        and newest[0].labels.get(_LABEL) == stored.content
        and newest[0].container_spec.image_uri == container
    ):
        return False
    calls(
        "aiplatform.Model.upload",
        display_name=display_name(model),
        artifact_uri=stored.uri,
        serving_container_image_uri=container,
        labels={_LABEL: stored.content},
        result=Named("model"),
    )
    return True


def deploy(
    calls: Calls, place: Place, model: str, machine: str, min_replicas: int, max_replicas: int
) -> bool:
    """Let the model's endpoint, made if needed, serve what was uploaded last; return whether that is new.

    What the endpoint served before is taken off it once the new model answers: it would go on costing.

    Raises
    ------
    CloudError
        If the model was not uploaded.
    """
    _start(calls, place)
    newest = calls(
        "aiplatform.Model.list",
        filter=_called(model),
        order_by="create_time desc",
        result=[Named("model")],
    )
    if not newest:
        raise CloudError(
            f"“{model}” is not in the project {place.project}, region {place.region}; "
            f"`python -m cifar_core vertex upload {shlex.quote(model)}` uploads it."
        )
    endpoints = calls("aiplatform.Endpoint.list", filter=_called(model), order_by="create_time", result=[])
    endpoint = (
        endpoints[0]
        if endpoints
        else calls("aiplatform.Endpoint.create", display_name=display_name(model), result=Named("endpoint"))
    )
    deployed = calls("endpoint.list_models", of=endpoint, result=[])
    if len(deployed) == 1 and _serves(deployed[0], newest[0], machine, min_replicas, max_replicas):
        return False
    calls(
        "endpoint.deploy",
        of=endpoint,
        model=newest[0],
        deployed_model_display_name=display_name(model),
        traffic_percentage=100,
        machine_type=machine,
        min_replica_count=min_replicas,
        max_replica_count=max_replicas,
    )
    for old in deployed:
        calls("endpoint.undeploy", of=endpoint, deployed_model_id=old.id)
    return True


def predict(
    calls: Calls, place: Place, model: str, images: Sequence[npt.NDArray[np.uint8]]
) -> Iterator[npt.NDArray[np.float64]]:
    """Ask the model's endpoint about images; in a dry run there are no answers.

    Parameters
    ----------
    calls, place, model
        How, where and which.
    images
        Each uint8 [S, S, 3] RGB, as `cifar_core.images` makes them. They go in requests of `BATCH`.

    Yields
    ------
    ndarray
        float64 [C], an image's probabilities, calibrated as the exported model does it.

    Raises
    ------
    CloudError
        If there is no endpoint, nothing is deployed to it, or its answer is of another kind.
    """
    _start(calls, place)
    endpoints = calls(
        "aiplatform.Endpoint.list",
        filter=_called(model),
        order_by="create_time",
        result=[Named("endpoint")],
    )
    if not endpoints or not calls("endpoint.list_models", of=endpoints[0], result=[Named("deployed")]):
        raise CloudError(
            f"Nothing serves “{model}” in the project {place.project}, region {place.region}; "
            f"`python -m cifar_core vertex deploy {shlex.quote(model)}` does."
        )
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        answer = calls(
            "endpoint.predict",
            of=endpoints[0],
            instances=serving.instances(np.stack(batch)),
            timeout=_SECONDS,
            result=SimpleNamespace(predictions=[]),
        )
        if not calls.dry_run:
            yield from _probabilities(model, answer.predictions, len(batch))


def withdraw(calls: Calls, place: Place, model: str) -> None:
    """Delete endpoints and Models of a model, with all that they serve; what is not there is no error."""
    _start(calls, place)
    for endpoint in calls("aiplatform.Endpoint.list", filter=_called(model), result=[Named("endpoint")]):
        calls("endpoint.undeploy_all", of=endpoint)
        calls("endpoint.delete", of=endpoint)
    for found in calls("aiplatform.Model.list", filter=_called(model), result=[Named("model")]):
        calls("model.delete", of=found)


def display_name(model: str) -> str:
    """Return the name of a model's Model and Endpoint on Vertex AI."""
    return f"cifar-lab-{model}"


def container_for(region: str) -> str:
    """Return the newest of Google's prebuilt containers for TensorFlow without a GPU, near a region.

    https://cloud.google.com/vertex-ai/docs/predictions/pre-built-containers
    """
    continent = region.split("-")[0]
    host = continent if continent in ("europe", "asia") else "us"
    return f"{host}-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"


def cost(place: Place, model: str, machine: str, min_replicas: int, max_replicas: int) -> str:
    """Say what deploying will cost, in words; the prices change too often to be given here."""
    count = f"{min_replicas}" if min_replicas == max_replicas else f"{min_replicas} to {max_replicas}"
    plural = "s" if max_replicas > 1 else ""
    return (
        f"This keeps {count} machine{plural} of type {machine} running in {place.region}, whether or not "
        f"anybody asks. Google bills each by the hour (a month has 730) until "
        f"`{_delete(model, place)}`. Prices: {PRICES}"
    )


def commands(model: str, place: Place = EXAMPLE) -> list[tuple[str, str]]:
    """Return what to type for a model, in order: of each command what it does, and the command itself."""
    where, bucket = _where(place), f"--bucket {shlex.quote(place.bucket)}"
    name = shlex.quote(model)
    return [
        ("Install Google's libraries", "pip install -r requirements-cloud.txt"),
        ("Sign in", "gcloud auth application-default login"),
        ("See every call first; nothing is sent", f"{_VERTEX} upload {name} {where} {bucket} --dry-run"),
        ("Copy the model to the bucket and register it", f"{_VERTEX} upload {name} {where} {bucket}"),
        (COSTLY, f"{_VERTEX} deploy {name} {where}"),
        ("Ask it about a picture", f"{_VERTEX} predict {name} photo.jpg {where}"),
        ("Delete endpoint, model and files", _delete(model, place)),
    ]


def _delete(model: str, place: Place) -> str:
    # `deploy` is told no bucket, but may have been told one before.
    bucket = shlex.quote(place.bucket or settings.BUCKET.value() or "BUCKET")
    return f"{_VERTEX} delete {shlex.quote(model)} {_where(place)} --bucket {bucket}"


def _where(place: Place) -> str:
    return f"--project {shlex.quote(place.project)} --region {shlex.quote(place.region)}"


def _start(calls: Calls, place: Place) -> None:
    try:
        calls("aiplatform.init", project=place.project, location=place.region)
    except ValueError as error:
        raise CloudError(
            f"“{place.region}” is not a region of Vertex AI; one is europe-west4, another us-central1."
        ) from error


def _serves(deployed: Any, model: Any, machine: str, min_replicas: int, max_replicas: int) -> bool:
    resources = deployed.dedicated_resources
    return bool(
        deployed.model.split("@")[0] == model.resource_name  # the part behind @ is a version
        and resources.machine_spec.machine_type == machine
        and (resources.min_replica_count, resources.max_replica_count) == (min_replicas, max_replicas)
    )


def _called(model: str) -> str:
    return f'display_name="{display_name(model)}"'


def _probabilities(model: str, rows: Any, count: int) -> npt.NDArray[np.float64]:
    try:
        return serving.probabilities(rows, count)
    except ValueError as error:
        raise CloudError(
            f"The endpoint {display_name(model)} did not answer with probabilities of each picture; is it a "
            "model uploaded from here?"
        ) from error
