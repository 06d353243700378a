"""Evaluate: how often a model is right, what it confuses, and the images it got wrong.

What is chosen stands in the URL: `?model=…&true=…&predicted=…&mistakes-sort=…&mistakes-page=…&view=…`.
"""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifar_core import charts, formats
from cifar_core.datasets.registry import CIFAR10
from cifar_core.evaluation import browse, metrics
from cifar_core.evaluation.browse import ANY
from cifar_core.recipe import REPORT
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Augmented, Card
from pages import require_entry
from pages.parts import averages, caches, clicks, evaluate_beyond, evaluate_map, evaluate_views, gallery
from pages.parts.caches import Results
from pages.parts.curves import show_learning
from pages.parts.evaluate_views import take_pair
from pages.parts.models import choose_model, warn_if_it_guesses, warn_if_validated_on_test
from pages.parts.url_state import choose_view, selectbox_in_url

FAMOUS = (("cat", "dog"), ("dog", "cat"), ("automobile", "truck"))  # of CIFAR-10's classes


def show_metrics(card: Card) -> None:
    reported = card["dataset"] == CIFAR10.name  # the report was about nothing else
    images, views = formats.count(card["test_images"]), card.get("test_time_augmentation")
    cells = st.grid(5, min_column_width=140)
    show_share(
        cells,
        "Accuracy",
        card,
        help=f"How many of the {images} test images it gets right. Below it is the 95 % interval (Wilson)."
        + (" The report from which this app began had 85 %." if reported else "")
        + f" `{card['command']}` recomputes all these numbers.",
    )
    if views:
        show_share(
            cells,
            f"With {views['views']} looks",
            views,
            help=f"The model looks at each image {views['views']} times: moved a little, and mirrored if "
            "that shows the same thing. Its answers are averaged. All other numbers on this page are for one "
            "look.",
        )
    cells.metric(
        "Loss",
        formats.loss(card["loss"]),
        help="How surprised the model is by the true class, on average (cross-entropy in nats). Lower is "
        "better." + (f" The report had {formats.loss(REPORT['loss'])}." if reported else ""),
    )
    cells.metric(
        "Macro F1",
        formats.percent(card["macro_f1"]),
        help="The balance of precision and recall, averaged over the classes.",
    )
    cells.metric(
        "Calibration error",
        formats.percent(card["calibration_error"]),
        help="How far its confidence is from how often it is right, on average (15 bins, Guo 2017). Before "
        f"it was corrected (temperature scaling), it was "
        f"{formats.percent(card['calibration_error_before'])}.",
    )


def show_share(place: DeltaGenerator, label: str, figures: Card | Augmented, help: str) -> None:
    """Show an accuracy and, below it, its interval."""
    low, high = (formats.percent(end) for end in figures["accuracy_interval"])
    place.metric(
        label,
        formats.percent(figures["accuracy"]),
        delta=f"{low} to {high}",
        delta_color="off",
        delta_arrow="off",
        help=help,
    )


def explore(model: ModelDirectory) -> None:
    """Draw the matrix and, beside it, the images of the cell, row or column that is chosen in it."""
    answers = caches.results(model)
    labels, class_names = answers.labels, answers.class_names
    matrix = metrics.confusion(answers.raw, labels)
    left, right = st.columns([5, 6], gap="medium")
    with right:  # first, because it settles what is chosen
        chosen = choose_pair(class_names, pairs_of_interest(matrix, class_names))
        show_images(model.name, answers, *chosen)
    with left:
        show_matrix(matrix, class_names, chosen)
        st.download_button(
            "All its mistakes (CSV)",
            # made at once, in 20 ms: a click while the page is drawn would find a callable's file gone
            browse.mistakes_table(
                answers.calibrated, labels, class_names, gallery.notes(answers.facts)
            ).to_csv(index=False),
            f"{model.name}-mistakes.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="One row for each mistake: its number, the true class, the answer, and how sure the model "
            "was. For CIFAR-10 also what people say about the label, and a training image that looks the "
            "same.",
        )


def pairs_of_interest(matrix: np.ndarray, class_names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs to begin with: the famous ones that it confuses, then its own worst, three in all."""
    confused = metrics.most_confused(matrix, class_names)
    own = list(zip(confused["true"], confused["predicted"], strict=True))
    famous = [pair for pair in FAMOUS if pair in own]
    return [*famous, *(pair for pair in own if pair not in famous)][: len(FAMOUS)]


def choose_pair(class_names: Sequence[str], shortcut_pairs: list[tuple[str, str]]) -> tuple[str, str]:
    shortcuts = st.container(horizontal=True)
    pairs = [*shortcut_pairs, (ANY, ANY)]
    for true, predicted in pairs:
        label = f"{true} → {predicted}" if true != ANY else "all mistakes"
        shortcuts.button(label, on_click=take_pair, args=(true, predicted), key=f"pair-{true}-{predicted}")
    left, right = st.columns(2)
    with left:
        true = selectbox_in_url("True class", [ANY, *class_names], "true", pairs[0][0])
    with right:
        predicted = selectbox_in_url("Taken for", [ANY, *class_names], "predicted", pairs[0][1])
    return true, predicted


def show_images(model: str, answers: Results, true: str, predicted: str) -> None:
    images = browse.select(answers.raw, answers.labels, answers.class_names, true, predicted)
    st.markdown(f"**{formats.count(len(images))}** {browse.describe(true, predicted, len(images))}")
    if len(images):
        gallery.show(images, {model: answers}, "mistakes")
    elif true == predicted == ANY:
        st.success("It got every test image right.", icon=":material/check_circle:")
    else:
        st.info("This model makes no such mistake. Choose another pair above.", icon=":material/info:")


def show_matrix(matrix: np.ndarray, class_names: Sequence[str], chosen: tuple[str, str]) -> None:
    measure = st.segmented_control(
        "Cells",
        ["Counts", "Rates"],
        default="Counts",
        required=True,
        key="cells",
        bind="query-params",
        help="Counts: how many images. Rates: their share of all images of the true class.",
    )
    st.container(width=560).vega_lite_chart(
        charts.confusion_cells(matrix, class_names, measure == "Rates", chosen, clicks.turn()),
        charts.confusion_matrix(class_names),
        key="matrix",
        on_select=take_cell,
        selection_mode="cell",
        alt="Confusion matrix: rows are true classes, columns are predictions",
    )
    st.caption(
        "Green: right. Orange: wrong. The stronger the colour, the more images. Click a cell to see its "
        "images. Click the name of a class to see all its mistakes."
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
    "Map": evaluate_map.show,
    "Curves": show_curves,
}
OF_CIFAR10 = {"Humans"}  # views of what is known of its images only

require_entry()
st.title("Evaluate", anchor=False)
which, numbers = st.columns([1, 3], gap="medium")
with which:
    model = choose_model()
if model is None:
    st.stop()
warn_if_it_guesses(model)
with numbers:
    show_metrics(model.card())
warn_if_validated_on_test(model)
averages.say_whose(model)
explore(model)
views = [view for view in VIEWS if view not in OF_CIFAR10 or model.facts().name == CIFAR10.name]
VIEWS[choose_view("evaluate", views)](model)
