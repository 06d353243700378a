"""The views of Evaluate that go beyond the test set: worse pictures, and pictures of none of its classes.

They read the model's card only, and need no image, but for a model that was never measured on worse pictures.
"""

from typing import Any

import streamlit as st

from cifar_core import charts, formats
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import card, findings
from cifar_core.evaluation.ood_sets import DESCRIPTIONS
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import permission
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import told
from pages.parts.turns import turn


def show_robustness(model: ModelDirectory) -> None:
    measured = model.card()
    if not (robustness := measured.get("robustness")):
        offer_robustness(model)
        return
    order, plain = findings.hardest(robustness), measured["robustness_plain"]
    table = findings.robustness_table(robustness, plain)
    st.markdown("**On worse pictures**")
    chart, words = st.columns([3, 2], gap="large")
    chart.vega_lite_chart(
        robustness_chart(model),
        alt="Accuracy against the strength of each of six corruptions",
    )
    worst = table[table["corruption"] == order[0]]
    words.markdown(
        f"The worst for it is **{order[0]}**: at strength 5 it is right "
        f"{formats.percent(worst['accuracy'].iloc[-1])} of the time. On the pictures as they are (strength "
        f"0) it is right {formats.percent(plain)} of the time."
    )
    words.dataframe(
        table[table["strength"] > 0].pivot_table("accuracy", "corruption", "strength").loc[order] * 100,
        height="content",
        alt="Accuracy by corruption and strength",
        column_config={
            "corruption": "strength",
            **{str(n): st.column_config.NumberColumn(format="%.1f %%") for n in range(1, 6)},
        },
    )
    words.caption(
        f"Measured on the first {formats.count(measured['robustness_images'])} test images, made worse in "
        "the style of CIFAR-10-C (Hendrycks and Dietterich 2019)."
    )


def offer_robustness(model: ModelDirectory) -> None:
    """Let the visitor measure it, who may; it takes as long as to classify 60,000 images."""
    if not permission.granted():
        say_what_computes(model, "How well it does on worse pictures", " --robustness")
        return
    st.markdown("Is it still right when pictures are noisy, blurred, dark or shifted? Let it try.")
    if not st.button("Measure it", icon=":material/grain:", key="measure-robustness"):
        return
    try:
        permission.check()
        with turn():
            bar = st.progress(0.0, "Looking at 2,000 test images, made worse in 30 ways")
            card.add_robustness(model, bar.progress)
    except CifarLabError as error:
        st.error(told(error))
        return
    st.rerun()


def show_ood(model: ModelDirectory) -> None:
    if not (sets := model.card().get("out_of_distribution")):
        say_what_computes(model, "How well it notices pictures of something else")
        return
    worst = findings.least_told(sets)
    st.markdown("**On pictures of something else**")
    st.markdown(
        f"These pictures show none of its classes. The hardest kind for it is **{worst}** "
        f"({DESCRIPTIONS.get(worst, worst)}): it takes {formats.percent(sets[worst]['fpr95'])} of them for "
        "one of its classes."
    )
    st.dataframe(
        [
            {
                "set": name,
                "fpr95": of["fpr95"] * 100,
                "auroc": of["auroc"],
                "what": DESCRIPTIONS.get(name, ""),
            }
            for name, of in sets.items()
        ],
        hide_index=True,
        width="content",
        height="content",
        alt="How well the model tells pictures of none of its classes",
        column_config={
            "set": st.column_config.TextColumn("pictures", pinned=True),
            "what": st.column_config.TextColumn("what they show"),
            "auroc": st.column_config.NumberColumn(
                "AUROC",
                format="%.3f",
                help="How often one of these pictures looks less usual to the model than one of its test "
                "images: 1 is always, 0.5 is chance.",
            ),
            "fpr95": st.column_config.NumberColumn(
                "not noticed",
                format="%.1f %%",
                help="How many of these pictures it takes for one of its classes, if it accepts 95 % of its "
                "test images (the false-positive rate at 95 %).",
            ),
        },
    )


def say_what_computes(model: ModelDirectory, what: str, option: str = "") -> None:
    st.info(f"{what} was not measured yet. This command measures it:")
    st.code(f"python -m cifar_core evaluate {model.name}{option}", language=None, wrap_lines=True)


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=AS_WRITTEN)
def robustness_chart(model: ModelDirectory) -> dict[str, Any]:
    measured = model.card()
    table = findings.robustness_table(measured["robustness"], measured["robustness_plain"])
    return charts.robustness(table, findings.hardest(measured["robustness"])).to_dict()
