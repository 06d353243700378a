"""What to type and which files to use to run a model in TensorFlow Serving's container and to ask it.

The website that asks it, `examples/website`, goes along with each export.
"""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_core import paths
from cifar_core.datasets.dataset import Facts
from cifar_core.deploy.google_calls import Place
from cifar_core.deploy.serving import GRPC_PORT, REST_PORT, files_request
from cifar_core.files import write_whole

if TYPE_CHECKING:
    from cifar_core.inference.classify import Answer

IMAGE = "tensorflow/serving:2.21.0"  # the TensorFlow that exports; older ones may not know its format
PLATFORM = "linux/amd64"  # the only one it is made for; named, Docker emulates it where it can: Apple silicon
URL = f"http://localhost:{REST_PORT}"
BATCHING = "batching.config"
WEBSITE = "website"  # a folder beside the exports
WEBSITE_PORT = 8000
WEBSITE_URL = f"http://localhost:{WEBSITE_PORT}"
WEBSITE_FILES = (
    "Dockerfile",
    "app.py",
    "requirements.txt",
    "static/website.css",
    "static/website.js",
    "templates/index.html",
)

_PAYLOAD = Path(__file__).parent / "payload"


def export_command(model: str) -> str:
    """Return the command that writes the model as a SavedModel, with the files beside it, under `serving`."""
    return f"python -m cifar_core export {shlex.quote(model)} serving"


def docker_command(model: str) -> str:
    """Return the command that serves the model from the folder `serving`, on this machine only."""
    lines = [
        "docker run --rm",
        f"--platform {PLATFORM}",
        f"-p 127.0.0.1:{REST_PORT}:8501",
        f"-p 127.0.0.1:{GRPC_PORT}:8500",
        f'-v "$PWD/serving/{model}:/models/{model}:ro"',
        f'-v "$PWD/serving/{BATCHING}:/config/{BATCHING}:ro"',
        f"-e MODEL_NAME={model}",
        IMAGE,
        "--enable_batching=true",
        f"--batching_parameters_file=/config/{BATCHING}",
    ]
    return " \\\n  ".join(lines)


def compose_name(model: str) -> str:
    """Return the name of the model's Compose file."""
    return f"{model}.compose.yaml"


def compose(model: str) -> str:
    """Return the model's Compose file, to stand in the folder that holds its export and `BATCHING`."""
    return _filled(
        "compose.yaml", model=model, image=IMAGE, platform=PLATFORM, rest=REST_PORT, grpc=GRPC_PORT
    )


def batching() -> str:
    """Return the batching parameters."""
    return (_PAYLOAD / BATCHING).read_text()


def website_compose_name(model: str) -> str:
    """Return the name of the Compose file of the model and its website."""
    return f"{model}.website.yaml"


def website_compose(model: str) -> str:
    """Return the Compose file of the model and its website, to stand beside the model's own."""
    return _filled("website.yaml", model=model, port=WEBSITE_PORT)


def website(name: str) -> str:
    """Return one of `WEBSITE_FILES`."""
    return (paths.code_root() / "examples" / "website" / name).read_text("utf-8")


def website_command(model: str) -> str:
    """Return the commands that start the website without Docker, for a model that this machine serves."""
    return _website_command(f"{URL}/v1/models/{model}")


def website_command_on_vertex(place: Place) -> str:
    """Return the same for an endpoint on Vertex AI, whose number `gcloud` knows."""
    endpoint = f"projects/{place.project}/locations/{place.region}/endpoints/NUMBER"
    url = f"https://{place.region}-aiplatform.googleapis.com/v1/{endpoint}"
    command = _website_command(url, package=" google-auth", limit=" MEGABYTES=1")
    return f"gcloud ai endpoints list --region {place.region}\n{command}"


def _website_command(url: str, package: str = "", limit: str = "") -> str:
    return (
        f"cd serving/{WEBSITE} && pip install -r requirements.txt{package}\n"
        f"MODEL_URL={url}{limit} flask run --port {WEBSITE_PORT}"
    )


def write_beside(folder: Path, model: str) -> None:
    """Write Compose files, batching parameters and the website into a folder of exports.

    What is there stays: somebody may have changed it.
    """
    contents = {
        compose_name(model): compose(model),
        website_compose_name(model): website_compose(model),
        BATCHING: batching(),
        **{f"{WEBSITE}/{name}": website(name) for name in WEBSITE_FILES},
    }
    for name, content in contents.items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)


def curl_status(model: str) -> str:
    """Return the command that asks whether the model is ready."""
    return f"curl {URL}/v1/models/{model}"


def curl_predict(model: str, request: str) -> str:
    """Return the command that posts the file `request`."""
    return f"curl -d @{request} {URL}/v1/models/{model}:predict"


def curl_picture(model: str) -> str:
    """Return the command that classifies the file `photo.jpg`, in a shell."""
    head = '{"signature_name": "classify_bytes", "instances": [{"b64": "'
    return (
        f"(printf '{head}'; base64 < photo.jpg | tr -d '\\n'; printf '\"}}]}}') |\n"
        f"  curl -d @- {URL}/v1/models/{model}:predict"
    )


def python_files(model: str) -> str:
    """Return a script that asks about a picture file."""
    return _filled("request_files.py", model=model, url=URL)


def python_images(model: str, facts: Facts) -> str:
    """Return a script that asks about an array; `facts` are those of the model."""
    names = list(facts.class_names)
    return _filled("request_images.py", model=model, url=URL, class_names=names, side=facts.side)


def request_json(picture: bytes) -> str:
    """Return the body of a request about one picture file."""
    return json.dumps(files_request([picture]))


def answer_json(answer: "Answer") -> str:
    """Return what a server answers about one picture file, laid out to be read, a line a field."""
    row = {
        "class": answer.class_name,
        "classes": answer.class_names,
        "none_of_these": answer.none_of_these,
        "probabilities": [round(float(p), 6) for p in answer.probabilities],
    }
    body = ",\n      ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in row.items())
    return f'{{\n  "predictions": [\n    {{\n      {body}\n    }}\n  ]\n}}'


def _filled(name: str, **values: object) -> str:
    """Fill in a file's {names}, and what a Python file has to be without them; all other braces stay."""
    text = (_PAYLOAD / name).read_text()
    for key, value in values.items():
        text = text.replace(f'{type(value).__name__}("{{{key}}}")', json.dumps(value, ensure_ascii=False))
        text = text.replace(f"{{{key}}}", str(value))
    return text
