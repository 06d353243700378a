"""The sample dialog: a test image looked at closely, opened by a tile and held by the URL, `?sample=…`.

It says what each model makes of the image, what mattered, what people see, and which training images are
nearest to it.
"""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifar_core import charts, formats
from cifar_core.annotations.image_notes import Notes
from cifar_core.datasets.dataset import Facts
from cifar_core.deploy.remote import Endpoint
from cifar_core.inference.classify import Answer
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, inside, nearest, saliency_map, two_maps, what_if
from pages.parts.caches import Results
from pages.parts.markdown import plain

NAME, OF = "sample", "of"  # in the URL: the image, and its gallery where it is not the page's first
PICTURE, MAP = 384, 128  # pixels a side
FEW = 4  # classes that get a bar where several models answer
OPACITY = 0.6

Model = ModelDirectory | Endpoint  # who answers: here, or elsewhere


def choose(index: int, of: str = "") -> None:
    """Open the dialog on a test image, of the gallery with this name or of the page's first."""
    st.query_params[NAME] = str(index)
    if of:
        st.query_params[OF] = of
    else:
        st.query_params.pop(OF, None)


def close() -> None:
    """Forget the image: the next visit of the page opens without the dialog."""
    for name in (NAME, OF):
        st.query_params.pop(name, None)


def show(rows: Sequence[int], models: dict[str, Results], known: Notes, of: str = "") -> None:
    """Open the dialog if the URL names a test image of this gallery.

    Parameters
    ----------
    rows
        The test images of the gallery in its order, which Previous and Next follow.
    models
        Whose answers to show, by name, one or more.
    known
        What the public lists say.
    of
        The gallery's name; empty for the page's first.
    """
    [facts, *_], labels = [each.facts for each in models.values()], next(iter(models.values())).labels
    if chosen(len(labels)) is not None and st.query_params.get(OF, "") == of:
        look_closer(facts, list(rows), models, known)


def chosen(count: int) -> int | None:
    """Return the test image that the URL names; None if it names none of so many."""
    value = st.query_params.get(NAME, "")
    if not value.isdecimal() or len(value) > len(str(count)) or int(value) >= count:
        return None
    return int(value)


@st.dialog("A closer look", width="large", on_dismiss=close)
def look_closer(facts: Facts, rows: list[int], models: dict[str, Results], known: Notes) -> None:
    [answers, *_] = models.values()
    index = chosen(len(answers.labels))
    if index is None:
        return
    true, image = facts.class_names[answers.labels[index]], caches.test_set(facts).images[index]
    way = show_way(index, rows, f"Test image {index}")
    if way.button("Classify this", icon=":material/image_search:", key="sample-classify"):
        st.switch_page("pages/classify.py", query_params={"model": list(models), "image": str(index)})
    picture, said = st.columns([2, 3], gap="medium")
    with picture:
        show_picture(image, f"test image {index}, {true}")
        st.markdown(f"Its label is **{plain(true)}**.")
        show_notes(index, int(answers.labels[index]), known)
    alone, explained = len(models) == 1, {}
    with said:
        called = catalogue.titles(map(catalogue.find, models))
        for name, results in models.items():
            answer = Answer(results.class_names, results.calibrated[index], none_of_these=None)
            right = "right" if answer.class_name == true else "wrong"
            words = f"**{plain(answer.class_name)}**, {formats.probability(answer.confidence)} sure · {right}"
            whose = "" if alone else called[name]
            show_answer(catalogue.find(name), image, words, answer, true, whose)
            explained[catalogue.find(name)] = (image, two_classes(answer, true))
    inside.show([(catalogue.find(name), image) for name in models])
    two_maps.show(explained)
    what_if.show({catalogue.find(name): image[None] for name in models}, doubts=False)
    for name in models:
        nearest.show(catalogue.find(name), image, alone=alone)


def two_classes(answer: Answer, true: str | None = None) -> list[int]:
    """Return the numbers of two classes to explain: the true one, if a model knows it, and the likeliest."""
    names = [name for name in (true,) if name in answer.class_names]
    names += [name for name, _ in answer.likeliest(2)]
    return [answer.class_names.index(name) for name in dict.fromkeys(names)][:2]


def show_way(index: int, rows: Sequence[int], name: str) -> DeltaGenerator:
    """Draw what leads to the one before and the one after, with a name; return the place beside it."""
    place = rows.index(index) if index in rows else None
    way = st.container(horizontal=True, vertical_alignment="center")
    for label, icon, key, step in (
        ("Previous", "arrow_back", "Left", -1),
        ("Next", "arrow_forward", "Right", 1),
    ):
        there = place is not None and 0 <= place + step < len(rows)
        way.button(
            label,
            icon=f":material/{icon}:",
            key=f"sample-{label}",
            shortcut=key,
            disabled=not there,
            on_click=choose,
            args=(rows[(place or 0) + step] if there else index, st.query_params.get(OF, "")),
        )
    here = "" if place is None else f" · {formats.count(place + 1)} of {formats.count(len(rows))}"
    way.markdown(f"{name}{here}")
    return way


def show_picture(array: np.ndarray, alt: str) -> None:
    """Show what a network sees, uint8 [S, S, 3], large."""
    st.image(caches.crisp(array, max(2 * PICTURE // len(array), 1)), width=PICTURE, alt=alt)


def show_notes(index: int, label: int, known: Notes) -> None:
    votes = known.votes_for(index, label)
    said = [known.people(index), known.annotators(index), known.duplicate(index)]
    if votes and said[0] is None:
        said[0] = f"All {votes[1]} people who were asked say the same"
    for words in filter(None, said):
        st.caption(f"{words}.")


def show_answer(
    model: Model, array: np.ndarray, words: str, answer: Answer, true: str | None, whose: str = ""
) -> None:
    """Show what a model says, in words and as bars, and what mattered to it.

    The bars are of all classes, if no other model answers; the maps of the true class, if it is one of its
    own, and of its answer, if it is asked here. `whose`: what the model is called, where several answer.
    """
    st.markdown(f"**{plain(whose)}**: {words}" if whose else words)
    bars, maps = st.columns([3, 2])
    names = answer.class_names
    bars.altair_chart(
        charts.probability_bars(answer.probabilities, names, true, FEW if whose else None),
        alt=", ".join(f"{n} {p:.1%}" for n, p in answer.likeliest(len(names))),
        key=f"sample-bars-{model.name}",
    )
    if isinstance(model, ModelDirectory):
        asked = [names.index(true)] if true in names else []
        with maps.container(horizontal=True):
            for each in dict.fromkeys((*asked, answer.class_index)):
                with st.container(width=MAP):
                    saliency_map.show(model, array, each, OPACITY)
