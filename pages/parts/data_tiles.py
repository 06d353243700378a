"""Tiles of a dataset of the visitor's own, some of which are chosen, and what mends the labels of these."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import streamlit as st

from cifar_core import formats, images
from cifar_core.datasets import own_editing
from cifar_core.datasets.dataset import Ints
from cifar_core.datasets.own import Own
from cifar_core.errors import DatasetError
from cifar_core.runs import learners
from pages.parts import permission
from pages.parts.data_own import attempt
from pages.parts.markdown import plain

TILES = 24  # a page
WIDTH = 100  # screen pixels of a tile

Rows = list[int]
Act = Callable[[Rows], None]  # on the pictures that are chosen
Acts = Mapping[str, tuple[str, Act]]  # by label, with an icon


def choose_page(rows: Sequence[int] | Ints, key: str) -> Rows:
    """Draw the page numbers where there are several; return the rows of the page."""
    pages = -(-len(rows) // TILES)
    page = st.pagination(pages, key=f"{key}-page-{pages}") if pages > 1 else 1
    return [int(row) for row in rows[(page - 1) * TILES : page * TILES]]


def show(dataset: Own, rows: Rows, captions: Sequence[str], acts: Acts) -> None:
    """Draw pictures of a dataset that can be chosen, and below them what can be done with these.

    Parameters
    ----------
    dataset
        Whose.
    rows
        Which, among all that were added.
    captions
        A line of Markdown for each.
    acts
        What can be done besides moving them to a class and taking them out: label, icon and function.
    """
    stored, may = dataset.stored(), permission.granted()
    contents = dataset.contents(stored.spans[rows])
    with st.form("tiles", border=False):
        tiles = st.grid("auto", min_column_width=WIDTH, gap="small")
        for row, content, caption in zip(rows, contents, captions, strict=True):
            with tiles.container(gap="xsmall"):
                kind: Literal["png", "jpeg"] = "png" if content.startswith(b"\x89PNG") else "jpeg"
                name = formats.printable(str(stored.names[row]))
                st.image(images.data_url(content, kind), width=WIDTH, alt=name)
                if may:
                    st.checkbox(plain(name.rpartition("/")[2]), key=chosen_key(dataset, row))
                st.caption(caption)
        if may:
            show_acts(dataset, rows, acts)


def show_acts(dataset: Own, rows: Rows, acts: Acts) -> None:
    def moved(chosen: Rows) -> None:
        own_editing.give(dataset.name, chosen, st.session_state[to])

    def taken_out(chosen: Rows) -> None:
        own_editing.give(dataset.name, chosen, None)

    to = f"move-to-{dataset.name}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Move what is chosen to", dataset.class_names, key=to, width=240)
        every = {
            "Move": ("drive_file_move", moved),
            "Take out": ("block", taken_out),
            **acts,
        }
        for label, (icon, act) in every.items():
            st.form_submit_button(
                label,
                icon=f":material/{icon}:",
                key=f"tiles-{label}",
                on_click=attempt,
                args=(partial(do, dataset, rows, act),),
            )


def do(dataset: Own, rows: Rows, act: Act) -> None:
    """Do it with those of the pictures that are chosen."""
    chosen = [row for row in rows if st.session_state.get(chosen_key(dataset, row))]
    if not chosen:
        raise DatasetError("Choose pictures first: tick the boxes below them.")
    learners.refuse_if_learning(dataset.name)
    act(chosen)


def chosen_key(dataset: Own, row: int) -> str:
    """Return the key of the box of a picture: a new one, without a tick, after each change."""
    return f"chosen-{dataset.name}-{len(dataset.labels().changes)}-{row}"


def offer_undo(dataset: Own) -> None:
    """Draw the button that takes back the last change, where there is one."""
    changes = dataset.labels().changes
    if not changes or not permission.granted():
        return
    [*_, last] = changes
    count = "1 picture" if len(last.pictures) == 1 else f"{formats.count(len(last.pictures))} pictures"
    what = "taken out" if last.class_name is None else f"given to “{plain(last.class_name)}”"

    def undo() -> None:
        learners.refuse_if_learning(dataset.name)
        own_editing.undo(dataset.name)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Undo",
            icon=":material/undo:",
            key="own-undo",
            on_click=attempt,
            args=(undo,),
            help="Every change is a line in a log beside the pictures; these themselves stay as they are.",
        )
        st.caption(f"Last change: {count} {what}", width="content")
