"""Small archives that pass for the official one, the sources that carry them, and copies that are none."""

import hashlib
import io
import json
import os
import random
import tarfile
from pathlib import Path

import pytest

from cifar_core import paths
from cifar_core.datasets import cifar10, imported, sources
from cifar_core.datasets.sources import File, Source
from cifar_core.errors import DatasetError
from tests.servers import FileServer


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def official(files: dict[str, bytes]) -> bytes:
    return pack({f"cifar-10-batches-py/{name}": content for name, content in files.items()})


def noisy_batches(size: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Six files of so many bytes that pass for the official ones."""
    files = {name: random.Random(name).randbytes(size) for name in cifar10.BATCH_MD5}
    md5s = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(cifar10, "BATCH_MD5", md5s)
    return files


def offer(server: FileServer, body: bytes, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let `body` be the official archive, and the server's files of these names its only sources."""
    archive = File("cifar.tar.gz", len(body), hashlib.sha256(body).hexdigest())
    for name in names:
        server.bodies.setdefault(name, body)
    carriers = tuple(Source(((f"{server.url}/{name}", archive),)) for name in names)
    monkeypatch.setattr(sources, "SOURCES", carriers)


def refused(cache: Path, *copies: imported.Copy) -> str:
    """Give copies that are not CIFAR-10, expect one clear sentence and nothing left behind; return it."""
    with pytest.raises(DatasetError) as caught:
        imported.take(*copies)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert {path.name for path in cache.glob("*")} <= {"download.lock"}
    assert cifar10.find() is None
    return message


CUSTOMIZED = """
import json, os
from pathlib import Path

if facts := json.loads(os.environ.get("PRETENDED", "null")):
    from cifar_core import paths
    from cifar_core.datasets import cifar10, imported, sources

    paths.user_cache_path = lambda _: Path(facts["cache"])
    cifar10.BATCH_MD5.update(facts["md5s"])
    sources.SOURCES = tuple(
        sources.Source(tuple((url, sources.File(*file)) for url, file in addresses))
        for (addresses,) in facts["sources"]
    )
"""


def pretend_in_processes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python processes that are started from now on have this one's cache, batches and sources.

    `folder` gets the module that Python imports whenever it starts.
    """
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CUSTOMIZED)
    facts = {"cache": str(paths.cache()), "md5s": cifar10.BATCH_MD5, "sources": sources.SOURCES}
    monkeypatch.setenv("PRETENDED", json.dumps(facts))
    found = os.pathsep.join([str(folder), str(paths.code_root())])
    monkeypatch.setenv("PYTHONPATH", found)
