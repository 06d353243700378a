"""What a cloud of the tests' own holds and answers; `conftest.py` puts it in the library's place."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from google.cloud import aiplatform

from cifar_core.deploy.google_calls import Place
from cifar_core.deploy.vertex import MACHINE

LAB = Place("a-project", "europe-west4", "lab")
CAT, DOG = (np.full(10, 0.01) + 0.9 * np.eye(10)[i] for i in (3, 5))


def serves(cloud: SimpleNamespace, *models: Any) -> None:
    """Let there be the endpoint, with these deployed to it."""
    cloud.Endpoint.list.return_value = [cloud.endpoint]
    cloud.endpoint.list_models.return_value = list(models)


def deployed(number: str, model: str, machine: str = MACHINE, least: int = 1, most: int = 1) -> Any:
    """Return what `Endpoint.list_models` tells of a model, in the library's own type."""
    return aiplatform.gapic.DeployedModel(
        id=number,
        model=model,
        dedicated_resources=aiplatform.gapic.DedicatedResources(
            machine_spec=aiplatform.gapic.MachineSpec(machine_type=machine),
            min_replica_count=least,
            max_replica_count=most,
        ),
    )
