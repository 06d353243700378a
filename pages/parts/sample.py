"""The sample dialog: a test image looked at closely, opened by a tile and held by the URL, `?sample=…`.

It says what each model makes of the image, what mattered, what people see, and which training images are
nearest to it.
"""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifar_core import charts, formats
from cifar_core.annotations.image_notes import Notes
from cifar_core.datasets.dataset import Facts
from cifar_core.datasets.registry import get_dataset
from cifar_core.inference import neighbours
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, saliency_map
from pages.parts.caches import AS_WRITTEN, BY_VALUE, Results
from pages.parts.markdown import plain
from pages.parts.turns import turn

NAME = "sample"  # in the URL
PICTURE, MAP, NEIGHBOUR = 384, 128, 96  # pixels a side
FEW = 4  # classes that get a bar where several models answer
NEAREST = 8  # training images
OPACITY = 0.6


def choose(index: int) -> None:
    """Open the dialog on a test image."""
    st.query_params[NAME] = str(index)


def close() -> None:
    """Forget the image: the next visit of the page opens without the dialog."""
    st.query_params.pop(NAME, None)


def show(rows: Sequence[int], models: dict[str, Results], known: Notes) -> None:
    """Open the dialog if the URL names a test image.

    Parameters
    ----------
    rows
        The test images of the gallery in its order, which Previous and Next follow.
    models
        Whose answers to show, by name, one or more.
    known
        What the public lists say.
    """
    [facts, *_], labels = [each.facts for each in models.values()], next(iter(models.values())).labels
    if chosen(len(labels)) is not None:
        look_closer(facts, list(rows), models, known)


def chosen(count: int) -> int | None:
    """Return the test image that the URL names; None if it names none of so many."""
    value = st.query_params.get(NAME, "")
    if not value.isdecimal() or len(value) > len(str(count)) or int(value) >= count:
        return None
    return int(value)


@st.dialog("A closer look", width="large", on_dismiss=close)
def look_closer(facts: Facts, rows: list[int], models: dict[str, Results], known: Notes) -> None:
    answers = next(iter(models.values()))
    index = chosen(len(answers.labels))
    if index is None:
        return
    label = int(answers.labels[index])
    show_way(index, rows, next(iter(models)))
    picture, said = st.columns([2, 3], gap="medium")
    with picture:
        st.image(
            caches.tile(facts, index, max(2 * PICTURE // facts.side, 1)),
            width=PICTURE,
            alt=f"test image {index}, {facts.class_names[label]}",
        )
        st.markdown(f"Its label is **{plain(facts.class_names[label])}**.")
        show_notes(index, label, known)
    with said:
        called = catalogue.titles(map(catalogue.find, models))
        for name, results in models.items():
            show_answer(name, results, index, whose="" if len(models) == 1 else called[name])
    for name in models:
        show_nearest(catalogue.find(name), facts, index, alone=len(models) == 1)


def show_way(index: int, rows: list[int], model: str) -> None:
    """Draw what leads on: the image before, the one after, and the page that classifies it."""
    place = rows.index(index) if index in rows else None
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, key, step in (
            ("Previous", "arrow_back", "Left", -1),
            ("Next", "arrow_forward", "Right", 1),
        ):
            there = place is not None and 0 <= place + step < len(rows)
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"sample-{label}",
                shortcut=key,
                disabled=not there,
                on_click=choose,
                args=(rows[(place or 0) + step],) if there else (index,),
            )
        here = "" if place is None else f" · {formats.count(place + 1)} of {formats.count(len(rows))}"
        st.markdown(f"Test image {index}{here}")
        if st.button("Classify this", icon=":material/image_search:", key="sample-classify"):
            st.switch_page("pages/classify.py", query_params={"model": model, "image": str(index)})


def show_notes(index: int, label: int, known: Notes) -> None:
    votes = known.votes_for(index, label)
    said = [known.people(index), known.annotators(index), known.duplicate(index)]
    if votes and said[0] is None:
        said[0] = f"All {votes[1]} people who were asked say the same"
    for words in filter(None, said):
        st.caption(f"{words}.")


def show_answer(name: str, results: Results, index: int, whose: str) -> None:
    """Show what a model says, and what mattered to it for its answer and for the true class.

    `whose`: the model's title, where several answer.
    """
    class_names, probabilities = results.class_names, results.calibrated[index]
    guess, label = int(probabilities.argmax()), int(results.labels[index])
    right = "right" if guess == label else "wrong"
    speaker, sure = f"**{plain(whose)}**: " if whose else "", formats.probability(probabilities[guess])
    st.markdown(f"{speaker}**{plain(class_names[guess])}**, {sure} sure · {right}")
    bars, maps = st.columns([3, 2])
    bars.altair_chart(
        charts.probability_bars(probabilities, class_names, class_names[label], FEW if whose else None),
        alt=", ".join(f"{n} {p:.1%}" for n, p in zip(class_names, probabilities, strict=True)),
        key=f"sample-bars-{name}",
    )
    model, image = catalogue.find(name), caches.test_set(results.facts).images[index]
    with maps.container(horizontal=True):
        for each in dict.fromkeys((label, guess)):
            with st.container(width=MAP):
                saliency_map.show(model, image, each, OPACITY)


def show_nearest(model: ModelDirectory, facts: Facts, index: int, *, alone: bool) -> None:
    """Show the training images that the model finds most alike; they are looked for once a model."""
    whose = "" if alone else f" to **{plain(model.title)}**"
    st.markdown(f"The training images most like it{whose}")
    found = known_neighbours(model)
    if found is None:
        if not st.button("Find them", icon=":material/search:", key=f"sample-find-{model.name}"):
            st.caption("Once for each model: it looks at every training image.")
            return
        found = find(model, facts)
    outputs = caches.classifier(model).outputs(caches.test_set(facts).images[index][None])
    places = found.nearest(outputs.features[0], NEAREST).tolist()
    with st.container(horizontal=True):
        for place, (address, label) in zip(places, training_tiles(facts, places), strict=True):
            with st.container(width=NEIGHBOUR):
                name = facts.class_names[label]
                st.image(address, width="stretch", alt=f"training image {place}, {name}")
                st.caption(plain(name))


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=BY_VALUE)  # of 30 KB
def training_tiles(facts: Facts, places: list[int]) -> list[tuple[str, int]]:
    """Return training images as addresses, with their labels; the training set is not kept in memory."""
    found = get_dataset(facts.name).at(facts.side).pick("train", np.array(places))
    return [
        (caches.crisp(image, max(2 * NEIGHBOUR // len(image), 1)), int(label))
        for image, label in zip(*found, strict=True)
    ]


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=AS_WRITTEN)
def known_neighbours(model: ModelDirectory) -> neighbours.Neighbours | None:
    return neighbours.kept(model)


def find(model: ModelDirectory, facts: Facts) -> neighbours.Neighbours:
    with turn():
        bar = st.progress(0.0, "Looking at the training images")
        found = neighbours.find(
            caches.classifier(model), get_dataset(facts.name).at(facts.side), bar.progress
        )
        bar.empty()
    found.save(neighbours.place(model))
    known_neighbours.clear()
    return found
