"""Who is right: two models on the same images, as a test, as four fields, and as the images themselves."""

from functools import partial

import streamlit as st

from cifar_core import charts, formats
from cifar_core.evaluation import comparison, metrics
from cifar_core.evaluation.comparison import QUADRANTS, Duel, Quadrant
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, clicks, gallery
from pages.parts.markdown import plain
from pages.parts.url_state import segments_in_url, selectbox_in_url


def show(models: list[ModelDirectory]) -> None:
    by_name, called = {model.name: model for model in models}, catalogue.titles(models)
    first, second = choose_pair(called)
    answers = {name: caches.results(by_name[name]) for name in (first, second)}
    found = comparison.duel(*(metrics.correct(each.raw, each.labels) for each in answers.values()))
    titles: dict[Quadrant, str] = {
        "both": "both right",
        "first": f"only {plain(called[first])} right",
        "second": f"only {plain(called[second])} right",
        "neither": "both wrong",
    }
    counts = {quadrant: len(images) for quadrant, images in found.quadrants.items()}
    fields, words = st.columns(2)
    with words:
        show_verdict(found, plain(called[first]), plain(called[second]))
    who = segments_in_url(  # in words too: not everybody can click a chart
        "Whose images",
        QUADRANTS,
        "who",
        "compare-who",
        "first",
        lambda each: f"{titles[each]} ({formats.count(counts[each])})",
    )
    widget = clicks.key_of_turn("quadrant")
    fields.altair_chart(
        charts.who_is_right(counts, (called[first], called[second]), list(called.values()), who),
        key=widget,
        on_select=partial(take_quadrant, widget),
        selection_mode="quadrant",
        alt=f"How many images {called[first]} and {called[second]} get right and wrong",
    )
    fields.caption("Click a field to see its images.")
    if counts[who]:
        gallery.show(found.quadrants[who], answers, key="images", zoom=5)
    else:
        st.info("There is no such image. Choose another field.", icon=":material/info:")


def choose_pair(called: dict[str, str]) -> tuple[str, str]:
    """Return the names of the two models, `?first=…&second=…`; there is a choice with three or more.

    `called`: their titles by name.
    """
    names, title = list(called), called.__getitem__
    if len(names) == 2:
        return names[0], names[1]
    left, right = st.columns(2)
    with left:
        first = selectbox_in_url("First model", names, "first", names[0], title)
    others = [name for name in names if name != first]
    with right:
        second = selectbox_in_url("Second model", others, "second", others[0], title)
    return first, second


def show_verdict(found: Duel, first: str, second: str) -> None:
    only_first, only_second = len(found.quadrants["first"]), len(found.quadrants["second"])
    if not only_first + only_second:
        st.markdown(f"**{first}** and **{second}** are right on exactly the same images.")
        return
    st.markdown(
        f"**{first}** is right on {formats.count(only_first)} images that **{second}** gets wrong, and wrong "
        f"on {formats.count(only_second)} that **{second}** gets right. If both were equally good, a "
        f"difference this large would turn up by chance {comparison.chance(found.p_value)}.",
        help="McNemar's exact test: only the images on which the two differ can tell which one is better.",
    )
    ahead, behind, sign = (first, second, 1) if found.difference >= 0 else (second, first, -1)
    low, high = sorted(sign * end * 100 for end in found.interval)
    st.markdown(
        f"The accuracy of **{ahead}** is **{abs(found.difference) * 100:.1f} points** higher than that of "
        f"**{behind}** (95 % interval: {low:.1f} to {high:.1f}). "
        + (
            f"**{ahead}** is better."
            if found.p_value < comparison.COMMON_LEVEL
            else "These images cannot tell which one is better."
        ),
        help="A difference counts if chance alone makes one this large less than 5 times in 100. It is about "
        "these two trained networks: trained again with another seed, each would answer a little "
        "differently.",
    )


def take_quadrant(widget: str) -> None:
    """Move the gallery to the clicked field."""
    if clicked := st.session_state[widget]["selection"]["quadrant"]:
        st.query_params["who"] = clicked[0]["who"]
        clicks.begin_turn()
