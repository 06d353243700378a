"""A closer look at one of the visitor's pictures, or at a test image, on the Classify page: `?sample=…`."""

import streamlit as st

from cifar_core.inference.classify import Answer
from cifar_core.inference.tta import TTA
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import classify_map, inside, nearest, sample, two_maps, what_if
from pages.parts.classify_answers import Picture, side_of
from pages.parts.markdown import plain
from pages.parts.sample import Model
from pages.parts.verdict import verdict


def show(pictures: list[Picture], answered: dict[Model, list[Answer]], tta: TTA) -> None:
    """Open the dialog if the URL names one of the pictures, answered at so many views, by its place."""
    if answered and sample.chosen(len(pictures)) is not None:
        look_closer(pictures, answered, tta)


@st.dialog("A closer look", width="large", on_dismiss=sample.close)
def look_closer(pictures: list[Picture], answered: dict[Model, list[Answer]], tta: TTA) -> None:
    number = sample.chosen(len(pictures))
    if number is None:
        return
    picture, alone = pictures[number], len(answered) == 1
    sample.show_way(number, range(len(pictures)), plain(picture.name))
    seen, said = st.columns([2, 3], gap="medium")
    with seen:
        for side in sorted({side_of(model) for model in answered}):
            sample.show_picture(picture.looks[side][0], f"the {side}×{side} pixels the network sees, large")
            st.caption(f"what the network sees: {side}×{side} pixels")
        if (whole := picture.to_show()) is not None:
            st.image(whole, width=sample.PICTURE, alt="the whole picture")
            st.caption("the whole picture")
    with said:
        for model, answers in answered.items():
            answer = answers[number]
            words = f"**{plain(verdict(answer, picture.true))}**"
            array = picture.looks[side_of(model)][0]
            whose = "" if alone else model.title
            sample.show_answer(model, array, words, answer, picture.true, whose)
    here = {model: picture.looks[side_of(model)] for model in answered if isinstance(model, ModelDirectory)}
    first = {model: looks[0] for model, looks in here.items()}
    inside.show(list(first.items()))
    two_maps.show({m: (array, sample.two_classes(answered[m][number])) for m, array in first.items()})
    what_if.show(here, tta)
    classify_map.show(first)
    for model, array in first.items():
        nearest.show(model, array, alone=alone)
