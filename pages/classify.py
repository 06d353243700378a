"""Classify: your own pictures, the webcam or a test image, and what the model makes of them."""

import random
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from cifar_core import charts, dataset, formats, images
from cifar_core.classify import Answer, calibration_of, classify
from cifar_core.dataset import CLASS_NAMES
from cifar_core.errors import CifarLabError, ImageError
from cifar_core.model_dir import ModelDirectory
from cifar_core.views import Views
from pages import shared

CARDS = 6  # pictures shown in full on one page


class Picture(NamedTuple):
    """A picture to classify: as it was given, as the network sees it, and its true class if known."""

    name: str
    shown: Image.Image | None  # None: it is the array itself
    array: np.ndarray
    true: int | None = None


def uploaded(how: images.How) -> list[Picture | tuple[str, str]]:
    """Read what was dropped or photographed; a file that is no picture becomes (name, what is wrong)."""
    files = st.file_uploader(
        # No list of types: the content decides, and a wrong file gets our own word on what to do.
        f"Drop pictures here ({', '.join(images.SUFFIXES)})",
        accept_multiple_files=True,
        key="files",
        max_upload_size=images.MAX_BYTES // 1024**2,
        help="Any size and shape; the picture is shrunk to 32×32 pixels, which is all the network knows.",
    )
    # Asking for the camera as soon as the page opens would be rude, so it stands behind a toggle.
    photo = st.camera_input("Take a picture", key="camera") if st.toggle("Webcam", key="webcam") else None
    found: list[Picture | tuple[str, str]] = []
    for file in [*([photo] if photo else []), *files]:
        name = "webcam" if file is photo else file.name
        try:
            found.append(Picture(name, *images.load(file.getvalue(), how)))
        except ImageError as error:
            found.append((name, str(error)))
    return found


def random_test_image() -> None:
    st.query_params["image"] = str(random.randrange(dataset.TEST_SIZE))


def chosen_test_image() -> Picture | None:
    """Return the test image in the URL, `?image=…`."""
    value = st.query_params.get("image", "")
    if not value.isdecimal() or int(value) >= dataset.TEST_SIZE:
        return None
    test = shared.test_set_or_explain("A test image")
    if test is None:
        return None
    index = int(value)
    return Picture(f"test image {index}", None, test.images[index], int(test.labels[index]))


def verdict(picture: Picture, answer: Answer) -> str:
    if picture.true is None:
        return f"{answer.class_name}, {formats.percent(answer.confidence)}"
    right = CLASS_NAMES[picture.true] == answer.class_name
    truth = "right" if right else f"wrong, it is a {CLASS_NAMES[picture.true]}"
    return f"{answer.class_name}, {formats.percent(answer.confidence)} · {truth}"


def show_card(picture: Picture, answer: Answer) -> None:
    with st.container(border=True):
        *given, seen, bars = st.columns([2, 5] if picture.shown is None else [2, 2, 5])
        if picture.shown is not None:
            given[0].image(picture.shown, width="stretch", alt="the picture as it was given")
            given[0].caption("the picture")
        seen.image(images.to_png(picture.array, 10), width="stretch", alt="the 32×32 pixels the network sees")
        seen.caption("what the network sees: 32×32 pixels")
        bars.text(picture.name)
        bars.markdown(f"#### {verdict(picture, answer)}")
        bars.altair_chart(
            charts.probability_bars(answer.probabilities, picture.true),
            alt=", ".join(f"{n} {p:.2%}" for n, p in zip(CLASS_NAMES, answer.probabilities, strict=True)),
        )


def show_table(pictures: list[Picture], answers: list[Answer]) -> None:
    table = pd.DataFrame(
        {
            "picture": [p.name for p in pictures],
            "class": [a.class_name for a in answers],
            "confidence": [a.confidence for a in answers],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        alt="every picture with its class and confidence",
        column_config={
            "confidence": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
        },
    )


def show_answers(model: ModelDirectory, pictures: list[Picture], views: Views) -> None:
    try:
        arrays = np.stack([p.array for p in pictures])
        answers = classify(shared.classifier(model), calibration_of(model, views), arrays, views)
    except CifarLabError as error:
        st.error(str(error))
        return
    if len(pictures) > 1:
        show_table(pictures, answers)
    pages = -(-len(pictures) // CARDS)
    page = st.pagination(pages, key="cards") if pages > 1 else 1
    for picture, answer in list(zip(pictures, answers, strict=True))[(page - 1) * CARDS : page * CARDS]:
        show_card(picture, answer)


st.title("Classify", anchor=False)
model = shared.choose_model()
if model is None:
    st.stop()
how = st.segmented_control(
    "Pictures that are not square",
    ["Centre crop", "Whole picture"],
    default="Centre crop",
    required=True,
    key="how",
    bind="query-params",
)
six = st.toggle(
    "Look six times",
    key="six",
    bind="query-params",
    help="Averages the answers for the picture, its mirror image and small shifts of both: six times the "
    "work, usually a little more accurate.",
)
found = uploaded("crop" if how == "Centre crop" else "whole")
st.button("Random test image", icon=":material/casino:", on_click=random_test_image)
pictures = [item for item in found if isinstance(item, Picture)]
for item in found:
    if not isinstance(item, Picture):
        st.error(f"{item[0]}: {item[1]}")
if not found and (test_image := chosen_test_image()):
    pictures = [test_image]
if pictures:
    show_answers(model, pictures, 6 if six else 1)
elif not found:
    st.info("Drop a picture, switch on the webcam or take a random test image.", icon=":material/image:")
st.caption(
    "The network knows ten things only: "
    + ", ".join(CLASS_NAMES)
    + ". It will call anything else one of them."
)
