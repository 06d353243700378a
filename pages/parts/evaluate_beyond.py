"""The views of Evaluate that go beyond the test set: worse pictures, and pictures of none of its classes.

They read the model's card only, and need no image.
"""

from typing import Any

import streamlit as st

from cifar_core import charts, formats
from cifar_core.evaluation import findings
from cifar_core.evaluation.ood_sets import DESCRIPTIONS
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts.caches import AS_WRITTEN


def show_robustness(model: ModelDirectory) -> None:
    card = model.card()
    if not (robustness := card.get("robustness")):
        say_what_computes(model, "How well it does on worse pictures", " --robustness")
        return
    order, plain = findings.hardest(robustness), card["robustness_plain"]
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
        f"Measured on the first {formats.count(card['robustness_images'])} test images, made worse in the "
        "style of CIFAR-10-C (Hendrycks and Dietterich 2019)."
    )


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
    card = model.card()
    table = findings.robustness_table(card["robustness"], card["robustness_plain"])
    return charts.robustness(table, findings.hardest(card["robustness"])).to_dict()
