"""The bucket: Google's own client against an emulator of Cloud Storage, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gcp_storage_emulator.server import create_server
from google.cloud import storage

from cifar_core.deploy.google_calls import Calls, plain_errors
from cifar_core.deploy.vertex_storage import remove, store
from cifar_core.errors import CloudError
from tests.deploy.cloud import LAB
from tests.servers import free_port


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    port = free_port()
    with create_server("127.0.0.1", port, in_memory=True, default_bucket="lab"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def bucket(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The emulator's bucket named lab, empty, seen by a client of the test's own."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    client = storage.Client(project="a-project")
    bucket = client.bucket("lab")
    yield bucket
    for blob in bucket.list_blobs():
        blob.delete()
    client.close()


def test_a_model_is_copied_once(bucket: Any, saved_model: Path) -> None:
    first = store(Calls(), LAB, "quick", saved_model)
    assert (first.files, first.sent) == (4, 4)
    prefix = f"cifar-lab/quick/{first.content}/"
    assert first.uri == f"gs://lab/{prefix}".rstrip("/")
    generations = {blob.name: blob.generation for blob in bucket.list_blobs()}
    names = {name.removeprefix(prefix) for name in generations}
    assert names == {
        "saved_model.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "assets.extra/tf_serving_warmup_requests",
    }
    for name in names:
        assert bucket.blob(prefix + name).download_as_bytes() == (saved_model / name).read_bytes()

    # The same content, exported again: only the random number in it is another.
    (saved_model / "fingerprint.pb").write_bytes(b"18")
    assert store(Calls(), LAB, "quick", saved_model) == first._replace(sent=0)
    assert {blob.name: blob.generation for blob in bucket.list_blobs()} == generations


def test_what_is_damaged_or_missing_is_sent_again(bucket: Any, saved_model: Path) -> None:
    first = store(Calls(), LAB, "quick", saved_model)
    damaged = bucket.blob(f"cifar-lab/quick/{first.content}/saved_model.pb")
    damaged.upload_from_string(b"half")
    bucket.blob(f"cifar-lab/quick/{first.content}/variables/variables.index").delete()
    assert store(Calls(), LAB, "quick", saved_model).sent == 2
    assert damaged.download_as_bytes() == b"graph"


def test_other_content_has_a_folder_of_its_own(bucket: Any, saved_model: Path) -> None:
    first = store(Calls(), LAB, "quick", saved_model)
    (saved_model / "saved_model.pb").write_bytes(b"other graph")
    second = store(Calls(), LAB, "quick", saved_model)
    assert second.content != first.content
    assert second.sent == 4
    assert len(list(bucket.list_blobs())) == 8


def test_removing_takes_every_file_of_that_model_only(bucket: Any, saved_model: Path) -> None:
    for model in ("quick", "quick-2"):
        store(Calls(), LAB, model, saved_model)
    bucket.blob("holiday.jpg").upload_from_string(b"mine")
    for _ in range(2):  # what is not there is no error
        remove(Calls(), LAB, "quick")
        names = [blob.name for blob in bucket.list_blobs()]
        assert len(names) == 5
        assert not [name for name in names if name.startswith("cifar-lab/quick/")]


@pytest.mark.usefixtures("bucket")
def test_no_such_bucket(saved_model: Path) -> None:
    nowhere = LAB._replace(bucket="elsewhere")
    message = r"^There is no bucket “elsewhere”; .*\.$"
    with pytest.raises(CloudError, match=message), plain_errors("a-project", "elsewhere"):
        store(Calls(), nowhere, "quick", saved_model)


def test_dry_run_sends_and_deletes_nothing(bucket: Any, saved_model: Path) -> None:
    printed: list[str] = []
    dry = Calls(True, printed.append)
    store(dry, LAB, "quick", saved_model)
    assert list(bucket.list_blobs()) == []
    store(Calls(), LAB, "quick", saved_model)
    remove(dry, LAB, "quick")
    assert len(list(bucket.list_blobs())) == 4
    assert printed[-1] == "blob.delete()"
