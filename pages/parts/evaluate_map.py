"""The view of Evaluate that maps the test images by what the model sees in them, with a gallery beside it.

What is chosen stands in the URL: `?map=…&map-images=…&box=…&map-sort=…&map-page=…`.
"""

import math
from functools import partial

import streamlit as st

from cifar_core import charts, formats
from cifar_core.inference import embedding
from cifar_core.inference.embedding import FEW, MOST, WAYS, Box, Embedding, Way
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, clicks, gallery, maps, sample
from pages.parts.markdown import plain
from pages.parts.url_state import segments_in_url

GALLERY = "map"
BOX = "box"  # in the URL
_SHOWN, _BEGAN = "evaluate-map", "evaluate-map-box"  # in the session: which map, and the box it began with


@st.fragment  # a box that is drawn changes nothing else of the page
def show(model: ModelDirectory) -> None:
    facts = model.facts()
    dataset = caches.dataset_or_offer(facts, "With it, you see a map of its images here.", GALLERY)
    if dataset is None:
        return
    dataset = dataset.at(facts.side)
    way, count = choose_map(dataset.sizes["test"])
    found = maps.of(model, dataset, count)
    if way == "t-SNE" and not len(found.tsne):
        if not st.button("Arrange them", icon=":material/scatter_plot:", key="map-arrange"):
            st.caption(
                "t-SNE keeps together what the model finds alike. On a laptop it takes about 10 s for 2,000 "
                "images and a minute for 10,000, but only once."
            )
            return
        found = maps.arranged(model, dataset, count, found)
    chart, images = st.columns([6, 5], gap="medium")
    with chart:
        show_map(model, way, count, found)
    with images:
        show_images(model, way, found)


def choose_map(size: int) -> tuple[Way, int]:
    """Let the visitor choose how the images are arranged, and how many of so many."""
    with st.container(horizontal=True):
        way = segments_in_url("Arranged by", WAYS, "map", "map-way", WAYS[0])
        few, most = min(size, FEW), min(size, MOST)
        if few == most:
            return way, few
        titles = {str(few): f"{formats.count(few)} images", str(most): formats.count(most)}
        chosen = segments_in_url(
            "Images", list(titles), "map-images", "map-count", str(few), titles.__getitem__
        )
    return way, int(chosen)


def show_map(model: ModelDirectory, way: Way, count: int, found: Embedding) -> None:
    answers, positions = caches.results(model), found.positions(way)
    labels, guesses = (each[found.images] for each in (answers.labels, answers.raw.argmax(axis=1)))
    points = charts.map_points(positions, found.images, labels, guesses, answers.class_names)
    box = box_in_url()
    shown = (model.name, way, count)
    if st.session_state.setdefault(_SHOWN, shown) != shown:  # a box is on one map only
        st.session_state[_SHOWN], box = shown, None
        st.query_params.pop(BOX, None)
    key = clicks.key_of_turn("map-" + "-".join(map(str, shown)))
    if st.session_state.get(_BEGAN, ("", None))[0] != key:
        st.session_state[_BEGAN] = (key, box)
    one, other = embedding.closest_classes(positions, labels)
    names, wrong = answers.class_names, int(points["wrong"].sum())
    st.vega_lite_chart(
        points,
        charts.map_of_images(points, names, st.session_state[_BEGAN][1]),
        key=key,
        on_select=partial(take, key),
        alt=f"Map of {formats.count(len(points))} test images by {way} of what the model sees. A dot is an "
        f"image, coloured by its class; {formats.count(wrong)} crosses are mistakes. {names[one]} and "
        f"{names[other]} lie closest to each other.",
    )
    st.caption(
        f"Each dot is a test image in the colour of its true class. A cross is a mistake: "
        f"{formats.count(wrong)} of {formats.count(len(points))}. Near each other lie images that the model "
        f"finds alike; {plain(names[one])} and {plain(names[other])} lie closest. Draw a box to see the "
        "images in it. Click a dot to look closer, or a class in the legend to point it out."
    )


def show_images(model: ModelDirectory, way: Way, found: Embedding) -> None:
    box, positions = box_in_url(), found.positions(way)
    rows = found.images if box is None else found.images[embedding.inside(positions, box)]
    words = "on the map" if box is None else "in the box"
    st.markdown(f"**{formats.count(len(rows))}** {'image' if len(rows) == 1 else 'images'} {words}")
    if len(rows):
        gallery.show(rows, {model.name: caches.results(model)}, GALLERY, second=True)


def take(key: str) -> None:
    """Fill the gallery from the box that was drawn, or look closer at the dot that was clicked."""
    selection = st.session_state[key]["selection"]
    if dots := selection.get("dot"):
        sample.choose(int(dots[0]["image"]), GALLERY)
        clicks.begin_turn()
    elif box := selection.get("box"):
        st.query_params[BOX] = ",".join(f"{end:.6g}" for axis in ("x", "y") for end in sorted(box[axis]))
    else:
        st.query_params.pop(BOX, None)


def box_in_url() -> Box | None:
    """Return the box that the URL names; None if it names none."""
    try:
        ends = [float(end) for end in st.query_params.get(BOX, "").split(",")]
        return Box(*ends) if all(map(math.isfinite, ends)) else None
    except (ValueError, TypeError):
        return None
