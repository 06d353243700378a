"""A gallery of test images: what models make of them, and what is known about them beside their label.

Evaluate and Compare show it. Only the tiles of the open page are drawn.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifar_core import images
from cifar_core.annotations import image_notes
from cifar_core.annotations.image_notes import Notes
from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import browse
from cifar_core.runs import catalogue
from pages.parts import caches, downloads, public_lists, sample
from pages.parts.caches import Results
from pages.parts.markdown import plain, told
from pages.parts.picture_button import picture_button

COLUMNS = 6
TILES = 3 * COLUMNS  # a page: what a screen holds
USE_OF_LISTS = (
    "With them, each image shows what people see in it, whether its label is in doubt, and whether a "
    "training image looks almost the same."
)
LEGEND = (
    "Point at a badge or tap it. :material/group: so many people agree with the label; orange: most do not · "
    ":material/gavel: five people checked the label and rejected it · :material/content_copy: a training "
    "image looks almost the same"
)


def show(
    indices: NDArray[np.integer[Any]],
    models: dict[str, Results],
    key: str,
    zoom: int = 3,
    second: bool = False,
) -> None:
    """Draw a page of test images with the control that sorts them; or offer them, where they are missing.

    Parameters
    ----------
    indices : int [M]
        Which test images; they are sorted here.
    models
        Whose answers to write below each image, by name, one or more.
    key
        Names the gallery in the URL, `?KEY-sort=…&KEY-page=…`.
    zoom
        Screen pixels a pixel of an image of the usual size, a whole number, which keeps its edges crisp.
    second
        Whether another one stands on the page before it.
    """
    [facts, *_] = [answers.facts for answers in models.values()]
    if caches.test_set_or_offer(facts, "With them, you see the images here.", key) is None:
        return
    known, labels = notes(facts), next(iter(models.values())).labels
    sorts = [sort for sort in browse.SORTS if sort != "human disagreement" or known.votes is not None]
    sort = st.segmented_control(
        "Sort by",
        sorts,
        default=sorts[0],
        required=True,
        key=f"{key}-sort",
        bind="query-params",
        help="Confidence: the surest answers first. Human disagreement: first the images on which people "
        "disagree most. Loss: first the images whose true class got the lowest probability.",
    )
    rows = browse.order(indices, sort, [answers.calibrated for answers in models.values()], labels, known)
    zoom = max(zoom * images.SIZE // facts.side, 1)
    tiles = st.grid(COLUMNS, min_column_width=zoom * facts.side, gap=("small", "xsmall"))
    for index in choose_page(rows.tolist(), key):
        with tiles.container(gap="xsmall"):
            show_tile(facts, index, int(labels[index]), models, known, zoom, key if second else "")
    if facts.name == CIFAR10.name:
        st.caption(LEGEND)
    if known.missing:
        downloads.offer_lists(known.missing, USE_OF_LISTS, key)
    sample.show(rows.tolist(), models, known, key if second else "")


def choose_page(rows: list[int], key: str) -> Sequence[int]:
    """Draw the page numbers, beginning anew where other images or another order is shown; return the page."""
    shown = hash(tuple(rows))
    if st.session_state.setdefault(f"{key}-shown", shown) != shown:
        st.session_state[f"{key}-shown"] = shown
        st.session_state[f"{key}-page"] = 1
    pages = browse.in_pages(rows, TILES)
    page = st.pagination(len(pages), key=f"{key}-page", bind="query-params") if len(pages) > 1 else 1
    return pages[page - 1]


def show_tile(
    facts: Facts, index: int, label: int, models: dict[str, Results], known: Notes, zoom: int, of: str
) -> None:
    true = facts.class_names[label]
    answers = [(name, results.calibrated[index]) for name, results in models.items()]
    guesses = [facts.class_names[int(probabilities.argmax())] for _, probabilities in answers]
    picture_button(
        caches.tile(facts, index, 2 * zoom),  # twice as fine, for screens that are
        zoom * facts.side,
        f"test image {index}: {true}, taken for {', '.join(guesses)}",
        key=f"{of}tile-{index}",
        on_click=partial(sample.choose, index, of),
    )
    said = [
        f"{guess}, {probabilities.max() * 100:.0f}\N{NO-BREAK SPACE}%"
        for guess, (_, probabilities) in zip(guesses, answers, strict=True)
    ]
    if len(said) == 1:
        lines = [f"{true} → {said[0]}"]
    else:
        called = catalogue.titles(map(catalogue.find, models)).values()
        lines = [true, *(f"{plain(title)}: {words}" for title, words in zip(called, said, strict=True))]
    st.caption("  \n".join(lines))
    show_badges(st.container(horizontal=True, gap="xsmall"), index, label, known)


def show_badges(badges: DeltaGenerator, index: int, label: int, known: Notes) -> None:
    votes, people = known.votes_for(index, label), known.people(index)
    if votes and people:
        badges.badge(
            f"{votes[0]} of {votes[1]}",
            icon=":material/group:",
            color="orange" if known.outvoted(index, label) else "gray",
            help=people,
        )
    if annotators := known.annotators(index):
        badges.badge("label?", icon=":material/gavel:", color="red", help=annotators)
    if duplicate := known.duplicate(index):
        badges.badge("twin", icon=":material/content_copy:", color="violet", help=duplicate)


def notes(facts: Facts) -> Notes:
    """Return what the public lists say, as far as they are on this machine and whole; of CIFAR-10 only."""
    if facts.name != CIFAR10.name:
        return image_notes.none()
    try:
        found: Notes = public_lists.here().notes()
    except CifarLabError as error:
        st.warning(told(error), icon=":material/fact_check:")
        return image_notes.none()
    return found
