"""A closer look at one of the visitor's pictures, or at a test image, on the Classify page: `?sample=…`."""

import streamlit as st

from cifar_core.inference.classify import Answer
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import inside, nearest, sample
from pages.parts.classify_answers import Picture, side_of, verdict
from pages.parts.markdown import plain
from pages.parts.sample import Model


def show(pictures: list[Picture], answered: dict[Model, list[Answer]]) -> None:
    """Open the dialog if the URL names one of the pictures by its place among them."""
    if answered and sample.chosen(len(pictures)) is not None:
        look_closer(pictures, answered)


@st.dialog("A closer look", width="large", on_dismiss=sample.close)
def look_closer(pictures: list[Picture], answered: dict[Model, list[Answer]]) -> None:
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
    here = [(m, picture.looks[side_of(m)][0]) for m in answered if isinstance(m, ModelDirectory)]
    inside.show(here)
    for model, array in here:
        nearest.show(model, array, alone=alone)
