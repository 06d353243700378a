"""A dataset of the visitor's own, looked through: what it is short of, and its pictures by class."""

import numpy as np
import streamlit as st

from cifar_core import formats
from cifar_core.datasets import own_look
from cifar_core.datasets.dataset import Dataset, Ints
from cifar_core.datasets.own import Own
from cifar_core.datasets.own_changes import OUT
from cifar_core.datasets.own_look import Marks
from pages.parts import data_tiles
from pages.parts.markdown import plain, told

EVERY_CLASS = "every class"
EVERY, ALIKE, ACROSS, TAKEN_OUT = "All", "Alike", "Alike in two classes", "Taken out"
ALIKE_HELP = (
    "Pictures that look alike stay together, in training or in the test. Of many that are nearly the same, "
    "one is enough. Where two classes have pictures that look alike, one of these may be in the wrong class."
)


def show(dataset: Dataset) -> None:
    assert isinstance(dataset, Own)
    stored, labels = dataset.stored(), dataset.labels().labels
    marks = own_look.marks(stored, labels)
    for words in own_look.advice(dataset):
        what, _, rest = words.partition(":")
        st.markdown(f":material/lightbulb: **{what}:**{told(rest)}")
    rows = choose_rows(dataset, labels, marks)
    data_tiles.offer_undo(dataset)
    if not len(rows):
        st.info("There are no such pictures.", icon=":material/info:")
        return
    shown = data_tiles.choose_page(rows, f"look-{dataset.name}")
    data_tiles.show(dataset, shown, [caption(dataset, labels, marks, row) for row in shown], {})


def choose_rows(dataset: Own, labels: Ints, marks: Marks) -> Ints:
    """Let the visitor choose a class and a kind of pictures; return their rows, look-alikes side by side."""
    kinds = {EVERY: labels != OUT, ALIKE: marks.alike, ACROSS: marks.across, TAKEN_OUT: labels == OUT}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        classes = [EVERY_CLASS, *dataset.class_names]
        place = st.selectbox(
            "Class",
            range(len(classes)),
            format_func=classes.__getitem__,
            key=f"look-class-{dataset.name}",
            width=240,
        )
        kind = st.segmented_control(
            "Pictures",
            list(kinds),
            default=EVERY,
            required=True,
            format_func=lambda kind: f"{kind} ({formats.count(int(kinds[kind].sum()))})",
            key=f"look-kind-{dataset.name}",
            help=ALIKE_HELP,
        )
    stored, wanted = dataset.stored(), kinds[kind]
    if place:
        classed = stored.labels if kind == TAKEN_OUT else labels  # those were of the class they came with
        wanted = wanted & (classed == place - 1)
    rows = np.flatnonzero(wanted)
    return rows[np.argsort(stored.groups[rows], kind="stable")] if kind in (ALIKE, ACROSS) else rows


def caption(dataset: Own, labels: Ints, marks: Marks, row: int) -> str:
    """Return the line below a picture: its class, and what marks it."""
    said = ["taken out" if labels[row] == OUT else plain(dataset.class_names[labels[row]])]
    if marks.same[row]:
        said.append(":violet-badge[:material/content_copy: copy]")
    elif marks.alike[row]:
        said.append(":gray-badge[:material/burst_mode: alike]")
    if marks.across[row]:
        said.append(":orange-badge[:material/call_split: two classes]")
    return " ".join(said)
