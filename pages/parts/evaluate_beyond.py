"""The views of Evaluate that go beyond the test set: worse pictures, and pictures of none of its classes.

They read the model's card only, and need no image, but for a model that was never measured on worse pictures.
"""

import time
from typing import Any

import streamlit as st

from cifar_core import charts, formats
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import card, findings
from cifar_core.evaluation.corruptions import CORRUPTIONS, FAMILIES, OURS, STRENGTHS
from cifar_core.evaluation.ood_sets import DESCRIPTIONS
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Card
from pages.parts import permission
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import told
from pages.parts.turns import turn


def show_robustness(model: ModelDirectory) -> None:
    measured = model.card()
    if not findings.is_robustness_known(measured):
        offer_robustness(model)
        return
    families, kinds = robustness_charts(model)
    st.markdown("**On worse pictures**")
    left, right = st.columns(2, gap="large")
    left.markdown(robustness_in_words(measured))
    left.vega_lite_chart(families, alt="Accuracy against the strength of each family of corruptions")
    right.vega_lite_chart(kinds, alt="Accuracy by corruption and strength, the hardest corruption first")
    right.caption(
        "How often it is right, in per cent, the hardest kind first. Measured on the first "
        f"{formats.count(measured['robustness_images'])} test images, made worse as those of CIFAR-10-C "
        "are (Hendrycks and Dietterich 2019), but with ice that is drawn. Shift is ours and not in the mean."
    )


def robustness_in_words(measured: Card) -> str:
    plain, mean = map(formats.percent, (measured["robustness_plain"], measured["robustness_mean"]))
    off = formats.percent(measured["robustness_calibration_error"])
    # The first row is that of strength 0, the sixth the hardest kind's at strength 5.
    worst = findings.robustness_table(measured["robustness"], measured["robustness_plain"]).iloc[5]
    return (
        f"It is right about **{mean}** of them, the mean of fifteen kinds in five strengths, and about "
        f"{plain} of the same pictures as they are (strength 0). The worst for it is "
        f"**{worst['corruption']}**: at strength 5 it is right {formats.percent(worst['accuracy'])} of the "
        f"time. How sure it is, is off by **{off}** on average; on all test images as they are, by "
        f"{formats.percent(measured['calibration_error'])}."
    )


def offer_robustness(model: ModelDirectory) -> None:
    """Let the visitor measure it, who may; it takes as long as to classify 80,000 images of CIFAR-10."""
    if not permission.granted():
        say_what_computes(model, "How well it does on all kinds of worse pictures", " --robustness")
        return
    images = min(card.ROBUSTNESS_IMAGES, model.card()["test_images"])
    pictures = len(CORRUPTIONS) * len(STRENGTHS) * images
    st.markdown(
        "Is it still right when pictures are noisy, blurred, foggy or shifted? Let it try: it has to answer "
        f"{formats.count(pictures)} pictures, which takes minutes. How many, it says as soon as it has begun."
    )
    if not st.button("Measure it", icon=":material/grain:", key="measure-robustness"):
        return
    try:
        permission.check()
        with turn():
            measure_robustness(model, images)
    except CifarLabError as error:
        st.error(told(error))
        return
    st.rerun()


def measure_robustness(model: ModelDirectory, images: int) -> None:
    """Measure it behind a bar that says how long it will still take."""
    what = f"Looking at {formats.count(images)} test images, made worse in every way"
    bar, began = st.progress(0.0, what), time.monotonic()

    def tell(share: float) -> None:
        left = (time.monotonic() - began) * (1 - share) / share if share else 0
        bar.progress(share, f"{what}: {formats.roughly(left)} left" if share else what)

    card.add_robustness(model, tell)


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
def robustness_charts(model: ModelDirectory) -> tuple[dict[str, Any], dict[str, Any]]:
    measured = model.card()
    table = findings.robustness_table(measured["robustness"], measured["robustness_plain"])
    families = charts.robustness_by_family(table, [*FAMILIES, OURS])
    return families.to_dict(), charts.robustness_by_kind(table).to_dict()
