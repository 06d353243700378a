import ast
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifar_core import images
from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.deploy import container
from tests.deploy.conftest import MODEL, ROOT
from tests.picture_kinds import files
from tests.pictures import encode, noise, photo


def test_the_server_is_as_new_as_the_tensorflow_that_exports() -> None:
    pinned = next(
        line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("tensorflow")
    )
    assert container.IMAGE.rpartition(":")[2] in pinned


def test_docker_command() -> None:
    words = shlex.split(container.docker_command(MODEL).replace("\\\n", " "))
    assert words[:3] == ["docker", "run", "--rm"]
    options, arguments = words[3 : words.index(container.IMAGE)], words[words.index(container.IMAGE) + 1 :]
    assert options[:2] == ["--platform", "linux/amd64"]
    assert ["-e", f"MODEL_NAME={MODEL}"] == options[-2:]
    # what comes after the image goes to the server, and the file it names is mounted
    assert arguments[-1] == "--batching_parameters_file=/config/batching.config"
    assert "$PWD/serving/batching.config:/config/batching.config:ro" in options
    assert all(ports.startswith("127.0.0.1:") for ports in options[3:6:2])


@pytest.fixture
def read_yaml(kserve_python: str, tmp_path: Path) -> Callable[[str], Any]:
    """Reads YAML; ours has no reader, KServe's environment has."""

    def read(text: str) -> Any:
        (tmp_path / "text.yaml").write_text(text)
        code = "import json, yaml; print(json.dumps(yaml.safe_load(open('text.yaml'))))"
        done = subprocess.run(
            [kserve_python, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return json.loads(done.stdout)

    return read


def test_compose(read_yaml: Callable[[str], Any]) -> None:
    """It is YAML that says what it should."""
    service = read_yaml(container.compose("2024"))["services"]["2024"]
    assert (service["image"], service["platform"]) == (container.IMAGE, "linux/amd64")
    assert service["environment"] == {"MODEL_NAME": "2024"}
    assert "./2024:/models/2024:ro" in service["volumes"]
    assert service["ports"] == ["127.0.0.1:8501:8501", "127.0.0.1:8500:8500"]
    script = service["healthcheck"]["test"][-1]
    assert r"GET /v1/models/2024 HTTP/1.0\r\n\r\n" in script
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("model", ["2024", "website", "on", "-a.b_c"])
def test_the_website_starts_with_the_model(read_yaml: Callable[[str], Any], model: str) -> None:
    services = read_yaml(container.website_compose(model))["services"]
    assert services.keys() == {"serving", "website"}
    beside = services["serving"]["extends"]
    assert beside == {"file": container.compose_name(model), "service": model}
    assert model in read_yaml(container.compose(model))["services"]
    # The name of a service is its host's, whatever the model is called.
    assert services["website"]["environment"] == {"MODEL_URL": f"http://serving:8501/v1/models/{model}"}
    assert services["website"]["ports"] == ["127.0.0.1:8000:8000"]
    assert services["website"]["build"] == container.WEBSITE


def test_the_website_is_whole() -> None:
    folder = ROOT / "examples" / "website"
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {name for name in here if "__pycache__" not in name} == set(container.WEBSITE_FILES)
    copied = re.findall(r"^COPY (\S+)", container.website("Dockerfile"), re.MULTILINE)
    assert {name.partition("/")[0] for name in container.WEBSITE_FILES} == {*copied, "Dockerfile"}


FACTS = Facts("own", "0", 48, True, ('a "quoted" name', "c:\\new", "{model}, été, 😀", "line\nend"))


@pytest.mark.parametrize("facts", [CIFAR10.facts, DIGITS.facts, FACTS])
def test_scripts_are_python(facts: Facts) -> None:
    for text in (container.python_files(MODEL), container.python_images(MODEL, facts)):
        ast.parse(text)
        assert f"http://localhost:8501/v1/models/{MODEL}:predict" in text
        assert '("{' not in text
    assert f"side = {facts.side}\n" in text
    (names,) = (line for line in text.splitlines() if line.startswith("class_names = "))
    assert ast.literal_eval(names.partition(" = ")[2]) == list(facts.class_names)


class Asked:
    """The script about an array, run on files; what it would send to the server, and what it prints."""

    def __init__(self, patch: pytest.MonkeyPatch, path: Path) -> None:
        self.arrays: list[Any] = []
        self._code, self._path = compile(container.python_images(MODEL, FACTS), "script", "exec"), path
        patch.setattr("requests.post", self._post)
        patch.setattr("sys.argv", ["script", str(path)])

    def _post(self, url: str, json: Any, timeout: float) -> SimpleNamespace:  # noqa: ARG002
        self.arrays.append(np.array(json["instances"]))
        predictions = [[0.1, 0.2, 0.3, 0.4]] * len(json["instances"])
        return SimpleNamespace(raise_for_status=int, json=lambda: {"predictions": predictions})

    def about(self, content: bytes) -> Any:
        """The array that it asks about, uint8 [2, S, S, 3]; None if it refuses the file."""
        self._path.write_bytes(content)
        try:
            exec(self._code, {})
        except (SystemExit, OSError, ValueError, SyntaxError):
            return None
        return np.rint(self.arrays[-1] * 255)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    return Asked(monkeypatch, tmp_path / "photo")


def test_the_script_about_an_array_says_which_class_it_is(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.about(encode(Image.new("L", (200, 100)), "PNG"))
    assert [array.shape for array in asked.arrays] == [(2, 48, 48, 3)]
    assert capsys.readouterr().out == "line\nend 0.4\n"


@pytest.mark.filterwarnings("ignore")  # Pillow's remarks on odd notes, and a file that ends with the script
def test_the_script_about_an_array_sees_what_the_app_sees(asked: Asked) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    large = {
        "JPEG, turned": encode(photo(2051, 2301), "JPEG", exif=turned),
        "JPEG, wide": encode(photo(1920, 1080), "JPEG"),
        "PNG, turned": encode(photo(1541, 1601), "PNG", compress_level=1, exif=turned),
        "see-through": encode(Image.fromarray(noise(1025, 1101, 4)), "PNG", compress_level=1),
        "GIF": encode(photo(301, 200).quantize(16), "GIF", transparency=3),
        "WebP": encode(photo(301, 200), "WEBP", exif=turned),
    }
    # Pillow believes transparency that browsers do not.
    misled = {what for what in files() if "ransparency" in what and what.startswith(("PNG 3", "PNG,"))}
    kinds = {what: content for what, content in files().items() if what not in misled}
    found = {what: asked.about(content) for what, content in (large | kinds).items()}
    answered = {what: array for what, array in found.items() if array is not None}
    assert large.keys() <= answered.keys()
    assert len(answered) > 350
    for what, array in answered.items():
        expected = images.load({**large, **kinds}[what], side=48)[1]
        np.testing.assert_array_equal(array, np.broadcast_to(expected, array.shape), err_msg=what)


def test_write_beside_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "batching.config").write_text("mine")
    container.write_beside(tmp_path, MODEL)
    assert (tmp_path / f"{MODEL}.compose.yaml").read_text() == container.compose(MODEL)
    assert (tmp_path / "batching.config").read_text() == "mine"
    (tmp_path / "website" / "app.py").write_text("mine")
    container.write_beside(tmp_path, "another")
    assert (tmp_path / "website" / "app.py").read_text() == "mine"


def test_curl_picture_makes_the_request(tmp_path: Path) -> None:
    """The shell line puts the same JSON together as the client, whatever is in the file."""
    picture = bytes(range(256)) * 3
    (tmp_path / "photo.jpg").write_bytes(picture)
    line = container.curl_picture(MODEL).partition("|\n")[0]
    made = subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, capture_output=True).stdout
    assert json.loads(made) == json.loads(container.request_json(picture))
