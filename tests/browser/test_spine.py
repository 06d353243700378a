"""The main job, end to end: train, watch, stop, resume, see the mistakes, classify pictures and a webcam."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from cifar_core.datasets import cifar10
from cifar_core.runs.model_dir import ModelDirectory
from tests.browser import no_exception
from tests.browser.conftest import Server, StartServer
from tests.model_directories import LONG, shorten
from tests.pages import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EPOCHS = 1_000  # more than there is time for before the run is shortened


def set_number(page: Page, label: str, value: int) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(str(value))
    box.press("Tab")


def start_quick(page: Page, server: Server, images: int | None = None) -> ModelDirectory:
    """Start the recipe `quick`, which the sidebar offers first, on a part of the images or all."""
    page.goto(f"{server.url}/train")
    set_number(page, "Epochs", EPOCHS)
    if images is not None:
        page.get_by_text("More", exact=True).click()
        set_number(page, "Training images", images)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"\?run=quick-"))
    return ModelDirectory(server.runs / page.url.partition("run=")[2])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < LONG, f"{what} took over {LONG:.0f} s"
        time.sleep(0.2)


def drawn_points(page: Page) -> int:
    """Count the corners of the curve of the training loss, from the path that Vega drew."""
    chart = page.locator("[data-testid=stVegaLiteChart][aria-label^='Training and validation loss']")
    path = chart.locator(".mark-line path").first
    return len(re.findall("[ML]", path.get_attribute("d") or "")) if path.count() else 0


def state_badge(page: Page, state: str) -> None:
    expect(page.locator(".stMarkdownBadge", has_text=state)).to_be_visible()


@pytest.mark.cifar10
@pytest.mark.lists
def test_train_watch_resume_see_mistakes_and_classify(page: Page, server: Server, tmp_path: Path) -> None:
    run = start_quick(page, server, images=8_000)

    # It learns under your eyes: points soon, and more of them later.
    wait_until(lambda: drawn_points(page) >= 2, "the first points on the curve")
    before = drawn_points(page)
    wait_until(lambda: drawn_points(page) > before, "the next point on the curve")

    # A reload and a closed tab change nothing; the URL leads back.
    page.reload()
    wait_until(lambda: drawn_points(page) > before, "the curve after a reload")
    url, context = page.url, page.context
    page.close()
    steps = len(run.steps())
    wait_until(lambda: len(run.steps()) > steps, "training on with the tab closed")
    page = context.new_page()
    page.goto(url)
    wait_until(lambda: drawn_points(page) > before, "the curve in a new tab")

    wait_until(lambda: len(run.history()) >= 1, "the first epoch")
    page.get_by_role("button", name="Stop", exact=True).click()
    state_badge(page, "stopped")
    assert run.status().state == "stopped"
    epochs = len(run.history()) + 1
    shorten(run, epochs)
    page.get_by_role("button", name="Resume", exact=True).click()
    state_badge(page, "running")
    wait_until(lambda: run.status().state == "finished", "the rest of the run")
    state_badge(page, "finished")
    assert list(run.history()["epoch"]) == [*range(1, epochs + 1)]

    # Evaluate shows this run, opening on the cats it takes for dogs.
    page.get_by_role("link", name="See its mistakes").click()
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    labels = cifar10.load_test().labels
    guesses = run.predictions()["test"].argmax(axis=1)
    for true, predicted in (("cat", "dog"), ("dog", "cat")):
        page.get_by_role("button", name=f"{true} → {predicted}", exact=True).click()
        a, b = cifar10.CLASS_NAMES.index(true), cifar10.CLASS_NAMES.index(predicted)
        count = int(((labels == a) & (guesses == b)).sum())
        expect(page.get_by_text(f"{count:,} images of “{true}” taken for “{predicted}”")).to_be_visible()
        expect(page.get_by_alt_text(f"{true}, taken for {predicted}")).to_have_count(min(count, 18))
    assert f"model={run.name}" in page.url
    no_exception(page)

    # Classify takes three files, one of them no picture, and the rest goes through.
    rng = np.random.default_rng(0)
    for name in ("one.png", "two.jpg"):
        Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "three.png").write_text("not a picture")
    page.get_by_role("link", name="Classify").first.click()
    files = [tmp_path / name for name in ("one.png", "three.png", "two.jpg")]
    page.locator("input[type=file]").set_input_files(files)
    expect(page.get_by_text("three.png: This file is not a picture")).to_be_visible()
    expect(page.get_by_text("one.png", exact=True).first).to_be_visible()
    expect(page.get_by_text("two.jpg", exact=True).first).to_be_visible()
    expect(page.get_by_alt_text("the 32×32 pixels the network sees")).to_have_count(4)  # two looks each

    # A frame of the webcam is classified like any picture.
    page.get_by_text("Webcam", exact=True).click()
    # The button is there before the camera is, and takes no photo until then.
    page.wait_for_function("document.querySelector('[data-testid=stCameraInput] video')?.readyState >= 2")
    page.get_by_role("button", name="Take photo").click()
    expect(page.get_by_alt_text("the 32×32 pixels the network sees")).to_have_count(6)
    no_exception(page)

    check_one_answer_everywhere(page, server, run)
    check_process(page, server)


def check_one_answer_everywhere(page: Page, server: Server, run: ModelDirectory) -> None:
    """The app, the command line and `model.keras` in TensorFlow agree on the same picture."""
    index = 4242
    page.goto(f"{server.url}/classify?model={run.name}&image={index}")
    chart = page.locator("[data-testid=stVegaLiteChart][aria-label*=airplane]")
    expect(chart).to_be_visible()
    shown = dict(re.findall(r"(\w+) ([\d.]+)%", chart.get_attribute("aria-label") or ""))
    assert set(shown) == set(cifar10.CLASS_NAMES)

    picture = server.runs / "picture.png"
    Image.fromarray(cifar10.load_test().images[index]).save(picture)
    line = subprocess.run(
        [sys.executable, "-m", "cifar_core", "classify", str(run.path), str(picture), "--json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    by_command = json.loads(line)["probabilities"]

    code = (
        "import sys, json, numpy as np, keras\n"
        "from PIL import Image\n"
        "x = np.asarray(Image.open(sys.argv[2]), np.float32)[None] / 255\n"
        "print(json.dumps(keras.saving.load_model(sys.argv[1])(x, training=False).numpy()[0].tolist()))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(run.keras_path), str(picture)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    raw = np.array(json.loads(printed.splitlines()[-1]))
    scaled = raw ** (1 / run.card()["temperature"])
    by_keras = scaled / scaled.sum()

    for name, expected in zip(cifar10.CLASS_NAMES, by_keras, strict=True):
        assert by_command[name] == pytest.approx(expected, abs=1e-4)
        assert float(shown[name]) / 100 == pytest.approx(expected, abs=1e-4)


def check_process(page: Page, server: Server) -> None:
    """After all that and the pages not opened yet, the app process holds no TensorFlow and little memory."""
    for path in ("", "data", "data?view=Balance", "data?view=An image on its way", "train"):
        page.goto(f"{server.url}/{path}")
        expect(page.get_by_test_id("stTopNav")).to_be_visible()
        no_exception(page)
    process = server.process
    libraries = {Path(entry.path).name for entry in process.memory_maps()}
    assert not [name for name in libraries if "tensorflow" in name.lower()]
    megabytes = process.memory_info().rss / 1e6
    print(f"\nThe app process after every page: {megabytes:.0f} MB")
    assert megabytes < 350


def test_killed_worker_and_restarted_server(page: Page, server: Server) -> None:
    run = start_quick(page, server)  # on the digits, as CIFAR-10 is not there
    wait_until(lambda: len(run.history()) >= 1 and run.status().step > 0, "the second epoch")

    # The server goes and comes back; the worker does not notice.
    worker = run.status().pid
    server.stop()
    steps = len(run.steps())
    wait_until(lambda: len(run.steps()) > steps, "training on without a server")
    server.start()
    page.goto(f"{server.url}/train?run={run.name}")
    expect(page.get_by_test_id("stTopNav")).to_be_visible()  # ours; the one Streamlit makes up is a sidebar
    assert run.status().pid == worker
    wait_until(lambda: run.status().step > 0, "a step")
    state_badge(page, "running")

    psutil.Process(worker).kill()
    state_badge(page, "interrupted")
    epochs = len(run.history()) + 1
    shorten(run, epochs)
    page.get_by_role("button", name="Resume", exact=True).click()
    wait_until(lambda: run.status().state == "finished", "the resumed run")
    assert list(run.history()["epoch"]) == [*range(1, epochs + 1)]
    state_badge(page, "finished")


def test_without_data_and_network(page: Page, start_server: StartServer, tmp_path: Path) -> None:
    """The app says what is missing, offers the download, and what needs no images still works."""
    server = start_server(CIFAR10_DIR=None, XDG_CACHE_HOME=str(tmp_path / "empty"))
    for path in ("", "data", "train", "evaluate", "classify"):
        page.goto(f"{server.url}/{path}")
        expect(page.get_by_test_id("stTopNav")).to_be_visible()
        no_exception(page)
    page.goto(f"{server.url}/data")
    expect(page.get_by_text("CIFAR-10's pictures are not on this machine")).to_be_visible()
    page.get_by_role("button", name="Download CIFAR-10").click()
    expect(page.get_by_text("CIFAR-10 could not be downloaded")).to_be_visible()

    page.goto(f"{server.url}/train")
    page.get_by_role("combobox", name="Dataset").click()
    page.get_by_role("option", name="CIFAR-10").click()
    expect(page.get_by_text("CIFAR-10's pictures are not on this machine")).to_be_visible()
    expect(page.get_by_role("button", name="Download CIFAR-10")).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    assert not [entry for entry in tmp_path.iterdir() if (entry / "config.json").exists()]
