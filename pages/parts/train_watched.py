"""A few test pictures and what a run says to them, which changes as it learns."""

import numpy as np
import streamlit as st

from cifar_core import formats
from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import get_dataset
from cifar_core.errors import CifarLabError
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches
from pages.parts.caches import BY_VALUE
from pages.parts.markdown import plain

SIDE = 64  # pixels on the screen
HEIGHT = 120  # of a picture with its answer: what is drawn before it is as high, so that nothing jumps
MOST = 10
LONGEST = 11  # letters of a class, so that each answer takes two lines


def show(run: ModelDirectory, active: bool) -> None:
    """Draw the pictures with the latest answers; nothing where the run has none or the pictures are not here.

    `active`: it trains, so they may still come.
    """
    facts = run.facts()
    try:
        found = run.watched()
        tiles = pictures(facts, found.indices[:MOST].tolist())
    except CifarLabError:
        if active and can_come(facts) and not len(run.history()):
            st.markdown("**Ten test pictures** · what it says to them stands here soon")
            cells = st.grid(MOST, min_column_width=SIDE)
            for _ in range(MOST):
                cells.skeleton(HEIGHT)
        return
    if not tiles:
        return
    epoch = int(found.epochs[-1])
    when = f"after epoch {epoch}" if epoch else "before it has learned anything"
    st.markdown(
        f"**Ten test pictures** · what it says to them {when}",
        help="The same ones all the time. It does not learn from them, and nothing is decided by them.",
    )
    cells = st.grid(MOST, min_column_width=SIDE)
    for (tile, label), probabilities in zip(tiles, found.probabilities[-1].astype(float), strict=False):
        with cells.container(gap="xsmall", height=HEIGHT, border=False):
            show_answer(tile, label, probabilities, facts)


def show_answer(tile: str, label: int, probabilities: np.ndarray, facts: Facts) -> None:
    guess = int(probabilities.argmax())
    true, said = facts.class_names[label], facts.class_names[guess]
    st.image(tile, width=SIDE, alt=f"{true}, taken for {said}")
    colour, icon = ("green", "check") if guess == label else ("red", "close")
    short = said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
    sure = formats.probability(min(probabilities[guess], 1.0))
    st.caption(f":{colour}[:material/{icon}:] {plain(short)}  \n{sure}")


def can_come(facts: Facts) -> bool:
    try:
        return get_dataset(facts.name).available()
    except CifarLabError:
        return False


@st.cache_data(max_entries=20, show_spinner=False, hash_funcs=BY_VALUE)  # of 50 KB
def pictures(facts: Facts, indices: list[int]) -> list[tuple[str, int]]:
    """Return test pictures as addresses, with their labels; none if the dataset has changed since.

    The test set is not kept in memory for them. DatasetError if it is not on this machine.
    """
    dataset = get_dataset(facts.name).at(facts.side)
    dataset.refuse_if_missing()
    if dataset.facts.digest != facts.digest or max(indices) >= dataset.sizes["test"]:
        return []
    found = dataset.pick("test", np.array(indices))
    return [
        (caches.crisp(image, max(2 * SIDE // len(image), 1)), int(label))
        for image, label in zip(*found, strict=True)
    ]
