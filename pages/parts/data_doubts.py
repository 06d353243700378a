"""Labels of the visitor's own pictures that are doubted, and what is done about them."""

from typing import NamedTuple

import numpy as np
import streamlit as st

from cifar_core import formats
from cifar_core.datasets import own_editing
from cifar_core.datasets.dataset import Dataset, Ints
from cifar_core.datasets.own import Own
from cifar_core.datasets.own_changes import OUT
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import doubts
from cifar_core.evaluation.doubts import Doubts
from pages.parts import caches, data_tiles, permission
from pages.parts.data_tiles import Acts, Rows
from pages.parts.markdown import plain, told
from pages.parts.models import readable_models
from pages.parts.turns import turn

FAVOURITE = "best"  # of the models that come with the app
_FOUND = "own-doubts"  # in the session


class _Found(NamedTuple):
    """Doubts about the labels of a dataset, which is known by its digest as added; and its rows then."""

    of: str
    doubts: Doubts
    rows: Ints


def show(dataset: Dataset) -> None:
    assert isinstance(dataset, Own)
    st.markdown(
        "Each picture is judged by a model that learned from the others. Where it is sure of another class "
        "than the label says, the label is doubted: look at it, and decide."
    )
    if not permission.explain():
        return
    ask(dataset)
    data_tiles.offer_undo(dataset)
    found: _Found | None = st.session_state.get(_FOUND)
    if found is None or found.of != dataset.about["dataset"]["digest"]:
        return
    now = dataset.labels()
    rows = found.rows[found.doubts.order[: found.doubts.doubted]]
    left = rows[~now.decided[rows] & (now.labels[rows] != OUT)]
    if not len(left):
        st.success(
            f"No label is doubted{' any more: train again' if len(rows) else ''}.",
            icon=":material/check_circle:",
        )
        return
    count = "1 label is" if len(left) == 1 else f"{formats.count(len(left))} labels are"
    st.markdown(
        f"**{count} doubted**, the most doubted first. Then train again: **Compare** says what changed."
    )
    places = {int(row): place for place, row in enumerate(found.rows)}
    shown = data_tiles.choose_page(left, f"doubts-{dataset.name}")
    likelier = {row: found.doubts.likelier(places[row], int(now.labels[row])) for row in shown}

    def caption(row: int) -> str:
        said = found.doubts.probabilities[places[row]]
        classes = (int(now.labels[row]), likelier[row])
        one, other = (f"{plain(dataset.class_names[n])} {formats.probability(said[n])}" for n in classes)
        return f"{one} → **{other}**"

    def agree(chosen: Rows) -> None:
        for label in {likelier[row] for row in chosen}:
            those = [row for row in chosen if likelier[row] == label]
            own_editing.give(dataset.name, those, dataset.class_names[label])

    def keep(chosen: Rows) -> None:
        for label in np.unique(now.labels[chosen]):
            those = [row for row in chosen if now.labels[row] == label]
            own_editing.give(dataset.name, those, dataset.class_names[label])

    acts: Acts = {"Keep": ("check", keep), "Move as proposed": ("arrow_forward", agree)}
    data_tiles.show(dataset, shown, [caption(row) for row in shown], acts)


def ask(dataset: Own) -> None:
    """Let the visitor choose by which model's eyes, and find what is doubtful."""
    models = {name: model for name, model in readable_models().items() if doubts.can_judge(model, dataset)}
    if not models:
        st.info("There is no model here yet whose eyes could be used: train one.", icon=":material/info:")
        return
    names = list(models)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Seen by",
            names,
            names.index(FAVOURITE) if FAVOURITE in names else 0,
            key="doubts-model",
            width=240,
            help="Doubts are as good as what a model sees in your pictures. Of photographs, one on "
            "ImageNet's VGG16 sees most, which the recipe transfer makes.",
        )
        wanted = st.button("Find doubtful labels", type="primary", icon=":material/rule:", key="doubts-find")
    if wanted:
        bar = st.progress(0.0, "Looking at every picture …")
        try:
            permission.check()
            with turn():
                features = doubts.features_of(caches.classifier(models[name]), dataset, bar.progress)
                bar.progress(1.0, "Judging each by the others …")
                index = dataset.index()
                found = doubts.find(features, index.labels, index.groups)
        except CifarLabError as error:
            st.error(told(error))
            return
        finally:
            bar.empty()
        rows = np.flatnonzero(dataset.labels().labels != OUT)
        st.session_state[_FOUND] = _Found(dataset.about["dataset"]["digest"], found, rows)
