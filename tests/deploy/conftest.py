"""The model `quick`, exported as a user does, and KServe's server around it in an environment of its own."""

import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from cifar_core import dataset
from cifar_core.images import to_png

ROOT = Path(__file__).parents[2]
MODEL = "quick"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `python -m cifar_core export quick` wrote; its version is `quick/1`."""
    folder = tmp_path_factory.mktemp("serving")
    command = [sys.executable, "-m", "cifar_core", "export", MODEL, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{folder / MODEL / '1'}\n"
    return folder


@pytest.fixture(scope="session")
def kserve_python() -> str:
    """The interpreter that has KServe; its tests fail, and are not skipped, where there is none."""
    path = os.environ.get("CIFAR_LAB_KSERVE_PYTHON", "")
    assert path, (
        "Let CIFAR_LAB_KSERVE_PYTHON name a Python with tests/deploy/kserve.txt installed; see .ci/run."
    )
    return path


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def kserve(exported: Path, kserve_python: str) -> Iterator[str]:
    """The address of KServe's server, which serves the exported SavedModel with TensorFlow."""
    url, log = f"http://127.0.0.1:{free_port()}", exported / "kserve.log"
    script, port = ROOT / "tests" / "deploy" / "kserve_server.py", url.rpartition(":")[2]
    with log.open("w") as output:
        server = subprocess.Popen(
            [kserve_python, "-W", "ignore", str(script), MODEL, str(exported / MODEL / "1"), port],
            stdout=output,
            stderr=output,
            cwd=exported,
        )
    try:
        deadline = time.monotonic() + 180
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"KServe did not start: {log.read_text()[-3_000:]}")
            try:
                if requests.get(f"{url}/v1/models/{MODEL}", timeout=1).ok:
                    break
            except requests.RequestException:
                time.sleep(0.2)
        yield url
    finally:
        server.kill()
        server.wait()


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def photo(width: int, height: int) -> Image.Image:
    """A picture with large shapes and fine noise, as a camera takes it."""
    rng = np.random.default_rng(width * height)
    shapes = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(shapes).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray((smooth + rng.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory, cifar10: Path) -> list[Path]:
    """Files of test images and of photos: PNG and JPEG, odd sizes, turned by EXIF."""
    folder = tmp_path_factory.mktemp("pictures")
    turned = Image.Exif()
    turned[0x0112] = 6
    contents = {
        **{f"{i}.png": to_png(dataset.load_test(cifar10).images[i]) for i in range(4)},
        "stripes.png": to_png(np.tile(np.array([[0], [255]], np.uint8), (32, 16, 3))),
        "photo.jpg": encoded(photo(640, 480), "JPEG", quality=85),
        "odd.png": encoded(photo(101, 77), "PNG"),
        "turned.jpg": encoded(photo(301, 200), "JPEG", exif=turned),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]
