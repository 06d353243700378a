"""The map of a model's test images: made once, and kept for whoever asks again."""

import streamlit as st

from cifar_core.datasets.dataset import Dataset, Facts
from cifar_core.datasets.registry import get_dataset
from cifar_core.inference import embedding
from cifar_core.inference.embedding import Embedding
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches
from pages.parts.caches import AS_WRITTEN, BY_VALUE
from pages.parts.turns import turn


def of(model: ModelDirectory, dataset: Dataset, count: int) -> Embedding:
    """Return a model's map of so many test images; where it is not known yet, the model looks at them."""
    found = known(model, dataset.facts, count)
    if found is None:
        with turn():
            bar = st.progress(0.0, "Looking at the test images")
            labels = caches.results(model).labels
            found = embedding.find(caches.classifier(model), dataset, labels, count, bar.progress)
            bar.empty()
        keep(model, dataset, count, found)
    return found


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=AS_WRITTEN | BY_VALUE)
def known(model: ModelDirectory, facts: Facts, count: int) -> Embedding | None:
    return embedding.kept(model, get_dataset(facts.name), count)


def arranged(model: ModelDirectory, dataset: Dataset, count: int, found: Embedding) -> Embedding:
    """Return the map with what t-SNE makes of it."""
    with turn(), st.spinner("Arranging the images"):
        found = embedding.arranged(found)
    keep(model, dataset, count, found)
    return found


def keep(model: ModelDirectory, dataset: Dataset, count: int, found: Embedding) -> None:
    found.save(embedding.place(model, dataset, count))
    known.clear()
