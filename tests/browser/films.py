"""Films that Chromium plays as its camera, and the Chromium that plays them."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks import browser as real
from tests.browser.conftest import CHROMIUM_FLAGS

WIDTH, HEIGHT, A_SECOND = 160, 120, 4


def film(path: Path, scenes: Iterable[np.ndarray]) -> Path:
    """Write a film of scenes in YCbCr, uint8 [HEIGHT, WIDTH, 3], each a quarter of a second long."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{A_SECOND}:1 Ip A1:1 C420jpeg\n".encode())
        for scene in scenes:
            file.write(b"FRAME\n")
            for channel, step in enumerate((1, 2, 2)):
                file.write(scene[::step, ::step, channel].tobytes())
    return path


def noise(scenes: int = 200) -> Iterator[np.ndarray]:
    """Coloured cells: no picture is like the one before."""
    rng = np.random.default_rng(0)
    for _ in range(scenes):
        cells = rng.integers(0, 256, (6, 8, 3), np.uint8)
        yield cells.repeat(HEIGHT // 6, axis=0).repeat(WIDTH // 8, axis=1)


@contextmanager
def watching(browser: Browser, film: Path, width: int = 1440, height: int = 1000) -> Iterator[Page]:
    """Open a tab of a Chromium whose camera plays a film."""
    flags = [*CHROMIUM_FLAGS, f"--use-file-for-fake-video-capture={film}"]
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    other = browser.browser_type.launch(executable_path=path, args=["--no-sandbox", *flags])
    try:
        page = other.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(1_000 * real.PATIENCE)
        yield page
    finally:
        other.close()
