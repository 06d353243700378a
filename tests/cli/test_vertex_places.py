"""`vertex`: what cannot be a project, a region, a bucket or a machine, and so many of them."""

import functools
import sys

import pytest

from cifar_core.deploy import vertex
from tests.command_line import Done, Typed


@pytest.fixture
def run(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Run `python -m cifar_core vertex …` where Google's libraries are not, with a place that is right."""
    for name, value in (("PROJECT", "a-project"), ("REGION", "europe-west4"), ("BUCKET", "lab")):
        monkeypatch.setenv(f"CIFAR_LAB_{name}", value)
    for name in ("aiplatform", "storage"):
        monkeypatch.setitem(sys.modules, f"google.cloud.{name}", None)
    return functools.partial(typed, "vertex")


def failed(done: Done) -> str:
    assert (done.status, done.out) == (1, "")
    return done.err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(
            ("--region", value)
            for value in ("../x", "europe-west4/../x", "europe west4", "Europe-West4", "4")
        ),
        *(("--project", value) for value in ("../x", "a project", "a", "-project", "A-PROJECT")),
        *(("--machine-type", value) for value in ("../x", "n1 standard", "", "x" * 5_000)),
    ],
)
def test_what_cannot_be_a_place_or_machine_is_refused_also_by_a_dry_run(
    run: Typed, option: str, value: str
) -> None:
    said = failed(run("deploy", "quick", option, value, "--dry-run"))
    assert f" is not a {option[2:].replace('-', ' ')} of Google Cloud; one looks like " in said
    assert len(said) < 400


@pytest.mark.parametrize("bucket", ["gs://lab", "../x", "Lab", "l", "lab/x"])
@pytest.mark.parametrize("command", ["upload", "delete"])
def test_what_cannot_be_a_bucket_is_refused_also_by_a_dry_run(run: Typed, command: str, bucket: str) -> None:
    assert " is not a bucket of Google Cloud" in failed(
        run(command, "quick", "--bucket", bucket, "--dry-run")
    )


@pytest.mark.parametrize("option", ["--min-replicas", "--max-replicas"])
@pytest.mark.parametrize("number", ["0", "-1", "1001", str(10**18)])
def test_so_many_machines_are_a_typing_error(run: Typed, option: str, number: str) -> None:
    done = run("deploy", "quick", option, number, "--dry-run")
    assert (done.status, done.out) == (2, "")
    assert "replicas" in done.err


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("project", name) for name in ("my-project-1", "example.com:my-project", "123456789012")),
        *(("region", name) for name in ("us-central1", "northamerica-northeast1", "europe-west12")),
        *(("bucket", name) for name in ("lab", "a.bucket_of-mine", "example.com")),
        *(("machine type", name) for name in ("n1-standard-2", "c3-highcpu-176", "a2-ultragpu-1g")),
        ("container image", "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"),
    ],
)
def test_what_google_has_is_let_through(kind: str, value: str) -> None:
    vertex.refuse_if_misspelt(kind, value)
