"""Several models as one: what the mean of their answers would bring, and a button that makes it a model."""

import pandas as pd
import streamlit as st

from cifar_core import formats
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import averaging
from cifar_core.evaluation.averaging import Gain
from cifar_core.runs import catalogue
from cifar_core.runs.members import described
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import MOST_MEMBERS
from pages.parts import compare_duel, permission
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import plain, told
from pages.parts.tables import one_line, show_table
from pages.parts.turns import turn

COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}


def show(models: list[ModelDirectory]) -> None:
    chosen = [model for model in models if not model.is_average]
    if len(chosen) < 2:
        st.info("Choose two models or more that are no averages themselves.", icon=":material/info:")
        return
    try:
        found = gain_of(chosen)
    except CifarLabError as error:
        st.info(told(error), icon=":material/info:")
        return
    titles = catalogue.titles(chosen)
    joint = plain(" + ".join(titles.values()))
    st.markdown(
        f"The mean of what these {COUNTS[len(chosen)]} say of each test image, each calibrated, against the "
        "best of them alone:"
    )
    numbers, words = st.columns([2, 3], gap="large")
    with numbers:
        show_numbers(chosen, titles, joint, found)
    with words:
        compare_duel.show_verdict(found.duel, joint, plain(titles[found.best.name]))
        if made := made_of(chosen):
            lead_on(made)
        elif permission.granted():
            offer(chosen)


def show_numbers(models: list[ModelDirectory], titles: dict[str, str], joint: str, found: Gain) -> None:
    cards = {plain(titles[model.name]): model.card() for model in models}
    rows = {name: (card["accuracy"], card["accuracy_interval"]) for name, card in cards.items()}
    rows[joint] = (found.accuracy, [*found.interval])
    table = pd.DataFrame(
        {
            "accuracy": [formats.percent(accuracy) for accuracy, _ in rows.values()],
            "95 % interval": [one_line(" to ".join(map(formats.percent, ends))) for _, ends in rows.values()],
        },
        index=pd.Index(list(rows), name="model"),
    )
    show_table(table, alt="Accuracy of each model and of their average, with 95 % intervals")


def offer(models: list[ModelDirectory]) -> None:
    """Let the visitor make the average a model of its own."""
    pressed = st.button(
        f"Average these {COUNTS[len(models)]}",
        icon=":material/join_inner:",
        key="average-these",
        help="Makes a model of its own that asks all of them and answers with the mean. It takes as long as "
        "all of them together. The models themselves stay as they are.",
    )
    if not pressed:
        return
    try:
        permission.check()
        with turn(), st.spinner("Asking them about validation images", show_time=True):
            made = averaging.make(models)
    except CifarLabError as error:
        st.error(told(error))
        return
    if len(models) < MOST_MEMBERS:  # there is room for it in the table
        st.query_params["models"] = ",".join(model.name for model in (*models, made))
    st.rerun()


def made_of(models: list[ModelDirectory]) -> ModelDirectory | None:
    """Return the average of these very models, if there is one."""
    wanted = set(described(models).members)
    found = (item for item in catalogue.models() if item.is_average)
    return next((item for item in found if set(item.average().members) == wanted), None)


def lead_on(made: ModelDirectory) -> None:
    st.success(f"This average is a model: **{plain(made.title)}**", icon=":material/check_circle:")
    this = {"model": made.name}
    with st.container(horizontal=True):
        for page, label, icon in (
            ("evaluate", "See its mistakes", "grid_on"),
            ("classify", "Classify with it", "image_search"),
        ):
            st.page_link(f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=this)


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=AS_WRITTEN)
def gain_of(models: list[ModelDirectory]) -> Gain:
    return averaging.gain(models)
