"""The views below the matrix of Evaluate: what lies behind the one number.

To make a chart takes a tenth of a second, so those of a model are kept until its predictions change.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifar_core import charts, formats
from cifar_core.annotations import lists
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import findings, metrics, selective
from cifar_core.evaluation.browse import ANY
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, clicks, downloads, gallery, public_lists
from pages.parts.caches import AS_WRITTEN
from pages.parts.tables import show_table, two_lines

COVERAGE = 0.8  # of the sentence about declining
PAIRS = 10  # rows of the table of the most confused


def take_pair(true: str, predicted: str) -> None:
    """Move the gallery to a cell of the matrix, or with `ANY` to a row or column of it."""
    st.query_params.update(true=true, predicted=predicted)
    clicks.begin_turn()


def show_per_class(model: ModelDirectory) -> None:
    answers = caches.results(model)
    labels, class_names = answers.labels, answers.class_names
    chart, numbers, pairs = st.columns([4, 4, 4], gap="medium")
    table = metrics.per_class(answers.raw, labels, class_names)
    chart.markdown("**Precision, recall and F1**")
    chart.vega_lite_chart(per_class_chart(model), alt="Precision, recall and F1 of each class")
    numbers.markdown("**Each class** · click a row to see its mistakes")
    show_choices(
        numbers,
        in_percent(table, "precision", "recall", "f1").drop(columns="support"),
        [(name, ANY) for name in table["class"]],
        "classes",
        alt="Precision, recall and F1 of each class",
        column_config={
            "precision": st.column_config.NumberColumn(
                format="%.1f %%", help="When it answers with this class: how often that is right."
            ),
            "recall": st.column_config.NumberColumn(
                format="%.1f %%", help="Of the images of this class: how many it finds."
            ),
            "f1": st.column_config.NumberColumn(
                "F1", format="%.1f %%", help="The balance of precision and recall."
            ),
        },
    )
    confused = metrics.most_confused(metrics.confusion(answers.raw, labels), class_names).head(PAIRS)
    pairs.markdown("**Most confused** · click a row to see its images")
    show_choices(
        pairs,
        in_percent(confused, "rate"),
        list(zip(confused["true"], confused["predicted"], strict=True)),
        "pairs",
        alt="The most confused pairs of classes",
        column_config={
            "predicted": "taken for",
            "count": "images",
            "rate": st.column_config.NumberColumn("share of class", format="%.1f %%"),
        },
    )


def show_choices(
    place: DeltaGenerator, table: pd.DataFrame, pairs: Sequence[tuple[str, str]], name: str, **how: Any
) -> None:
    """Draw a table; a click anywhere in a row moves the gallery to the pair of that row."""
    key = clicks.key_of_turn(name)

    def take_row() -> None:
        if cells := st.session_state[key]["selection"]["cells"]:
            take_pair(*pairs[cells[0][0]])

    place.dataframe(
        table,
        hide_index=True,
        height="content",
        key=key,
        on_select=take_row,
        selection_mode="single-cell",
        **how,
    )


def show_calibration(model: ModelDirectory) -> None:
    card, answers = model.card(), caches.results(model)
    confidence, declining = st.columns(2, gap="large")
    with confidence:
        st.markdown("**How sure it is, and how often it is right**")
        st.vega_lite_chart(
            reliability_chart(model),
            alt="Reliability diagram: accuracy against confidence, before and after temperature scaling",
        )
        before, after = card["calibration_error_before"], card["calibration_error"]
        st.markdown(
            f"Its confidence is off by **{formats.percent(before)}** on average. After a correction "
            f"(temperature scaling) it is off by **{formats.percent(after)}**. The dashed line is perfect: "
            "where the model is 80 % sure, it is right 80 % of the time. Below the line it is too sure. "
            "Above the line it is not sure enough.",
            help="The correction is one number, the temperature, found on the validation images: "
            f"{card['temperature']:.2f}. Above 1 it makes the model less sure, below 1 more sure (Guo 2017). "
            "The average is the expected calibration error over 15 bins.",
        )
    with declining:
        st.markdown("**If it answers only when it is sure**")
        curve = selective.coverage_curve(answers.calibrated, answers.labels)
        st.vega_lite_chart(coverage_chart(model), alt="Accuracy against the share of the images it answers")
        sentence = (
            f"If it answers only the {COVERAGE * 100:.0f} % of the images of which it is surest, it is right "
            f"**{formats.percent(findings.accuracy_at(curve, COVERAGE))}** of the time instead of "
            f"{formats.percent(card['accuracy'])}."
        )
        answered = findings.coverage_for(curve, 0.99)
        if answered is not None:
            sentence += (
                f" To be right 99 % of the time, it may answer only {formats.percent(answered)} of them."
            )
        st.markdown(sentence)


def show_humans(model: ModelDirectory) -> None:
    """Set it beside people, whose votes there are for CIFAR-10 only."""
    answers = caches.results(model)
    labels, class_names, notes = answers.labels, answers.class_names, gallery.notes(answers.facts)
    try:
        parts = public_lists.here().parts_of_test_set()
    except CifarLabError:  # a list is damaged: the gallery says so
        return
    table = findings.accuracy_by_part(answers.raw, labels, parts, notes.votes)
    if notes.votes is None:
        st.info("This machine does not know yet what people see in these images.", icon=":material/group:")
        if notes.missing:
            downloads.offer_lists(notes.missing, gallery.USE_OF_LISTS, "humans")
    else:
        show_people(table.set_index("part"), findings.people_side_with(answers.raw, labels, notes.votes))
        one, other = st.columns(2, gap="large")
        one.markdown("**People**")
        other.markdown("**The model**")
        marks = charts.confusion_matrix(class_names, clickable=False)
        theirs = lists.human_confusion(notes.votes, labels)
        its = metrics.confusion(answers.raw, labels)
        # One scale of colours for both, or the rare errors of people would look like the model's.
        most = max(metrics.most_confused(matrix, class_names)["rate"].max() for matrix in (theirs, its))
        for place, matrix, whose in ((one, theirs, "people"), (other, its, "the model")):
            place.container(width=480).vega_lite_chart(
                charts.confusion_cells(matrix, class_names, rates=True, most=most),
                marks,
                key=f"matrix of {whose}",
                alt=f"Confusion matrix of {whose}, shares of the true class",
            )
    st.markdown("**On cleaner test sets**")
    show_cleaner(table)
    st.caption(
        "Human votes: about 51 people looked at each image (CIFAR-10H, Peterson 2019). Rejected labels: five "
        "people checked labels again, and for 54 no majority agreed with the label (Northcutt 2021). "
        "Near-duplicates: 286 test images look almost like a training image (ciFAIR, Barz 2020)."
    )


def show_cleaner(table: pd.DataFrame) -> None:
    percent = {name: table[name].map(formats.percent) for name in ("accuracy", "low", "high")}
    people = table["person"].map(lambda share: "–" if pd.isna(share) else formats.percent(share))
    show_table(
        pd.DataFrame(
            {
                "model": percent["accuracy"],
                "one person": people,
                "95 % interval": percent["low"] + " to " + percent["high"],
                "images": table["images"].map(formats.count),
            }
        ).set_index(pd.Index(table["part"].map(two_lines), name="test images")),
        alt="Accuracy of the model and of one person on parts of the test set",
    )


def show_people(table: pd.DataFrame, sided: int) -> None:
    agree, disagree = "images humans agree on", "images humans disagree on"
    cells = st.grid(4, min_column_width=170)
    cells.metric(
        "One person",
        formats.percent(table["person"]["all test images"]),
        border=True,
        help="How often one person chooses the class of the label: 95.24 % of 511,000 votes.",
    )
    for part, label in ((agree, "Model, all agree"), (disagree, "Model, disputed")):
        cells.metric(
            label,
            formats.percent(table["accuracy"][part]),
            border=True,
            help=f"How often the model is right on the {formats.count(int(table['images'][part]))} {part}.",
        )
    cells.metric(
        "Shared mistakes",
        formats.count(sided),
        border=True,
        help="Mistakes where more people chose the model's answer than the label.",
    )


def in_percent(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return table.assign(**{column: table[column] * 100 for column in columns})


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=AS_WRITTEN)
def per_class_chart(model: ModelDirectory) -> dict[str, Any]:
    answers = caches.results(model)
    return charts.per_class(metrics.per_class(answers.raw, answers.labels, answers.class_names)).to_dict()


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=AS_WRITTEN)
def reliability_chart(model: ModelDirectory) -> dict[str, Any]:
    answers = caches.results(model)
    before, after = (metrics.reliability(p, answers.labels) for p in (answers.raw, answers.calibrated))
    return charts.reliability(before, after).to_dict()


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=AS_WRITTEN)
def coverage_chart(model: ModelDirectory) -> dict[str, Any]:
    answers = caches.results(model)
    curve = selective.coverage_curve(answers.calibrated, answers.labels)
    return charts.coverage(curve, COVERAGE).to_dict()
