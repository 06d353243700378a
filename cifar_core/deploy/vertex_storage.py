"""A model's files in Cloud Storage, from where Vertex AI takes them.

They are in `gs://BUCKET/cifar-lab/<model>/<hash of the content>/`, so the same content is not sent twice.
"""

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

from cifar_core.deploy.google_calls import Calls, Named, Place
from cifar_core.errors import CloudError

_RANDOM = "fingerprint.pb"  # in a SavedModel; has a random number, by which alone two exports differ


class Stored(NamedTuple):
    """Where a model's files are, their content's hash, how many there are and how many had to be sent."""

    uri: str
    content: str
    files: int
    sent: int


def store(calls: Calls, place: Place, model: str, saved_model: Path) -> Stored:
    """Copy a SavedModel, the folder that holds saved_model.pb, to the bucket; send only what is not there."""
    files = _files(saved_model)
    content = _hash(files)
    folder = f"{folder_of(model)}{content}"
    client = calls("storage.Client", project=place.project, result=Named("client"))
    blobs = calls("client.list_blobs", of=client, bucket_or_name=place.bucket, prefix=f"{folder}/", result=[])
    there = {blob.name: blob.md5_hash for blob in blobs}
    bucket = calls("client.bucket", of=client, bucket_name=place.bucket, result=Named("bucket"))
    missing = [name for name, path in files.items() if there.get(f"{folder}/{name}") != _md5(path)]
    for name in missing:
        blob = calls("bucket.blob", of=bucket, blob_name=f"{folder}/{name}", result=Named("blob"))
        calls("blob.upload_from_filename", of=blob, filename=str(files[name]))
    return Stored(f"gs://{place.bucket}/{folder}", content, len(files), len(missing))


def remove(calls: Calls, place: Place, model: str) -> None:
    """Delete a model's files, of every content; what is not there is no error."""
    client = calls("storage.Client", project=place.project, result=Named("client"))
    folder = folder_of(model)
    found = calls(
        "client.list_blobs",
        of=client,
        bucket_or_name=place.bucket,
        prefix=folder,
        result=[Named("blob")],
    )
    for blob in found:
        calls("blob.delete", of=blob)


def folder_of(model: str) -> str:
    """Return the folder of a model's files in its bucket."""
    return f"cifar-lab/{model}/"


def _files(saved_model: Path) -> dict[str, Path]:
    """Return the files of a SavedModel by their names relative to it, in order."""
    if not (saved_model / "saved_model.pb").is_file():
        raise CloudError(f"{saved_model} holds no saved_model.pb; give the folder of one version.")
    paths = sorted(path for path in saved_model.rglob("*") if path.is_file() and path.name != _RANDOM)
    return {path.relative_to(saved_model).as_posix(): path for path in paths}


def _hash(files: dict[str, Path]) -> str:
    """Return 16 digits that stand for names and content; a label may have 63."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()} {name}\n" for name, path in files.items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def _md5(path: Path) -> str:
    """Return a file's MD5, as Cloud Storage gives it. It finds errors of transfer, not forgeries."""
    return base64.b64encode(hashlib.md5(path.read_bytes(), usedforsecurity=False).digest()).decode()
