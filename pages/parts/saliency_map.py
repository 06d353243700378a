"""What mattered to a model, laid over a picture: on the cards of Classify and in the sample dialog."""

from functools import partial

import numpy as np
import streamlit as st

from cifar_core.inference import saliency
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import plain
from pages.parts.turns import await_turn, in_turn

SHARP = 320  # pixels, of what is sent


def show(model: ModelDirectory, array: np.ndarray, class_index: int, opacity: float) -> None:
    """Draw what a network sees, uint8 [S, S, 3], with a map over it of what spoke for a class."""
    name = model.facts().class_names[class_index]
    found = in_turn(pixels_that_mattered, model, array, class_index)
    scale = max(SHARP // len(array), 1)
    st.image(
        saliency.overlay(array.repeat(scale, axis=0).repeat(scale, axis=1), found, opacity),
        width="stretch",
        alt=f"what mattered to {model.name} for {name}",
    )
    st.caption(f"what mattered for {plain(name)}" if found.any() else "no part mattered more than another")


@st.cache_data(max_entries=500, show_spinner=False, hash_funcs=AS_WRITTEN)  # of 4 KB
def pixels_that_mattered(model: ModelDirectory, array: np.ndarray, class_index: int) -> np.ndarray:
    """Return a map of the pixels that speak for a class, float32 [S, S]."""
    await_turn()
    return saliency.saliency(partial(behind_masks, model, array), array, class_index)


@st.cache_data(  # of 10 KB, where there are ten classes
    max_entries=20, show_spinner="Looking at parts of the picture", hash_funcs=AS_WRITTEN
)
def behind_masks(
    model: ModelDirectory,
    array: np.ndarray,  # noqa: ARG001 - what tells the pictures apart
    _pictures: np.ndarray,
) -> np.ndarray:
    """Return what a model says of a picture behind its masks, which are the same for each class."""
    return caches.classifier(model).probabilities(_pictures)
