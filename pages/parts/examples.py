"""Pictures to begin with. Installed packages bring them, so they are there where no dataset is."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from cifar_core import images
from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import DIGITS, get_dataset
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import ood_sets
from pages.parts import caches

DIGIT = 7  # of its dataset's test images
PHOTOGRAPHS = {"flower": "flower.jpg", "roof": "china.jpg"}  # scikit-learn's, by what they show
TITLES = {"flower": "Flower", "roof": "Roof", "digit": "Digit"}  # by their names in the URL


def load(name: str) -> tuple[bytes, str]:
    """Return an example as a picture file, and what it shows."""
    if name in PHOTOGRAPHS:
        package = find_spec("sklearn")  # found, not imported: that would take half a second and 75 MB
        folder = Path(str(package and package.origin)).parent / "datasets" / "images"
        return (folder / PHOTOGRAPHS[name]).read_bytes(), name
    test = caches.test_set(DIGITS.facts)
    return images.to_png(test.images[DIGIT]), DIGITS.class_names[test.labels[DIGIT]]


def to_ask_about(facts: Facts, indices: Sequence[int]) -> list[tuple[str, np.ndarray]]:
    """Return pictures of a model's side, uint8 [S, S, 3], with their names.

    They are test images at these places of its dataset; pieces of two photographs, where it is not here.
    """
    try:
        if get_dataset(facts.name).available():
            test = caches.test_set(facts).images
            return [(f"test image {index}", test[index]) for index in indices]
    except CifarLabError:  # no dataset of that name any more, or a damaged one
        pass
    pieces = _pieces_of_photographs(max(indices) + 1)
    resized = (images.to_array(Image.fromarray(pieces[index]), side=facts.side) for index in indices)
    return [(f"piece {index} of a photograph", array) for index, array in zip(indices, resized, strict=True)]


@st.cache_data(max_entries=4, show_spinner=False)
def _pieces_of_photographs(count: int) -> np.ndarray:
    return ood_sets.photographs(count)
