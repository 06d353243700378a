"""Ask TensorFlow Serving over REST, without TensorFlow: for a model's status, its metadata and its answers.

Source: https://www.tensorflow.org/tfx/serving/api_rest. KServe gives answers by the same protocol, but
neither status nor metadata.
"""

import base64
import json
import os
import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from cifar_core import connections
from cifar_core.arrays import check_images
from cifar_core.errors import ServingError
from cifar_core.formats import printable

REST_PORT, GRPC_PORT = 8501, 8500  # TensorFlow Serving's own

IMAGES_SIGNATURE = "serving_default"  # images in [0, 1] to probabilities
FILES_SIGNATURE = "classify_bytes"  # JPEG and PNG files to all that the app says of them

MAX_ANSWER = 8 * 1024**2  # bytes; 64 pictures take 20 kB
BATCH = 64  # pictures a request, 2.4 MB of JSON

_CONNECT_SECONDS = 3.05
_RETRIES = 2  # of a connection that does not come about: nothing has been asked yet
_DECIMALS = 7  # of a pixel in JSON; float32 has no more, and without a limit it would be 17

_NAME = r"[\w-][\w.-]*"  # of a model or a label, and of a folder of the address
_PATH = re.compile(
    # A gateway may put the server under folders of its own; one called v2 would be another protocol.
    rf"(?P<prefix>(?:/(?!v\d+(?:/|$)){_NAME})*)"
    rf"(?:/v1/models/(?P<model>{_NAME})(?P<which>/versions/\d+|/labels/{_NAME})?(?::predict)?)?/?",
    re.ASCII,
)


class Address(NamedTuple):
    """An address taken apart, of which nothing is lost.

    `url` is the whole address, `server` its part before `/v1/models`. `model` is the model that it names, or
    "". `which` is the version or label that it names, `versions/3` or `labels/stable`, or "" for the newest.
    """

    url: str
    server: str
    host: str
    port: int | None
    model: str
    which: str


class ModelVersion(NamedTuple):
    """A version of a model and its state (START, LOADING, AVAILABLE, UNLOADING, END), and what went wrong."""

    version: int
    state: str
    message: str


def parse(url: str) -> Address:
    """Take an address apart: `http://host:8501`, or more of it, up to that of a model's version or label.

    Raises
    ------
    ServingError
        If it is not such an address.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port that is no number, say
        parts, host, port = urlsplit(""), "", None
    path = _PATH.fullmatch(parts.path)
    if (
        parts.scheme not in ("http", "https")
        or not re.fullmatch(r"[\w.:%-]+", host)
        or port == 0
        or not path
        or re.search(r"[@?#\s]", url)  # of which nothing could be kept
    ):
        raise ServingError(
            f"“{url}” is not an endpoint's address; give one like http://localhost:{REST_PORT} or "
            f"http://localhost:{REST_PORT}/v1/models/NAME, with /versions/NUMBER or /labels/LABEL behind it "
            "for one version."
        )
    name = f"[{host}]" if ":" in host else host
    server = f"{parts.scheme}://{name}" + (f":{port}" if port else "") + path["prefix"]
    model, which = path["model"] or "", path["which"] or ""
    whole = f"{server}/v1/models/{model}{which}" if model else server
    return Address(whole, server, host, port, model, which.removeprefix("/"))


def is_name(text: str) -> bool:
    """Return whether a text can be a model's name on a server."""
    return bool(re.fullmatch(_NAME, text, re.ASCII))


class Client:
    """Asks one model on a server.

    Parameters
    ----------
    url
        An address, as `parse` takes it. The version or label that it names is the one that is asked.
    model
        The model's name there, where the address names none.
    seconds
        How long an answer may take.

    Every method raises `ServingError`, whose message says what is wrong: no server, no such model, refused
    input, a model that is still loading, an answer that is late, cut off, too large or of another kind.
    Proxies are not used and redirects not followed: the answer is the server's own. REQUESTS_CA_BUNDLE may
    name the certificates that are trusted.
    """

    def __init__(self, url: str, model: str = "", seconds: float = 30.0) -> None:
        address = parse(url)
        self.url, self.model, self.which = address.server, address.model or model, address.which
        if not is_name(self.model):
            raise ServingError(f"Say which model to ask at {address.server}.")
        self._seconds = seconds
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = os.environ.get(connections.CERTIFICATES) or True
        retry = Retry(
            total=_RETRIES, connect=_RETRIES, read=False, redirect=False, status=False, backoff_factor=0.2
        )
        self._session.mount("http://", HTTPAdapter(max_retries=retry))
        self._session.mount("https://", HTTPAdapter(max_retries=retry))

    def status(self) -> list[ModelVersion]:
        """Return the state of each version the server knows, the newest first."""
        try:
            versions = [
                ModelVersion(int(item["version"]), item["state"], item["status"].get("error_message", ""))
                for item in self._ask("GET", "")["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._another_kind("a status") from error
        return sorted(versions, reverse=True)

    def metadata(self) -> dict[str, Any]:
        """Return the signatures of the version that answers: name to `inputs`, `outputs`, `method_name`."""
        try:
            signatures = self._ask("GET", "/metadata")["metadata"]["signature_def"]["signature_def"]
            return dict(signatures)
        except (KeyError, TypeError, ValueError) as error:
            raise self._another_kind("signatures") from error

    def predict(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Classify images, uint8 [N, S, S, 3] RGB: probabilities, float64 [N, C]; [0, 0] where N is 0."""
        parts = []
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            parts.append(self._probabilities(self._predict(images_request(batch), len(batch))))
        return np.concatenate(parts) if parts else np.empty((0, 0))

    def classify_files(self, files: Sequence[bytes]) -> list[dict[str, Any]]:
        """Classify JPEG or PNG files, each as large as `cifar_core.images.MAX_BYTES` at most.

        Returns
        -------
        list of dict
            One a file: `class`, `classes`, `none_of_these` and `probabilities`, float64 [C].
        """
        rows = [row for file in files for row in self._predict(files_request([file]), 1)]
        try:
            answers = self._probabilities([row["probabilities"] for row in rows])
            names = {tuple(map(str, row["classes"])) for row in rows}
            doubts = [bool(row["none_of_these"]) for row in rows]
        except (KeyError, TypeError) as error:
            raise self._another_kind("probabilities and their classes") from error
        if any(len(each) != answers.shape[1] for each in names):
            raise self._another_kind("a class for each probability")
        return [
            {**row, "classes": tuple(row["classes"]), "probabilities": answer, "none_of_these": doubt}
            for row, answer, doubt in zip(rows, answers, doubts, strict=True)
        ]

    def _predict(self, request: dict[str, Any], count: int) -> list[Any]:
        rows = self._ask("POST", ":predict", request).get("predictions")
        if not isinstance(rows, list) or len(rows) != count:
            raise self._another_kind(f"{count} predictions")
        return rows

    def _probabilities(self, rows: list[Any]) -> npt.NDArray[np.float64]:
        try:
            return probabilities(rows, len(rows))
        except ValueError as error:
            raise self._another_kind("probabilities") from error

    def _ask(self, method: str, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        deadline = time.monotonic() + self._seconds
        content = bytearray()
        try:
            with self._session.request(
                method,
                "/".join(filter(None, (f"{self.url}/v1/models", self.model, self.which))) + what,
                json=body,
                headers={"Accept-Encoding": "identity"},  # what is small on the way might be huge here
                timeout=(_CONNECT_SECONDS, self._seconds),
                allow_redirects=False,
                stream=True,
            ) as answer:
                while piece := answer.raw.read1(65_536):
                    content += piece
                    if len(content) > MAX_ANSWER:
                        raise ServingError(f"{self.url} answers with more than a classifier has to say.")
                    if time.monotonic() > deadline:
                        raise requests.Timeout
        except (urllib3.exceptions.HTTPError, OSError) as error:  # as those of `requests` are
            raise ServingError(f"{self._failed(error)}.") from error
        return self._understood(answer, bytes(content))

    def _failed(self, error: Exception) -> str:
        fault = connections.explain(error)
        if fault == connections.NOBODY or isinstance(error, requests.ConnectTimeout):
            return f"Nothing answers at {self.url}; check that the server runs, and its port"
        if fault == connections.LATE:
            return f"{self.url} did not answer within {self._seconds:g} seconds"
        if fault == connections.BROKEN:
            return f"{self.url} broke off before it had answered; see in its log whether it still runs"
        if fault == connections.INSECURE:
            return f"{self.url} offers no secure connection; perhaps its address begins with http://"
        advice = f". {fault.advice.rstrip('.')}" if fault.advice else ""
        return f"{self.url} was not asked, {fault.reason}; {fault.cure}{advice}"

    def _understood(self, answer: requests.Response, content: bytes) -> dict[str, Any]:
        status = answer.status_code
        try:
            values = json.loads(content)
        except (ValueError, RecursionError):
            values = None
        if status == 200 and isinstance(values, dict):
            return values
        told = values.get("error") if isinstance(values, dict) else None
        reason = f": {' '.join(str(told).split())[:300]}" if told else ""
        match status:
            case 200:
                raise self._another_kind("JSON")
            case 400 if told:
                raise ServingError(f"{self.url} refused the input{reason}")
            case 404:
                raise ServingError(
                    f"{self.url} has no model “{self.model}”{f' as {self.which}' if self.which else ''} that "
                    f"is ready; check the name, or wait until it is loaded{reason}"
                )
            case 429 | 503:
                raise ServingError(f"{self.url} is still loading or overloaded; try again in a while{reason}")
            case _ if 300 <= status < 400:
                where = printable(answer.headers.get("Location", "nowhere"))
                raise ServingError(f"{self.url} sends elsewhere; give the address that it sends to: {where}")
            case _:
                raise ServingError(f"{self.url} failed with status {status}{reason}")

    def _another_kind(self, expected: str) -> ServingError:
        return ServingError(
            f"{self.url} did not answer with {expected}; is “{self.model}” there a model exported from here?"
        )


def images_request(images: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Return the body of a request about images, uint8 [N, S, S, 3]."""
    return {"signature_name": IMAGES_SIGNATURE, "instances": instances(images)}


def instances(images: npt.NDArray[np.uint8]) -> list[Any]:
    """Return images, uint8 [N, S, S, 3], as an exported model takes them: numbers from 0 to 1."""
    check_images(images, images.shape[1])
    return list((images / 255).round(_DECIMALS).tolist())


def probabilities(rows: Any, count: int) -> npt.NDArray[np.float64]:
    """Return what an exported model answered as float64 [count, C]; ValueError if it is something else."""
    try:
        answers = np.array(rows, np.float64)
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from error
    shaped = answers.ndim == 2 and len(answers) == count and answers.shape[1] > 1
    if not shaped or (answers < 0).any() or not np.allclose(answers.sum(axis=1), 1, atol=0.01):
        raise ValueError(f"got numbers {list(answers.shape)}")
    return answers


def files_request(files: Sequence[bytes]) -> dict[str, Any]:
    """Return the body of a request about JPEG or PNG files."""
    instances = [{"b64": base64.b64encode(file).decode()} for file in files]
    return {"signature_name": FILES_SIGNATURE, "instances": instances}
