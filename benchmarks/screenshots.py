"""What does every page look like, in both themes, on a desk and on a phone?

    python -m benchmarks.screenshots DIRECTORY [--page evaluate]

Starts the app, opens each page in the distribution's Chromium and saves one picture a page, theme and width.
The pictures show images of CIFAR-10, so they are for looking at and not for publishing.
"""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmarks.measure import command
from cifar_core import model_dir
from cifar_core.errors import CifarLabError

# A page and what makes it show the most: a view, a choice. Page by page as the navigation has them.
PAGES = {
    "overview": "",
    "data": "data",
    "data-journey": "data?view=An+image+on+its+way",
    "train": "train?run=report",
    "evaluate": "evaluate",
    "evaluate-humans": "evaluate?view=Humans",
    "evaluate-robustness": "evaluate?view=Robustness",
    "compare-who": "compare?view=Who+is+right",
    "compare": "compare",
    "classify": "classify?image=12",
    "deploy": "deploy",
}
# The script has run and what it drew is there.
AT_REST = """document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
    && !document.querySelector('[data-testid=stSkeleton]')"""
WIDTHS = {"desk": 1440, "phone": 390}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main(
    directory: Annotated[Path, typer.Argument(help="Where the pictures go; made if it is not there.")],
    page: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(PAGES)}; by default all.")
    ] = None,
    settle: Annotated[float, typer.Option(min=0.0, help="Seconds a page has to draw its charts.")] = 2.0,
) -> None:
    """Save a picture of every page in both themes and both widths."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise CifarLabError("Chromium is not installed; install the distribution's package `chromium`.")
    if unknown := set(page or ()) - set(PAGES):
        raise CifarLabError(f"There is no page {', '.join(sorted(unknown))}; choose from {', '.join(PAGES)}.")
    directory.mkdir(parents=True, exist_ok=True)
    with app() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for theme in THEMES:
            for width_name, width in WIDTHS.items():
                context = browser.new_context(
                    viewport={"width": width, "height": 1000}, color_scheme=theme, device_scale_factor=1
                )
                tab = context.new_page()
                for name in page or PAGES:
                    tab.goto(f"{url}/{PAGES[name]}")
                    tab.get_by_test_id("stMain").wait_for()
                    tab.wait_for_function(AT_REST, timeout=60_000)
                    time.sleep(settle)
                    # The page scrolls inside of itself; a window as tall as its content shows all of it.
                    height = tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
                    tab.set_viewport_size({"width": width, "height": min(max(1000, height), 6000)})
                    time.sleep(settle / 2)
                    tab.screenshot(path=directory / f"{name}-{theme}-{width_name}.png")
                    tab.set_viewport_size({"width": width, "height": 1000})
                context.close()
        browser.close()


@contextmanager
def app() -> Iterator[str]:
    """Run the app on a free port and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = model_dir.code_root()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(root / "streamlit_app.py")),
            *("--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"),
        ],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                    break
            except OSError:
                if time.monotonic() > deadline:
                    raise CifarLabError("The app did not start within a minute.") from None
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


if __name__ == "__main__":
    command(main)
