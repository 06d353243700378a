"""KServe's own server around a SavedModel loaded by TensorFlow; run by tests, knows nothing of cifar_core.

`python kserve_server.py NAME VERSION_FOLDER PORT`
"""

import base64
import sys
from typing import Any

import numpy as np
import tensorflow as tf
from kserve import Model, ModelServer
from kserve.errors import InvalidInput, ModelNotReady


class SavedModel(Model):  # type: ignore[misc]
    """Speaks of a SavedModel's signatures as TensorFlow Serving does in its row format."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(name)
        self.signatures = tf.saved_model.load(folder).signatures
        self.ready = True

    async def predict(
        self,
        payload: dict[str, Any],
        headers: Any = None,  # noqa: ARG002
        response_headers: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        try:
            signature = self.signatures[payload.get("signature_name", "serving_default")]
            [(name, spec)] = signature.structured_input_signature[1].items()
            given = [
                base64.b64decode(item["b64"]) if isinstance(item, dict) else item
                for item in payload["instances"]
            ]
            outputs = signature(**{name: tf.constant(given, spec.dtype)})
        except Exception as error:
            raise InvalidInput(str(error)) from error
        rows = {key: [_plain(value) for value in tensor.numpy()] for key, tensor in outputs.items()}
        if len(rows) == 1:
            return {"predictions": next(iter(rows.values()))}
        columns = zip(*rows.values(), strict=True)
        return {"predictions": [dict(zip(rows, values, strict=True)) for values in columns]}


class Loading(Model):  # type: ignore[misc]
    """A model that is never done loading."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready = True  # or the server would not know of it at all

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:  # noqa: ARG002
        raise ModelNotReady(self.name)


def _plain(value: Any) -> Any:
    """Return what JSON can hold."""
    if isinstance(value, bytes):
        return value.decode()
    values = np.asarray(value).tolist()
    return [_plain(item) for item in values] if isinstance(values, list) else values


if __name__ == "__main__":
    name, folder, port = sys.argv[1:]
    server = ModelServer(http_port=int(port), enable_grpc=False, workers=1)
    server.start([SavedModel(name, folder), Loading("loading")])
