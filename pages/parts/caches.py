"""What pages read again and again: test sets, and what models make of it.

Each cache is bounded, and keyed by the times at which the files were written that it holds, so that a model
evaluated anew is read anew. For a model `AS_WRITTEN` does that: hand it to the cache as `hash_funcs`, and
give the cached function the `ModelDirectory` itself, alone or in a list or dictionary.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from cifar_core import images
from cifar_core.datasets.dataset import Batch, Dataset, Facts
from cifar_core.datasets.registry import get_dataset
from cifar_core.errors import CifarLabError
from cifar_core.inference import calibration
from cifar_core.inference.opening import classifier_of
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import downloads
from pages.parts.markdown import plain, told

HashFuncs = dict[str | type[Any], Callable[[Any], Any]]  # what a cache tells arguments of a type apart by

MODELS_IN_MEMORY = 4
AS_WRITTEN: HashFuncs = {ModelDirectory: ModelDirectory.stamp}
BY_VALUE: HashFuncs = {Facts: hash}  # the digest among them changes with any pixel


class Results(NamedTuple):
    """A model's answers on the test set, which need no image of it.

    Probabilities float64 [N, C] as they came and calibrated, the true classes int64 [N], and what the model
    knows of its dataset.
    """

    raw: np.ndarray
    calibrated: np.ndarray
    labels: np.ndarray
    facts: Facts

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the labels."""
        return self.facts.class_names


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=AS_WRITTEN)
def results(model: ModelDirectory) -> Results:
    """Return a model's predictions on the test set, before and after temperature scaling."""
    predictions = model.predictions()
    raw = predictions["test"].astype(np.float64)
    calibrated = calibration.temperature_scale(raw, model.card()["temperature"])
    return Results(raw, calibrated, predictions["labels"], model.facts())


@st.cache_resource(max_entries=MODELS_IN_MEMORY, show_spinner="Loading the model", hash_funcs=AS_WRITTEN)
def classifier(model: ModelDirectory) -> Classifier:
    """Return a model ready to answer; at most `MODELS_IN_MEMORY` stay so."""
    return classifier_of(model)


@st.cache_resource(max_entries=2, show_spinner="Reading the test set", hash_funcs=BY_VALUE)
def test_set(facts: Facts) -> Batch:
    """Return the test images of a dataset; DatasetError if it is not on this machine."""
    return get_dataset(facts.name).at(facts.side).load("test")


def test_set_or_offer(facts: Facts, what_for: str, key: str) -> Batch | None:
    """Return the test images that a model was tested on; or offer what is missing, and return None."""
    if dataset_or_offer(facts, what_for, key) is None:
        return None
    try:
        return test_set(facts)
    except CifarLabError as error:
        _say_missing(error, what_for)
        return None


def dataset_or_offer(facts: Facts, what_for: str, key: str) -> Dataset | None:
    """Return the dataset that a model learned from; or offer what is missing, and return None."""
    try:
        dataset = get_dataset(facts.name)
        if dataset.facts.tested_on != facts.tested_on:
            st.info(f"“{plain(facts.name)}” has changed since the model learned from it. {what_for}")
            return None
        if not dataset.available():
            downloads.offer(dataset, what_for, key)
            return None
    except CifarLabError as error:
        _say_missing(error, what_for)
        return None
    return dataset


def _say_missing(error: CifarLabError, what_for: str) -> None:
    st.warning(f"{told(error)} {what_for}", icon=":material/photo_library:")


def crisp(image: np.ndarray, scale: int) -> str:
    """Return an image, uint8 [H, W, 3], as an address whose pixels are blocks of `scale` screen pixels.

    An address, because Streamlit would make bytes smaller or a JPEG, which blurs the blocks and takes time.
    """
    return images.data_url(images.to_png(image, scale), "png")


@st.cache_data(max_entries=2_000, show_spinner=False, hash_funcs=BY_VALUE)  # of 4 KB
def tile(facts: Facts, index: int, scale: int = 8) -> str:
    """Return one test image of a dataset, as `crisp` does."""
    return crisp(test_set(facts).images[index], scale)
