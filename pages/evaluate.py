"""Evaluate: how often a model is right, what it confuses, and the images it got wrong."""

import numpy as np
import streamlit as st

from cifar_core import browse, charts, formats, metrics
from cifar_core.dataset import CLASS_NAMES
from cifar_core.model_dir import ModelDirectory
from pages import gallery, shared
from pages.shared import Results

ANY = "any class"
REPORT = {"accuracy": 0.85, "loss": 0.64}


def show_metrics(model: ModelDirectory) -> None:
    card = model.card()
    low, high = card["accuracy_interval"]
    cells = st.grid(4, min_column_width=170)
    cells.metric(
        "Accuracy",
        formats.percent(card["accuracy"]),
        border=True,
        delta=f"{(card['accuracy'] - REPORT['accuracy']) * 100:+.1f} points",
        delta_description="vs the report",
        help=f"Share of the 10,000 test images it gets right. 95 % interval: {formats.percent(low)} to "
        f"{formats.percent(high)} (Wilson).",
    )
    cells.metric(
        "Loss",
        formats.loss(card["loss"]),
        border=True,
        delta_color="inverse",
        delta=f"{card['loss'] - REPORT['loss']:+.3f}",
        delta_description="vs the report",
        help="Mean cross-entropy in nats: how surprised the model is by the true class. Lower is better.",
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
        delta=f"{(card['calibration_error'] - card['calibration_error_before']) * 100:+.1f} points",
        delta_description="by temperature scaling",
        help="How far its confidence is from how often it is right, on average (15 bins, Guo 2017).",
    )
    st.caption(
        f"95 % interval of the accuracy: {formats.percent(low)} to {formats.percent(high)} · "
        f"`{card['command']}`"
    )
    if augmented := card.get("test_time_augmentation"):  # not on older cards
        low, high = augmented["accuracy_interval"]
        st.caption(
            f"Looking {augmented['views']} times at each image: {formats.percent(augmented['accuracy'])} "
            f"accuracy, 95 % interval {formats.percent(low)} to {formats.percent(high)}",
            help="The answers for the image, its mirror image and small shifts of both, averaged. All other "
            "numbers on this page are of one look.",
        )
    shared.warn_if_validated_on_test(model)


def show_matrix(matrix: np.ndarray) -> None:
    measure = st.segmented_control(
        "Cells",
        ["Counts", "Rates"],
        default="Counts",
        required=True,
        key="cells",
        bind="query-params",
        help="Images, or the share of the true class.",
    )
    dark = st.context.theme.type == "dark"
    names = (st.session_state.get("true"), st.session_state.get("predicted"))
    chosen = tuple(CLASS_NAMES.index(name) if name in CLASS_NAMES else -1 for name in names)
    st.container(width=560).altair_chart(
        charts.confusion_matrix(matrix, measure == "Rates", chosen, dark),
        key="matrix",
        on_select=take_cell,
        selection_mode="cell",
        alt="Confusion matrix: rows are true classes, columns are predictions",
    )
    st.caption("Green: right. Orange: mistaken, darker the more often. Click a cell to see its images.")


def take_cell() -> None:
    """Move the gallery to the clicked cell."""
    if cells := st.session_state["matrix"]["selection"]["cell"]:
        take_pair(cells[0]["true"], cells[0]["predicted"])


def take_pair(true: str, predicted: str) -> None:
    st.query_params.update(true=true, predicted=predicted)


def show_gallery(model: str, answers: Results, labels: np.ndarray) -> None:
    shortcuts = st.container(horizontal=True)
    for true, predicted in (("cat", "dog"), ("dog", "cat"), ("automobile", "truck"), (ANY, ANY)):
        label = f"{true} → {predicted}" if true != ANY else "all mistakes"
        shortcuts.button(label, on_click=take_pair, args=(true, predicted), key=f"pair-{true}-{predicted}")
    left, right = st.columns(2)
    with left:
        true = shared.selectbox_in_url("True class", [ANY, *CLASS_NAMES], "true", "cat")
    with right:
        predicted = shared.selectbox_in_url("Taken for", [ANY, *CLASS_NAMES], "predicted", "dog")
    rows = browse.select(
        answers.raw,
        labels,
        None if true == ANY else CLASS_NAMES.index(true),
        None if predicted == ANY else CLASS_NAMES.index(predicted),
    )
    recognised = true == predicted != ANY
    st.markdown(f"**{formats.count(len(rows))}** images {'recognised' if recognised else 'mistaken'}")
    if not len(rows):
        st.info("There is none: choose another pair.")
        return
    gallery.show(rows, {model: answers}, "gallery")


def show_per_class(answers: Results, labels: np.ndarray) -> None:
    table = metrics.per_class(answers.raw, labels)
    chart, numbers = st.columns(2)
    chart.altair_chart(charts.per_class(table), alt="Precision, recall and F1 of each class")
    numbers.dataframe(
        table.assign(**{name: table[name] * 100 for name in ("precision", "recall", "f1")}),
        hide_index=True,
        height="content",
        alt="Precision, recall and F1 of each class",
        column_config={
            "precision": st.column_config.NumberColumn(
                format="%.1f %%", help="Of what it calls so, how much is."
            ),
            "recall": st.column_config.NumberColumn(
                format="%.1f %%", help="Of what is so, how much it finds."
            ),
            "f1": st.column_config.NumberColumn("F1", format="%.1f %%", help="The balance of the two."),
            "support": st.column_config.NumberColumn("images", format="localized"),
        },
    )


def show_pairs(matrix: np.ndarray) -> None:
    table = metrics.most_confused(matrix).head(15)
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        alt="The most confused pairs",
        column_config={
            "predicted": "taken for",
            "count": "images",
            "rate": st.column_config.ProgressColumn(
                "of its class", format="percent", min_value=0, max_value=float(table["rate"].max())
            ),
        },
    )


def show_calibration(answers: Results, labels: np.ndarray, temperature: float) -> None:
    chart, words = st.columns([3, 2])
    chart.altair_chart(
        charts.reliability(
            metrics.reliability(answers.raw, labels), metrics.reliability(answers.calibrated, labels)
        ),
        alt="Reliability diagram: accuracy against confidence, before and after temperature scaling",
    )
    words.markdown(
        "Of the images about which the model is 80 % sure, it should get 80 % right: the dashed line. Below "
        "the line it is too sure of itself, above it too modest.\n\n"
        "One number, fitted on the validation images, corrects it: a temperature of "
        f"**{temperature:.2f}** (above 1 humbler, below 1 bolder; Guo 2017)."
    )


st.title("Evaluate", anchor=False)
model = shared.choose_model()
if model is None:
    st.stop()
show_metrics(model)
test = shared.test_set_or_explain("The confusion matrix and the gallery")
curve = charts.Curve(model.name, model.steps(), model.history())
if test is None:  # the curves need no images
    shared.show_curves([curve], model.card()["epochs"])
else:
    answers = shared.results(model)
    matrix = metrics.confusion(answers.raw, test.labels)
    left, right = st.columns([5, 6], gap="medium")
    with right:
        show_gallery(model.name, answers, test.labels)
    with left:
        show_matrix(matrix)
    detail = st.segmented_control(
        "Detail",
        ["Per class", "Most confused", "Calibration", "Curves"],
        default="Per class",
        required=True,
        key="detail",
        bind="query-params",
        label_visibility="collapsed",
    )
    match detail:
        case "Per class":
            show_per_class(answers, test.labels)
        case "Most confused":
            show_pairs(matrix)
        case "Calibration":
            show_calibration(answers, test.labels, model.card()["temperature"])
        case "Curves":
            shared.show_curves([curve], model.card()["epochs"])
