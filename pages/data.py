"""Data: the datasets there are, how to get them, what one holds, and an image on its way to the network."""

import numpy as np
import pandas as pd
import streamlit as st

from cifar_core import charts, formats, images
from cifar_core.datasets import registry
from cifar_core.datasets.dataset import Dataset, Part, normalise, one_hot
from cifar_core.datasets.own import Own
from cifar_core.datasets.registry import CIFAR10, first_choice
from pages import require_entry
from pages.parts import data_doubts, data_import, data_look, data_own, downloads
from pages.parts.caches import crisp, test_set, tile
from pages.parts.markdown import plain, told
from pages.parts.url_state import choose_view, segments_in_url

SAMPLES = 12  # a class
MOST_CLASSES = 30  # that are shown
CHANNELS = ["red", "green", "blue"]
CORNER = 16  # pixels a side, of the middle that is drawn as numbers
PARTS: dict[Part, str] = {"train": "training", "test": "test"}


def show_dataset(dataset: Dataset) -> None:
    """Draw what a dataset is, whether it is here, and if not how to get it."""
    here = dataset.available()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(dataset.title)}**", width="content")
        if here:
            st.badge("on this machine", icon=":material/check:", color="green")
        else:
            st.badge("not here yet", icon=":material/cloud_download:", color="gray")
    train, test = (formats.count(dataset.sizes[part]) for part in PARTS)
    side, names = dataset.facts.side, dataset.class_names
    more = ", …" if len(names) > MOST_CLASSES else ""
    st.caption(
        f"{train} images to learn from, {test} to test with, of {side}×{side} pixels  \n"
        f"{len(names)} classes: {', '.join(map(plain, names[:MOST_CLASSES]))}{more}"
    )
    if isinstance(dataset, Own):
        if problem := dataset.problem():
            st.error(told(problem))
        data_own.offer_removal(dataset.name)
    elif not here:
        downloads.offer(dataset, "They are fetched once, and checked to the last pixel.", "data")
        if dataset.name == CIFAR10.name:
            data_import.show()


def show_samples(dataset: Dataset) -> None:
    test = test_set(dataset.facts)
    for label, name in enumerate(dataset.class_names[:MOST_CLASSES]):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(name)}**", width=100)
            tiles = st.grid(SAMPLES, min_column_width=44, gap="xsmall")
            for index in np.flatnonzero(test.labels == label)[:SAMPLES]:
                tiles.image(
                    tile(dataset.facts, int(index)), width="stretch", alt=f"test image {index}, {name}"
                )


def show_balance(dataset: Dataset) -> None:
    found = {part: dataset.class_counts(part) for part in PARTS}
    counts = pd.DataFrame(
        [
            {"class": name, "set": PARTS[part], "images": number}
            for part, numbers in found.items()
            for name, number in zip(dataset.class_names, numbers, strict=True)
        ]
    )
    st.markdown("**Images of each class**")
    st.altair_chart(charts.class_balance(counts), alt="Images a class in the training and the test set")
    train, test = (between(found[part]) for part in PARTS)
    fair = max(found["test"]) <= 1.1 * min(found["test"])
    st.caption(
        f"Every class has {train} training and {test} test images"
        + (", so plain accuracy is a fair measure." if fair else ": the accuracy is most about the largest.")
    )


def between(numbers: list[int]) -> str:
    low, high = formats.count(min(numbers)), formats.count(max(numbers))
    return low if low == high else f"{low} to {high}"


def show_journey(dataset: Dataset) -> None:
    test, last = test_set(dataset.facts), dataset.sizes["test"] - 1
    if st.session_state.get("image", 0) > last:  # chosen in a larger dataset
        st.session_state["image"] = last
    index = st.number_input("Test image", 0, last, 12, key="image", bind="query-params", width=200)
    image, label, side = test.images[index], int(test.labels[index]), dataset.facts.side
    name = dataset.class_names[label]
    raw, values, hot = st.columns([1, 2, 1.4])
    with raw:
        st.markdown("**1 · As it is stored**")
        st.image(crisp(image, max(256 // side, 1)), width=256, alt=f"test image {index}, {name}")
        st.caption(f"{plain(name)}: {side}×{side} pixels, three bytes each, 0 to 255")
    with values:
        show_values(image)
    with hot:
        show_one_hot(label, dataset.class_names)
    st.markdown("**4 · Augmented:** what training would see instead, another one each epoch")
    tiles = st.grid(8, min_column_width=80)
    # Of every second epoch, where mirror images show something else: those in between are mirrored.
    variants = images.augmented(image, 8 if dataset.facts.mirrors else 16, seed=index)
    for variant in variants if dataset.facts.mirrors else variants[::2]:
        tiles.image(crisp(variant, max(192 // side, 1)), width="stretch", alt="an augmented variant")
    mirrored = "mirrored in every other epoch and " if dataset.facts.mirrors else ""
    st.caption(f"With most recipes: {mirrored}shifted by up to two pixels, the border reflected.")


def show_values(image: np.ndarray) -> None:
    st.markdown(
        "**2 · Normalised**", help="On a small scale of its own, on which a network learns more easily."
    )
    channel = st.segmented_control(
        "Channel", CHANNELS, default="red", required=True, label_visibility="collapsed"
    )
    start = max(len(image) - CORNER, 0) // 2
    corner = normalise(image)[start : start + CORNER, start : start + CORNER]
    st.altair_chart(
        charts.pixel_values(corner, CHANNELS.index(channel)),
        width="content",  # square pixels
        alt=f"{channel} values of the middle {CORNER}×{CORNER} pixels",
    )
    st.caption(
        f"Each value divided by 255: the middle {CORNER}×{CORNER} pixels, 0 is black, 1 is full colour"
    )


def show_one_hot(label: int, class_names: tuple[str, ...]) -> None:
    st.markdown(
        "**3 · Its label, one-hot**",
        help="A 1 for the true class and a 0 for each other: the answer the network learns to give.",
    )
    st.dataframe(
        {"class": class_names, "target": one_hot(np.array([label]), len(class_names))[0].astype(int)},
        hide_index=True,
        height="content" if len(class_names) <= MOST_CLASSES else "auto",
        alt="the one-hot label",
    )


VIEWS = {"Samples": show_samples, "Balance": show_balance, "An image on its way": show_journey}
VIEWS_OF_OWN = {"Look through": data_look.show, "Doubtful labels": data_doubts.show, **VIEWS}

require_entry()
st.title("Data", anchor=False)
st.markdown("What a network can learn from here: small pictures, each with the name of what it shows.")
data_own.show_problem()
datasets = registry.readable()
cards = st.grid(2, min_column_width=320)
for dataset in datasets.values():
    with cards.container(border=True, height="stretch"):
        show_dataset(dataset)
data_own.show_damaged()
data_own.show()
chosen = segments_in_url(
    "Dataset",
    [name for name, dataset in datasets.items() if dataset.available()],
    "data",
    "data-dataset",
    first_choice().name,
    lambda name: datasets[name].title,
)
views = VIEWS_OF_OWN if isinstance(datasets[chosen], Own) else VIEWS
views[choose_view("data", views)](datasets[chosen])
