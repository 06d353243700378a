"""Data: what CIFAR-10 holds, and one image on its way to the network."""

import numpy as np
import pandas as pd
import streamlit as st

from cifar_core import charts, images
from cifar_core.datasets import cifar10
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.errors import CifarLabError
from pages import require_entry
from pages.parts import downloads
from pages.parts.caches import crisp, test_set, tile
from pages.parts.url_state import choose_view

SAMPLES = 12  # a class
CHANNELS = ["red", "green", "blue"]


def show_samples() -> None:
    test = test_set()
    for label, name in enumerate(CLASS_NAMES):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{name}**", width=100)
            tiles = st.grid(SAMPLES, min_column_width=44, gap="xsmall")
            for index in np.flatnonzero(test.labels == label)[:SAMPLES]:
                tiles.image(tile(int(index)), width="stretch", alt=f"test image {index}, {name}")


def show_balance() -> None:
    counts = pd.DataFrame(
        [
            {"class": name, "set": part, "images": images}
            for part, images in cifar10.IMAGES_PER_CLASS.items()
            for name in CLASS_NAMES
        ]
    )
    st.markdown("**Images of each class**")
    st.altair_chart(charts.class_balance(counts), alt="Images a class in the training and the test set")
    st.caption("Every class has 5,000 training and 1,000 test images, so plain accuracy is a fair measure.")


def show_journey() -> None:
    test = test_set()
    index = st.number_input(
        "Test image", 0, cifar10.TEST_SIZE - 1, 12, key="image", bind="query-params", width=200
    )
    image, label = test.images[index], int(test.labels[index])
    raw, values, hot = st.columns([1, 2, 1.4])
    with raw:
        st.markdown("**1 · As it is stored**")
        st.image(crisp(image, 8), width=256, alt=f"test image {index}, {CLASS_NAMES[label]}")
        st.caption(f"{CLASS_NAMES[label]}: 32×32 pixels, three bytes each, 0 to 255")
    with values:
        show_values(image)
    with hot:
        show_one_hot(label)
    st.markdown("**4 · Augmented:** what training would see instead, another one each epoch")
    tiles = st.grid(8, min_column_width=80)
    for variant in images.augmented(image, 8, seed=index):
        tiles.image(crisp(variant, 6), width="stretch", alt="an augmented variant")
    st.caption(
        "With most recipes: mirrored in every other epoch and shifted by up to two pixels, the border "
        "reflected."
    )


def show_values(image: np.ndarray) -> None:
    st.markdown(
        "**2 · Normalised**", help="On a small scale of its own, on which a network learns more easily."
    )
    channel = st.segmented_control(
        "Channel", CHANNELS, default="red", required=True, label_visibility="collapsed"
    )
    corner = cifar10.normalise(image)[8:24, 8:24]
    st.altair_chart(
        charts.pixel_values(corner, CHANNELS.index(channel)),
        width="content",  # square pixels
        alt=f"{channel} values of the middle 16×16 pixels",
    )
    st.caption("Each value divided by 255: the middle 16×16 pixels, 0 is black, 1 is full colour")


def show_one_hot(label: int) -> None:
    st.markdown(
        "**3 · Its label, one-hot**",
        help="A 1 for the true class and a 0 for each other: the answer the network learns to give.",
    )
    st.dataframe(
        {"class": CLASS_NAMES, "target": cifar10.one_hot(np.array([label]))[0].astype(int)},
        hide_index=True,
        height="content",
        alt="the one-hot label",
    )


VIEWS = {"Samples": show_samples, "Balance": show_balance, "An image on its way": show_journey}

require_entry()
st.title("Data", anchor=False)
st.markdown(
    "CIFAR-10 holds 60,000 small colour pictures of ten classes (Krizhevsky, 2009): 50,000 to learn from and "
    "10,000 to test with."
)
try:
    cifar10.locate()
except CifarLabError as error:
    downloads.offer_dataset(error)
else:
    VIEWS[choose_view("data", VIEWS)]()
