"""Where a picture lies among a model's test images, as the closer look of Classify shows it.

Folded, it costs nothing. A click on a neighbour leads to its closer look on Evaluate.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import streamlit as st

from cifar_core import charts, formats
from cifar_core.datasets.dataset import Dataset
from cifar_core.errors import CifarLabError
from cifar_core.inference.embedding import FEW
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, maps
from pages.parts.markdown import plain, told
from pages.parts.picture_button import picture_button

MOST = 6  # neighbours
TILE = 96  # pixels a side
_CLICKED = "neighbour"  # in the session: the test image that was clicked


@st.fragment  # what is opened here draws nothing else again
def show(seen: Mapping[ModelDirectory, np.ndarray]) -> None:
    """Draw the map of one of the models, with what it sees of the picture, uint8 [S, S, 3]; folded."""
    if not seen:
        return
    fold = st.expander(
        "Where it lies among the test images", icon=":material/scatter_plot:", key="lies", on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        model = choose(list(seen))
        if (index := st.session_state.pop(_CLICKED, None)) is not None:
            st.switch_page("pages/evaluate.py", query_params={"model": model.name, "sample": str(index)})
        facts = model.facts()
        dataset = caches.dataset_or_offer(facts, "With it, you see here where the picture lies.", "lies")
        if dataset is None:
            return
        try:
            show_map(model, dataset.at(facts.side), seen[model])
        except CifarLabError as error:
            st.error(told(error))


def choose(models: list[ModelDirectory]) -> ModelDirectory:
    """Let the visitor say whose map it is, where there are several."""
    by_name = {model.name: model for model in models}
    if len(models) == 1:
        return models[0]
    title = catalogue.titles(models).__getitem__
    return by_name[st.selectbox("Whose map", list(by_name), format_func=title, key="lies-model")]


def show_map(model: ModelDirectory, dataset: Dataset, array: np.ndarray) -> None:
    found = maps.of(model, dataset, min(dataset.sizes["test"], FEW))
    [features] = caches.classifier(model).outputs(array[None]).features
    answers = caches.results(model)
    labels, guesses = (each[found.images] for each in (answers.labels, answers.raw.argmax(axis=1)))
    points = charts.map_points(found.positions("PCA"), found.images, labels, guesses, answers.class_names)
    test = caches.test_set(dataset.facts).images
    others = [index for index in found.nearest(features, MOST + 1) if not np.array_equal(test[index], array)]
    names = [answers.class_names[answers.labels[index]] for index in others[:MOST]]
    st.vega_lite_chart(
        points,
        charts.map_with_picture(points, answers.class_names, found.place_of(features).tolist()),
        key=f"lies-map-{model.name}",
        alt=f"Map of {formats.count(len(points))} test images by what the model sees, each in the colour of "
        f"its class, with a ring around the picture. Nearest to it: {', '.join(names)}.",
    )
    st.caption(
        "Each dot is a test image in the colour of its true class, and a cross a mistake. Near each other "
        "lie those that the model finds alike. They are arranged by PCA: t-SNE cannot place a new picture."
    )
    st.markdown("The test images that look most like it: click one to look closer")
    with st.container(horizontal=True):
        for index, name in zip(others, names, strict=False):
            with st.container(width=TILE):
                picture_button(
                    caches.crisp(test[index], max(2 * TILE // len(array), 1)),
                    TILE,
                    f"test image {index}, {name}",
                    key=f"lies-{model.name}-{index}",
                    on_click=partial(note_click, int(index)),
                )
                st.caption(plain(name))


def note_click(index: int) -> None:
    """Let the next drawing lead on: no page can be switched while a click is taken."""
    st.session_state[_CLICKED] = index
