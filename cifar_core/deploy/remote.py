"""An endpoint that answers in the app's place, as the setting `CIFAR_LAB_ENDPOINT` names it.

There are two kinds. `http://HOST:8501/v1/models/NAME` is a model on TensorFlow Serving; `/versions/NUMBER` or
`/labels/LABEL` behind it names one version. `vertex:NAME` is a model that `vertex deploy` serves in the
project `CIFAR_LAB_PROJECT`, region `CIFAR_LAB_REGION`. Whoever runs the app sets the address, so it may be in
the app's own network.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cifar_core import images, settings
from cifar_core.arrays import Images
from cifar_core.deploy import serving, vertex
from cifar_core.deploy.google_calls import Calls, Place, plain_errors
from cifar_core.errors import CloudError, ServingError
from cifar_core.inference.classify import Answer, mean_of
from cifar_core.runs import catalogue

_SECONDS = 20.0  # that an answer may take
_VERTEX = "vertex:"


@dataclass(frozen=True)
class Endpoint:
    """A model elsewhere, by its address as the setting gives it."""

    address: str

    @property
    def name(self) -> str:
        """What a page calls the endpoint: its model and its host, and nothing else of its address."""
        if self.on_vertex:
            return f"{self.address.removeprefix(_VERTEX)} on Vertex AI"
        parsed = serving.parse(self.address)
        which = f" ({parsed.which.replace('s/', ' ')})" if parsed.which else ""
        return f"{parsed.model}{which} at {parsed.host}"

    @property
    def title(self) -> str:
        """The same, as a model here has it."""
        return self.name

    @property
    def on_vertex(self) -> bool:
        """Whether Google serves it; then it does not say what is none of the classes."""
        return self.address.startswith(_VERTEX)

    def classify(self, pictures: Iterable[Images]) -> list[Answer]:
        """Ask about pictures: the looks at each, uint8 [K, S, S, 3] RGB, of the side that the model takes.

        Raises
        ------
        ServingError, CloudError
            The endpoint does not answer, or not as a model exported from here.
        """
        looks = list(pictures)
        images = np.concatenate(looks)
        answers = self._vertex(images) if self.on_vertex else self._serving(images)
        return mean_of(answers, list(map(len, looks)))

    def _serving(self, arrays: Images) -> list[Answer]:
        client = serving.Client(self.address, seconds=_SECONDS)
        # They go as files, because the signature for files answers all that the app says. The server takes
        # PNG of the right side bit for bit.
        rows = client.classify_files([images.to_png(array) for array in arrays])
        return [Answer(row["classes"], row["probabilities"], row["none_of_these"]) for row in rows]

    def _vertex(self, arrays: Images) -> list[Answer]:
        project, region = (setting.value() or "" for setting in (settings.PROJECT, settings.REGION))
        if not project or not region:
            raise CloudError(
                f"Say where the endpoint is with {settings.PROJECT.name} and {settings.REGION.name}."
            )
        where, model = Place(project, region), self.address.removeprefix(_VERTEX)
        names = catalogue.find_model(model).facts().class_names  # Google tells numbers only
        with plain_errors(project):
            rows = vertex.predict(Calls(), where, model, list(arrays))
            return [Answer(names, row, None) for row in rows]


def configured() -> Endpoint | None:
    """Return the endpoint of the setting, or None if there is none; ServingError if it is no address."""
    address = (settings.ENDPOINT.value() or "").strip()
    if not address:
        return None
    if address.startswith(_VERTEX):
        if not serving.is_name(address.removeprefix(_VERTEX)):
            raise ServingError(
                f"{settings.ENDPOINT.name} must name one model behind `{_VERTEX}`, like {_VERTEX}fast: the "
                "endpoint there says which version answers."
            )
    elif not serving.parse(address).model:
        raise ServingError(
            f"{settings.ENDPOINT.name} must name the model too, like http://HOST:8501/v1/models/fast."
        )
    return Endpoint(address)
