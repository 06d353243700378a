"""Evaluate: how often a model is right, what it confuses, and the images it got wrong.

What is chosen stands in the URL: `?model=…&true=…&predicted=…&mistakes-sort=…&mistakes-page=…&view=…`.
"""

from typing import Any

import numpy as np
import streamlit as st

from cifar_core import charts, formats
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.evaluation import browse, metrics
from cifar_core.evaluation.browse import ANY
from cifar_core.recipes import REPORT
from cifar_core.runs.model_dir import ModelDirectory
from pages import require_entry
from pages.parts import caches, clicks, evaluate_beyond, evaluate_views, gallery
from pages.parts.caches import Results
from pages.parts.curves import show_learning
from pages.parts.evaluate_views import take_pair
from pages.parts.models import choose_model, warn_if_validated_on_test
from pages.parts.url_state import choose_view, selectbox_in_url


def show_metrics(card: dict[str, Any]) -> None:
    low, high = card["accuracy_interval"]
    cells = st.grid(4, min_column_width=230)  # narrower ones would clip what the difference is to
    cells.metric(
        "Accuracy",
        formats.percent(card["accuracy"]),
        border=True,
        delta=formats.points(card["accuracy"] - REPORT["accuracy"]),
        delta_description="vs the report",
        help=f"Share of the 10,000 test images it gets right. 95 % interval: {formats.percent(low)} to "
        f"{formats.percent(high)} (Wilson). The report is the one this app grew out of: its network had 85 "
        "%.",
    )
    cells.metric(
        "Loss",
        formats.loss(card["loss"]),
        border=True,
        delta_color="inverse",
        delta=f"{card['loss'] - REPORT['loss']:+.3f}",
        delta_description="vs the report",
        help="Mean cross-entropy in nats: how surprised the model is by the true class. Lower is better; "
        "the original report had 0.640.",
    )
    cells.metric(
        "Macro F1",
        formats.percent(card["macro_f1"]),
        border=True,
        height="stretch",
        help="The balance of precision and recall, averaged over the ten classes.",
    )
    cells.metric(
        "Calibration error",
        formats.percent(card["calibration_error"]),
        border=True,
        delta_color="inverse",
        delta=formats.points(card["calibration_error"] - card["calibration_error_before"]),
        delta_description="by temperature scaling",
        help="How far its confidence is from how often it is right, on average (15 bins, Guo 2017).",
    )


def show_intervals(card: dict[str, Any]) -> None:
    low, high = card["accuracy_interval"]
    st.caption(
        f"95 % interval of the accuracy: {formats.percent(low)} to {formats.percent(high)}",
        help=f"`{card['command']}` recomputes all these numbers.",
    )
    augmented = card["test_time_augmentation"]
    low, high = augmented["accuracy_interval"]
    st.caption(
        f"Looking {augmented['views']} times at each image: {formats.percent(augmented['accuracy'])} "
        f"accuracy, 95 % interval {formats.percent(low)} to {formats.percent(high)}",
        help="The answers for the image, its mirror image and small shifts of both, averaged. All other "
        "numbers on this page are of one look.",
    )


def explore(model: ModelDirectory, labels: np.ndarray) -> None:
    """Draw the matrix and, beside it, the images of the cell, row or column that is chosen in it."""
    answers = caches.results(model)
    left, right = st.columns([5, 6], gap="medium")
    with right:  # first, because it settles what is chosen
        chosen = choose_pair()
        show_images(model.name, answers, labels, *chosen)
    with left:
        show_matrix(metrics.confusion(answers.raw, labels), chosen)
        st.download_button(
            "All its mistakes (CSV)",
            # made at once, in 20 ms: a click while the page is drawn would find a callable's file gone
            browse.mistakes_table(answers.calibrated, labels, gallery.notes()).to_csv(index=False),
            f"{model.name}-mistakes.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="Index, true and predicted class, calibrated confidence, human votes for the label, whether "
            "the label is rejected, and the near-duplicate in the training set.",
        )


def choose_pair() -> tuple[str, str]:
    shortcuts = st.container(horizontal=True)
    for true, predicted in (("cat", "dog"), ("dog", "cat"), ("automobile", "truck"), (ANY, ANY)):
        label = f"{true} → {predicted}" if true != ANY else "all mistakes"
        shortcuts.button(label, on_click=take_pair, args=(true, predicted), key=f"pair-{true}-{predicted}")
    left, right = st.columns(2)
    with left:
        true = selectbox_in_url("True class", [ANY, *CLASS_NAMES], "true", "cat")
    with right:
        predicted = selectbox_in_url("Taken for", [ANY, *CLASS_NAMES], "predicted", "dog")
    return true, predicted


def show_images(model: str, answers: Results, labels: np.ndarray, true: str, predicted: str) -> None:
    images = browse.select(answers.raw, labels, true, predicted)
    st.markdown(f"**{formats.count(len(images))}** {browse.describe(true, predicted)}")
    if len(images):
        gallery.show(images, {model: answers}, "mistakes")
    else:
        st.info("There is none: choose another pair.")


def show_matrix(matrix: np.ndarray, chosen: tuple[str, str]) -> None:
    measure = st.segmented_control(
        "Cells",
        ["Counts", "Rates"],
        default="Counts",
        required=True,
        key="cells",
        bind="query-params",
        help="Images, or the share of the true class.",
    )
    st.container(width=560).vega_lite_chart(
        charts.confusion_cells(matrix, measure == "Rates", chosen, clicks.turn()),
        charts.confusion_matrix(),
        key="matrix",
        on_select=take_cell,
        selection_mode="cell",
        alt="Confusion matrix: rows are true classes, columns are predictions",
    )
    st.caption(
        "Green: right. Orange: mistaken, darker the more often. Click a cell to see its images, or the name "
        "of a class to see all its mistakes."
    )


def take_cell() -> None:
    """Move the gallery to the clicked cell or class."""
    if cells := st.session_state["matrix"]["selection"]["cell"]:
        take_pair(cells[0]["true"], cells[0]["predicted"])


def show_curves(model: ModelDirectory) -> None:
    show_learning([model])


VIEWS = {
    "Per class": evaluate_views.show_per_class,
    "Calibration": evaluate_views.show_calibration,
    "Humans": evaluate_views.show_humans,
    "Robustness": evaluate_beyond.show_robustness,
    "None of these": evaluate_beyond.show_ood,
    "Curves": show_curves,
}
NEED_TEST_SET = {"Per class", "Calibration", "Humans"}

require_entry()
st.title("Evaluate", anchor=False)
model = choose_model()
if model is None:
    st.stop()
show_metrics(model.card())
show_intervals(model.card())
warn_if_validated_on_test(model)
test = caches.test_set_or_explain("The confusion matrix and the images")
if test is None:
    st.page_link("pages/data.py", label="Download it on the page Data", icon=":material/download:")
else:
    explore(model, test.labels)
views = [view for view in VIEWS if test is not None or view not in NEED_TEST_SET]
VIEWS[choose_view("evaluate", views)](model)
