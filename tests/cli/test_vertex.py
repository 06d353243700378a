"""`vertex upload`, `deploy`, `predict` and `delete`: what they print, ask and refuse."""

import functools
import io
import json
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import create_autospec

import pytest
from google.api_core import exceptions as api
from PIL import Image

from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.deploy import exporting, vertex
from cifar_core.deploy.vertex import cost
from cifar_core.runs.model_dir import ModelDirectory
from tests.command_line import Done, Typed
from tests.deploy.cloud import CAT, DOG, LAB, deployed, serves
from tests.deploy.saved_model import lay_out


@pytest.fixture
def run(typed: Typed) -> Typed:
    """Run `python -m cifar_core vertex …`."""
    return functools.partial(typed, "vertex")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR_LAB_PROJECT", "a-project")
    monkeypatch.setenv("CIFAR_LAB_REGION", "europe-west4")
    monkeypatch.setenv("CIFAR_LAB_BUCKET", "lab")


@pytest.fixture
def none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Google's libraries; whoever imports them fails."""
    for name in ("aiplatform", "storage"):
        monkeypatch.setitem(sys.modules, f"google.cloud.{name}", None)


# The dry run


@pytest.mark.usefixtures("none_at_all", "place")
def test_dry_run_prints_each_call(run: Typed, saved_model: Path, tmp_path: Path) -> None:
    there = 'list(filter=\'display_name="cifar-lab-quick"'
    done = run("upload", "quick", "--saved-model", str(saved_model), "--dry-run")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    [content] = re.findall(r"prefix='cifar-lab/quick/(\w{16})/'", lines[2])
    folder = f"cifar-lab/quick/{content}"
    assert lines[0].startswith("# ")
    assert lines[1] == "client = storage.Client(project='a-project')"
    assert lines[2].startswith(f"client.list_blobs(bucket_or_name='lab', prefix='{folder}/')")
    assert f"blob = bucket.blob(blob_name='{folder}/saved_model.pb')" in lines
    assert f"blob.upload_from_filename(filename='{saved_model / 'saved_model.pb'}')" in lines
    assert lines[-1] == (
        f"model = aiplatform.Model.upload(display_name='cifar-lab-quick', artifact_uri='gs://lab/{folder}', "
        "serving_container_image_uri='europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest', "
        f"labels={{'cifar_lab_content': '{content}'}})"
    )

    done = run("deploy", "quick", "--max-replicas", "3", "--dry-run")
    assert (done.status, done.err) == (
        0,
        cost(LAB._replace(bucket=""), "quick", "n1-standard-2", 1, 3) + "\n",
    )
    assert done.out.splitlines()[1:] == [
        "aiplatform.init(project='a-project', location='europe-west4')",
        f"[model] = aiplatform.Model.{there}', order_by='create_time desc')",
        f"aiplatform.Endpoint.{there}', order_by='create_time')  # suppose there is none",
        "endpoint = aiplatform.Endpoint.create(display_name='cifar-lab-quick')",
        "endpoint.list_models()  # suppose there is none",
        "endpoint.deploy(model=model, deployed_model_display_name='cifar-lab-quick', traffic_percentage=100, "
        "machine_type='n1-standard-2', min_replica_count=1, max_replica_count=3)",
    ]

    Image.new("RGB", (32, 32), (255, 0, 0)).save(tmp_path / "red.png")
    done = run("predict", "quick", *[str(tmp_path / "red.png")] * 2, "--dry-run")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[-1] == (
        "endpoint.predict(instances="
        "[[[[1.0, … 3 in all], … 32 in all], … 32 in all], … 2 in all], timeout=60.0)"
    )

    done = run("delete", "quick", "--dry-run")
    assert done.status == 0
    assert [line.split("(")[0] for line in done.out.splitlines()[1:]] == [
        "aiplatform.init",
        "[endpoint] = aiplatform.Endpoint.list",
        *("endpoint.undeploy_all", "endpoint.delete"),
        "[model] = aiplatform.Model.list",
        "model.delete",
        "client = storage.Client",
        "[blob] = client.list_blobs",
        "blob.delete",
    ]


@pytest.mark.usefixtures("none_at_all")
def test_the_commands_that_the_page_shows(
    run: Typed, saved_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (32, 32)).save("photo.jpg")
    commands = [shlex.split(command) for _, command in vertex.commands("quick")]
    ours = [words[4:] for words in commands if words[:4] == ["python", "-m", "cifar_core", "vertex"]]
    assert [words[0] for words in ours] == ["upload", "upload", "deploy", "predict", "delete"]
    for words in ours:
        exported = ["--saved-model", str(saved_model)] if words[0] == "upload" else []
        done = run(*words, *exported, *([] if "--dry-run" in words else ["--dry-run"]))
        assert done.status == 0, done.err
    assert "“" not in str(commands)


# What a person reads


@pytest.mark.usefixtures("place")
def test_predict_prints_a_line_a_picture(run: Typed, cloud: SimpleNamespace, tmp_path: Path) -> None:
    serves(cloud, deployed("7", "models/0"))
    cloud.endpoint.predict.return_value = SimpleNamespace(predictions=[CAT.tolist()] * 2 + [DOG.tolist()] * 2)
    (tmp_path / "text.png").write_text("no picture")
    for name in ("a.png", "b.png"):
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    names = [str(tmp_path / name) for name in ("a.png", "text.png", "b.png")]
    done = run("predict", "quick", *names)
    assert done.status == 1
    assert done.err == "Error: 1 of 3 pictures could not be classified.\n"
    first, second, third = done.out.splitlines()
    assert first == f"{names[0]}: cat, 91.0 % (then airplane 1.0 %, automobile 1.0 %)"
    assert second.startswith(f"{names[1]}: This file is not a picture")
    assert third.startswith(f"{names[2]}: dog, 91.0 %")

    rows = [json.loads(line) for line in run("predict", "quick", *names, "--json").out.splitlines()]
    assert [row["image"] for row in rows] == names
    assert [row.get("class") for row in rows] == ["cat", None, "dog"]
    expected = dict(zip(CLASS_NAMES, CAT.tolist(), strict=True))
    assert rows[0]["probabilities"] == pytest.approx(expected)
    assert set(rows[0]) == {"image", "class", "confidence", "probabilities", "none_of_these"}
    assert set(rows[1]) == {"image", "error"}


@pytest.mark.usefixtures("place")
def test_an_endpoint_that_knows_other_classes_is_refused(
    run: Typed, cloud: SimpleNamespace, tmp_path: Path
) -> None:
    serves(cloud, deployed("7", "models/0"))
    cloud.endpoint.predict.return_value = SimpleNamespace(predictions=[[0.2] * 5] * 2)
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    done = run("predict", "quick", str(tmp_path / "a.png"))
    told = "Error: The endpoint tells 5 classes apart, “quick” here 10: it serves another model.\n"
    assert (done.status, done.out, done.err) == (1, "", told)


@pytest.mark.usefixtures("place", "none_at_all")
@pytest.mark.parametrize("answer", ["n\n", ""])
@pytest.mark.parametrize("command", ["deploy", "delete"])
def test_nothing_is_done_unconfirmed(
    command: str, answer: str, run: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    done = run(command, "quick")
    assert (done.status, done.out.strip()) == (1, "")
    assert "Go on?" in done.err
    assert done.err.endswith("Error: Nothing was done; answer y to go on, or give --yes.\n")


@pytest.mark.usefixtures("place")
def test_confirmed(run: Typed, cloud: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.Model.list.return_value = cloud.models
    serves(cloud)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert run("deploy", "quick").out.strip() == "The endpoint cifar-lab-quick serves “quick”."
    serves(cloud, deployed("7", "models/0"))
    assert run("deploy", "quick", "--yes").out == "The endpoint cifar-lab-quick already serves “quick”.\n"
    assert cloud.endpoint.deploy.call_count == 1


def failed(done: Done) -> str:
    """Return the one line with which a command fails."""
    assert (done.status, done.out) == (1, "")
    [line] = [line for line in done.err.splitlines() if not line.startswith(("This keeps", "This deletes"))]
    assert line.startswith("Error: ")
    assert line.endswith(".")
    return line


@pytest.mark.parametrize("setting", ["project", "region", "bucket"])
@pytest.mark.usefixtures("place")
def test_a_setting_is_missing(setting: str, run: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"CIFAR_LAB_{setting.upper()}")
    line = failed(run("delete", "quick", "--yes"))
    assert f"with --{setting} or CIFAR_LAB_{setting.upper()}" in line


@pytest.mark.usefixtures("place", "none_at_all")
@pytest.mark.parametrize("command", ["deploy", "delete"])
def test_libraries_are_missing(command: str, run: Typed) -> None:
    assert "`pip install -r requirements-cloud.txt`" in failed(run(command, "quick", "--yes"))


@pytest.mark.usefixtures("place")
def test_credentials_are_missing(run: Typed, saved_model: Path) -> None:
    line = failed(run("upload", "quick", "--saved-model", str(saved_model)))  # asks Google's own library
    assert "`gcloud auth application-default login`" in line


@pytest.mark.usefixtures("place")
def test_a_region_that_is_none(run: Typed) -> None:
    assert "“mars-north1” is not a region" in failed(
        run("deploy", "quick", "--region", "mars-north1", "--yes")
    )


@pytest.mark.usefixtures("place", "cloud")
def test_nothing_is_there(run: Typed, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    assert "`python -m cifar_core vertex upload quick`" in failed(run("deploy", "quick", "--yes"))
    assert "`python -m cifar_core vertex deploy quick`" in failed(
        run("predict", "quick", str(tmp_path / "a.png"))
    )


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (api.PermissionDenied("No such project. See a link."), "check the project “a-project”"),
        (api.ServiceUnavailable("failed to connect"), "cannot be reached"),
        (api.Unauthenticated("expired"), "gcloud auth"),
        (api.ResourceExhausted("Quota exceeded.\nMore."), "refused: Quota exceeded."),
    ],
)
def test_google_says_no(error: Exception, says: str, run: Typed, cloud: SimpleNamespace) -> None:
    cloud.Model.list.side_effect = error
    assert says in failed(run("deploy", "quick", "--yes"))


@pytest.mark.usefixtures("place", "none_at_all")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["deploy", "quick", "--min-replicas", "2", "--yes"], "--max-replicas is less than"),
        (["upload", "no-such-model"], "There is no model or run “no-such-model”"),
        (["upload", "quick", "--saved-model", "."], "holds no saved_model.pb"),
        (["delete", 'a" OR "b', "--yes"], "cannot be a model's name"),
    ],
)
def test_misused(
    arguments: list[str], says: str, run: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in failed(run(*arguments))


@pytest.mark.usefixtures("place", "none_at_all")
def test_upload_exports_first(run: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def export(directory: ModelDirectory, destination: Path) -> Path:
        assert directory.name == "quick"
        asked.append(destination)
        return lay_out(destination)

    monkeypatch.setattr(exporting, "export", create_autospec(exporting.export, side_effect=export))
    done = run("upload", "quick", "--dry-run")
    assert (done.status, done.err) == (0, "")
    [folder] = asked
    assert f"filename='{folder}/" in done.out
    assert not folder.exists()
