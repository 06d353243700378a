"""The training images that a model finds most like a picture, as the closer looks at one show them."""

import numpy as np
import streamlit as st

from cifar_core.datasets.dataset import Dataset, Facts
from cifar_core.datasets.registry import get_dataset
from cifar_core.inference import neighbours
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches
from pages.parts.caches import AS_WRITTEN, BY_VALUE
from pages.parts.markdown import plain
from pages.parts.turns import turn

TILE = 96  # pixels a side
MOST = 8  # training images


def show(model: ModelDirectory, array: np.ndarray, *, alone: bool) -> None:
    """Show them for what the network sees, uint8 [S, S, 3]; they are looked for once a model.

    Where the model is not alone, its name stands above them.
    """
    whose = "" if alone else f" to **{plain(model.title)}**"
    st.markdown(f"The training images that look most like it{whose}")
    facts, key = model.facts(), f"sample-{model.name}"
    dataset = caches.dataset_or_offer(facts, "With it, the most similar training images stand here.", key)
    if dataset is None:
        return
    dataset = dataset.at(facts.side)  # as it is now: its training images may have changed
    found = known_neighbours(model, dataset.facts)
    if found is None:
        if not st.button("Find them", icon=":material/search:", key=f"{key}-find"):
            st.caption("The model has to look at every training image, but only once.")
            return
        found = find(model, dataset)
    outputs = caches.classifier(model).outputs(array[None])
    places = found.nearest(outputs.features[0], MOST).tolist()
    with st.container(horizontal=True):
        for place, (address, label) in zip(places, training_tiles(dataset.facts, places), strict=True):
            with st.container(width=TILE):
                name = facts.class_names[label]
                st.image(address, width="stretch", alt=f"training image {place}, {name}")
                st.caption(plain(name))


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=BY_VALUE)  # of 30 KB
def training_tiles(facts: Facts, places: list[int]) -> list[tuple[str, int]]:
    """Return training images as addresses, with their labels; the training set is not kept in memory."""
    found = get_dataset(facts.name).at(facts.side).pick("train", np.array(places))
    return [
        (caches.crisp(image, max(2 * TILE // len(image), 1)), int(label))
        for image, label in zip(*found, strict=True)
    ]


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=AS_WRITTEN | BY_VALUE)
def known_neighbours(model: ModelDirectory, facts: Facts) -> neighbours.Neighbours | None:
    return neighbours.kept(model, get_dataset(facts.name))


def find(model: ModelDirectory, dataset: Dataset) -> neighbours.Neighbours:
    with turn():
        bar = st.progress(0.0, "Looking at the training images")
        found = neighbours.find(caches.classifier(model), dataset, bar.progress)
        bar.empty()
    found.save(neighbours.place(model, dataset))
    known_neighbours.clear()
    return found
