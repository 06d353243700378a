"""What models make of pictures on the Classify page: a table of many, and a card for each."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifar_core import charts, formats, images
from cifar_core.arrays import Images
from cifar_core.datasets.registry import CIFAR10, DIGITS
from cifar_core.deploy.remote import Endpoint
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import browse
from cifar_core.evaluation.ood_sets import DESCRIPTIONS
from cifar_core.inference import classify, spreadsheet
from cifar_core.inference.classify import Answer
from cifar_core.inference.tta import TTA
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, clicks, saliency_map, sample, square
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import plain, told
from pages.parts.sample import Model
from pages.parts.scrolling import come_into_view
from pages.parts.turns import await_turn, in_turn
from pages.parts.verdict import NONE, verdict

FEW_LOOKS = 4  # at pictures, by one model, cost next to nothing; more wait their turn
CARDS = 6  # pictures shown in full on one page
PAGE = "cards"  # the key of the number of that page
LIKELIEST = 5  # classes that get a bar
DESCRIBED = 10  # that are read out to those who do not see the bars
TILE = 140  # pixels, of a picture in a card: two fit side by side on a phone
PICTURE = 320  # pixels, of one whose square may be moved
THUMBNAIL, NAME = "/thumbnail", "/picture"  # columns that no model can be called, as no folder can
WITHOUT_PEOPLE = (CIFAR10.class_names, DIGITS.class_names)  # of a visitor's own dataset nobody knows
IMAGINABLE = ("digits", "photographs", "static")  # of `DESCRIPTIONS` those that a visitor can picture


class Picture(NamedTuple):
    """A picture to classify.

    Its name, which is the visitor's own text; what makes the whole picture as JPEG, or None where the array
    is all there is; an address of its thumbnail; what a network looks at, uint8 [K, S, S, 3], by its side S;
    the name of its true class, if known; what tells it apart from the others, if the visitor may move its
    square.
    """

    name: str
    to_show: Callable[[], bytes | None]
    thumbnail: str
    looks: Mapping[int, Images]
    true: str | None = None
    movable: str | None = None


def show(
    models: Sequence[Model], pictures: list[Picture], tta: TTA, refused: list[tuple[str, str]]
) -> dict[Model, list[Answer]]:
    """Show what each model that can answer says of each picture, and return it."""
    answered: dict[Model, list[Answer]] = {}
    for model in models:
        try:
            looks = [picture.looks[side_of(model)] for picture in pictures]
            answered[model] = answers(model, looks, tta)
        except CifarLabError as error:
            st.error(told(error))
    if answered:
        come_into_view("".join(picture.thumbnail for picture in pictures))
        if len(pictures) > 1:
            show_table(pictures, answered, refused)
        show_cards(pictures, answered)
    return answered


def side_of(model: Model) -> int:
    """Return the side of the pictures that a model takes, in pixels; of one elsewhere the usual one."""
    return images.SIZE if isinstance(model, Endpoint) else model.facts().side


def answers(model: Model, looks: list[Images], tta: TTA) -> list[Answer]:
    if isinstance(model, Endpoint):
        return answers_there(model, looks)
    return in_turn(answers_here, model, looks, tta)


@st.cache_data(max_entries=16, show_spinner="Classifying", hash_funcs=AS_WRITTEN)
def answers_here(model: ModelDirectory, looks: list[Images], tta: TTA) -> list[Answer]:
    if sum(map(len, looks)) * tta > FEW_LOOKS:
        await_turn()
    calibration = classify.calibration_of(model, tta)
    return classify.classify(caches.classifier(model), calibration, looks, tta)


@st.cache_data(max_entries=16, ttl="1m", show_spinner="Asking the endpoint")  # which may get another model
def answers_there(endpoint: Endpoint, looks: list[Images]) -> list[Answer]:
    return endpoint.classify(looks)


def show_table(
    pictures: list[Picture], answered: dict[Model, list[Answer]], refused: list[tuple[str, str]]
) -> None:
    # Streamlit's own export writes a name as it is, so it has to be harmless here already.
    names = [spreadsheet.text(picture.name) for picture in pictures]
    table = pd.DataFrame({THUMBNAIL: [picture.thumbnail for picture in pictures], NAME: names})
    columns: dict[str, Any] = {
        THUMBNAIL: st.column_config.ImageColumn(""),
        NAME: st.column_config.TextColumn("picture"),
    }
    for model, theirs in answered.items():
        sure = f"{model.name}/confidence"
        table[model.name] = [NONE if answer.none_of_these else answer.class_name for answer in theirs]
        table[sure] = [None if answer.none_of_these else answer.confidence * 100 for answer in theirs]
        columns[model.name] = st.column_config.TextColumn(model.title)
        columns[sure] = st.column_config.ProgressColumn(
            "confidence",
            format="%.1f %%",
            min_value=0,
            max_value=100,
            help="How sure the model is of its answer. Empty where the picture is none of these.",
        )
    key = clicks.key_of_turn("answers")

    def take_row() -> None:
        if cells := st.session_state[key]["selection"]["cells"]:
            sample.choose(cells[0][0])
            clicks.begin_turn()

    st.dataframe(
        table,
        hide_index=True,
        width="content",
        row_height=48,
        key=key,
        on_select=take_row,
        selection_mode="single-cell",
        alt="every picture with its class and confidence",
        column_config=columns,
    )
    st.download_button(
        "Answers as CSV",
        spreadsheet.csv_of(
            [picture.name for picture in pictures],
            {model.name: theirs for model, theirs in answered.items()},
            refused,
        ),
        "answers.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="Every picture with the probability of each class.",
    )


@st.fragment  # what is switched or moved here asks the models nothing but the map
def show_cards(pictures: list[Picture], answered: dict[Model, list[Answer]]) -> None:
    here = any(isinstance(model, ModelDirectory) for model in answered)
    opacity = choose_opacity() if here else None
    pages = browse.in_pages(range(len(pictures)), CARDS)
    page = st.pagination(len(pages), key=PAGE) if len(pages) > 1 else 1
    maps: list[Callable[[], None]] = []  # drawn when the rest is there, because they may have to wait
    for number in pages[page - 1]:
        theirs = {model: answers[number] for model, answers in answered.items()}
        show_card(number, pictures[number], theirs, opacity, maps)
    for draw in maps:
        draw()


def choose_opacity() -> float | None:
    """Let the visitor lay a map over the pictures; None: no map."""
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.toggle(
            "Show what mattered",
            key="why",
            bind="query-params",
            help="The model looks at the picture 250 times. Each time, other parts of it are hidden. Where "
            "the picture stays light, hiding it made the model less sure (RISE, Petsiuk 2018).",
        )
        if not asked:
            return None
        opacity = st.slider(
            "Opacity of the map", 0, 100, 60, format="%d %%", key="opacity", bind="query-params", width=260
        )
    return float(opacity / 100)


def show_card(
    number: int,
    picture: Picture,
    theirs: dict[Model, Answer],
    opacity: float | None,
    maps: list[Callable[[], None]],
) -> None:
    """Show the answers first, then what they are about."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.text(picture.name, width="content")
            closer = st.button("A closer look", icon=":material/zoom_in:", key=f"closer-{number}")
        alone = len(theirs) == 1
        said, given = st.columns(2) if alone else (st.container(), st.container())
        cells = said.grid(2 if len(theirs) == 4 else len(theirs), min_column_width=220)
        places = [cells.container() for _ in theirs]
        if words := what_it_must_choose_from(list(theirs.values()), picture.true):
            said.caption(words)
        if alone:  # on a projector there is no room for more beside the verdict
            with given:
                show_picture(picture, "stretch")
        tiles = given.container(horizontal=True)
        with tiles:
            if not alone:
                show_picture(picture, PICTURE)
            show_seen(picture, sorted({side_of(model) for model in theirs}))
        for place, (model, answer) in zip(places, theirs.items(), strict=True):
            with place:
                show_answer(model, picture, answer)
            if opacity is not None and isinstance(model, ModelDirectory):
                beside = tiles if alone else place
                maps.append(partial(show_map, beside.container(width=TILE), model, picture, answer, opacity))
    if closer:
        sample.choose(number)
        st.rerun()  # the dialog opens beside the fragment, not in it


def show_picture(picture: Picture, width: int | Literal["stretch"]) -> None:
    """Show a picture as it was given, with the square that networks see, where it may be moved."""
    if (shown := picture.to_show()) is None:
        return
    what = "the picture as it was given"
    with st.container(width=TILE if picture.movable is None else width):
        if picture.movable is not None:
            whole = any(len(looks) > 1 for looks in picture.looks.values())
            square.show(picture.movable, images.data_url(shown, "jpeg"), what, whole=whole)
        else:
            st.image(shown, width="stretch", alt=what)
            st.caption("the picture")


def show_seen(picture: Picture, sides: Sequence[int]) -> None:
    """Show a picture as networks of these sides see it."""
    for side in sides:
        looks = picture.looks[side]
        for look, what in zip(looks, ("the middle", "all of it") if len(looks) == 2 else ("",), strict=True):
            with st.container(width=TILE):
                seen = f"the {side}×{side} pixels the network sees"
                st.image(enlarged(look), width="stretch", alt=f"{seen}: {what}" if what else seen)
                st.caption(f"what the network sees{what and f': {what}'}, {side}×{side} pixels")


def show_answer(model: Model, picture: Picture, answer: Answer) -> None:
    """Show the verdict and the bars."""
    st.markdown(f"## {verdict(answer, picture.true)}")
    st.caption(f"says **{plain(model.title)}**")
    if answer.none_of_these:
        nearest = f"{answer.class_name}, {formats.probability(answer.confidence)}"
        st.caption(f"It looks like nothing the model has learned. The nearest class is {nearest}.")
    st.altair_chart(
        charts.probability_bars(answer.probabilities, answer.class_names, picture.true, LIKELIEST),
        alt=", ".join(f"{n} {p:.2%}" for n, p in answer.likeliest(DESCRIBED)),
    )


def show_map(
    place: DeltaGenerator, model: ModelDirectory, picture: Picture, answer: Answer, opacity: float
) -> None:
    with place:
        saliency_map.show(model, picture.looks[side_of(model)][0], answer.class_index, opacity)


def enlarged(array: np.ndarray) -> str:
    """Return what a network sees as an address, its pixels as blocks."""
    return caches.crisp(array, max(saliency_map.SHARP // len(array), 1))


def what_it_must_choose_from(answers: Sequence[Answer], true: str | None) -> str:
    """Say that a picture may show something else, unless that is known or the models say so already."""
    if all(answer.none_of_these or true in answer.class_names for answer in answers):
        return ""
    counts = dict.fromkeys(len(answer.class_names) for answer in answers)
    who = "It" if len(answers) == 1 else "Each model"
    must = f"{who} must choose one of {' or '.join(map(str, counts))} classes"
    if all(answer.class_names in WITHOUT_PEOPLE for answer in answers):
        return f"{must}. None of them is a person."
    return f"{must}, even if the picture shows something else."


def say_what_passes(model: ModelDirectory) -> None:
    """Say how far a model's “none of these” can be believed, where its card knows."""
    try:
        measured = model.card().get("out_of_distribution", {})
    except CifarLabError:  # which was said above
        return
    passing = [
        f"{formats.percent(measured[name]['fpr95'])} of {DESCRIPTIONS[name]}"
        for name in IMAGINABLE
        if name in measured
    ]
    if passing:
        st.caption(
            f"**{plain(model.title)}** says “{NONE}”, wrongly, of 5 % of its own dataset's pictures, and of "
            f"more photographs. It fails to say so of {', '.join(passing)}."
        )
