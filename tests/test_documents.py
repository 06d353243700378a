"""The documents: short where they must be, their links lead somewhere, their figures are the cards'."""

import re
from pathlib import Path

import pytest

from cifar_core import formats
from cifar_core.paths import code_root
from cifar_core.runs import catalogue

ROOT = code_root()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.md")])
README = (ROOT / "README.md").read_text("utf-8")


def anchors(document: Path) -> set[str]:
    """Return what GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len(README.split()) <= 700
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_or_heading_leads_there(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_has_the_figures_of_the_cards() -> None:
    rows = {line for line in README.splitlines() if line.startswith("| `")}
    cards = [model.card() for model in catalogue.shipped()]
    for card in cards:
        low, high = card["accuracy_interval"]
        accuracy = f"{formats.percent(card['accuracy'])} ({100 * low:.1f} to {100 * high:.1f})"
        worse, training = formats.percent(card["robustness_mean"]), formats.duration(card["training_seconds"])
        assert f"| `{card['name']}` | {accuracy} | {worse} | {training} |" in rows
    assert len(rows) == len(cards)


def test_its_first_command_needs_no_more_than_the_files_that_are_here() -> None:
    for name in re.findall(r"-r (\S+)", README):
        assert (ROOT / name).is_file()
    assert (ROOT / "streamlit_app.py").is_file()
