"""Every page for those who do not see it, or not well, or use no mouse: axe-core, and the keyboard alone."""

import re
import shutil
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from benchmarks.browser import rest
from cifar_core import paths
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.cifar10, pytest.mark.lists]

PAGES = [
    "",
    "data",
    "data?view=Balance",
    "train?run=mine",
    "evaluate?model=quick&view=Humans",
    "compare?models=quick,mine&view=Who+is+right",
    "classify?model=quick&image=12&why=true",
    "classify?model=quick&example=flower",
    "deploy?model=quick",
    "deploy?model=quick&view=Website",
    "deploy?model=quick&view=Files",
]
# The dark pages differ from the light ones in nothing but their colours.
LOOK_FOR: dict[str, dict[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
# What axe finds in Streamlit's own widgets and we cannot mend: the rule, where, and why.
STREAMLITS_OWN = [
    ("svg-img-alt", "[data-testid=stMetric]", "the sparkline's mark for the pointer has no name"),
    ("color-contrast", ".stCode", "the colours of the words in code are in no theme"),
]
IN_THE_DARK = [
    # Buttons have white text on the primary colour and these have text in it: on a dark page no colour is
    # both dark and bright enough, and what is chosen has a border besides.
    ("color-contrast", "[data-selected=true], [data-testid=stSlider]", "text in the primary colour"),
]


def ours(page: Page, violation: dict[str, Any], theme: str) -> list[str]:
    """Return the elements with this violation that are not among those of Streamlit's own."""
    excused = [*STREAMLITS_OWN, *(IN_THE_DARK if theme == "dark" else [])]
    found = []
    for node in violation["nodes"]:
        element = page.locator(node["target"][-1]).first
        if not any(
            violation["id"] == rule and element.evaluate("(e, where) => e.closest(where)", where)
            for rule, where, _ in excused
        ):
            found.append(f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}")
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_that_is_ours(
    page: Page, server: Server, theme: Literal["light", "dark"]
) -> None:
    shutil.copytree(paths.models_root() / "quick", server.runs / "mine")
    page.emulate_media(color_scheme=theme)
    found: dict[str, list[str]] = {}
    for path in PAGES:
        page.goto(f"{server.url}/{path}")
        rest(page)
        page.wait_for_timeout(500)  # charts are drawn when the script is done
        title = path.partition("?")[0].capitalize() or "Overview"
        expect(page).to_have_title(f"{title} · CIFAR Lab")
        violations = Axe().run(page, options=LOOK_FOR[theme]).response["violations"]
        serious = [each for each in violations if each["impact"] in ("serious", "critical")]
        found[path] = [line for violation in serious for line in ours(page, violation, theme)]
    assert not {path: lines for path, lines in found.items() if lines}


def test_the_first_answer_takes_a_keyboard_and_nothing_else(page: Page, server: Server) -> None:
    page.goto(server.url)
    rest(page)
    link = page.get_by_role("link", name="Try an example")
    for _ in range(40):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("right|wrong"))).to_be_visible()
