"""Compare: models on the same images, in numbers, class by class, and one against another."""

import numpy as np
import streamlit as st

from cifar_core import charts, formats
from cifar_core.annotations import lists, sources
from cifar_core.datasets import cifar10
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import comparison, metrics, ranking
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages import require_entry
from pages.parts import compare_duel, compare_table, downloads, model_list, shared

PREFERRED = ("cnn", "vgg16")
MOST = 5  # models at once: as many as have a colour of their own
VIEWS = ["Per class", "Who is right", "Curves", "Cleaner test sets"]
ORIGINAL = "original test set"


def choose(models: dict[str, ModelDirectory]) -> list[ModelDirectory]:
    """Let the visitor choose models, `?models=a,b`."""
    accuracies = {name: float(model.card()["accuracy"]) for name, model in models.items()}
    default = ranking.first_choice(accuracies, PREFERRED)
    linked = st.query_params["models"].split(",") if "models" in st.query_params else None
    asked = st.session_state.get("compared", default) if linked is None else linked
    known = [name for name in dict.fromkeys(asked) if name in models][:MOST]
    st.session_state["compared"] = known if known or not asked else default
    there = {*models, *catalogue.damaged_models()}  # of which it is said already that they are left out
    shared.warn_if_gone(linked or [], there, st.session_state["compared"])

    def write_url() -> None:
        if st.session_state["compared"]:
            st.query_params["models"] = ",".join(st.session_state["compared"])
        else:
            st.query_params.pop("models", None)

    st.multiselect(
        "Models",
        list(models),
        key="compared",
        persist_state="session",
        max_selections=MOST,
        on_change=write_url,
        placeholder="Choose two or more",
    )
    write_url()
    return [models[name] for name in st.session_state["compared"]]


def show_per_class(models: list[ModelDirectory], labels: np.ndarray) -> None:
    table = comparison.f1_by_class({model.name: shared.results(model).raw for model in models}, labels)
    chart, numbers = st.columns([3, 2])
    chart.altair_chart(charts.f1_by_class(table), alt="F1 of each model in each class, the hardest first")
    chart.caption(
        "F1 of each class, the hardest first",
        help="The balance of precision (of what it calls so, how much is) and recall (of what is so, how "
        "much it finds).",
    )
    numbers.dataframe(
        table * 100,
        height="content",
        alt="F1 of each model in each class",
        column_config={str(name): st.column_config.NumberColumn(format="%.1f %%") for name in table},
    )


def show_curves(models: list[ModelDirectory]) -> None:
    shared.show_learning(models)
    st.caption(
        "Pale lines: training. Strong lines with dots: validation, the best epoch ringed. The loss is that "
        "of training, on softened labels where the recipe softens them: it is higher than in the table, and "
        "between recipes the accuracies compare better."
    )


@st.cache_data(max_entries=2, show_spinner=False)
def cleaner_test_sets(missing: tuple[str, ...]) -> dict[str, np.ndarray]:  # noqa: ARG001, lists may arrive
    return lists.cleaner_test_sets()


def show_cleaner_test_sets(models: list[ModelDirectory], labels: np.ndarray) -> None:
    missing: list[str] = []
    sets = {ORIGINAL: np.ones(cifar10.TEST_SIZE, dtype=bool)}
    try:
        missing = sources.missing()
        sets.update(cleaner_test_sets(tuple(missing)))
    except CifarLabError as error:
        st.warning(str(error), icon=":material/fact_check:")
    right = {model.name: metrics.correct(shared.results(model).raw, labels) for model in models}
    table = comparison.on_test_sets(right, sets)
    st.altair_chart(
        charts.cleaner_test_sets(table), alt="Accuracy of each model on each test set, with 95 % intervals"
    )
    written = [
        f"{formats.percent(accuracy)}  \n{low * 100:.1f} to {high * 100:.1f}"
        for accuracy, low, high in table[["accuracy", "low", "high"]].itertuples(index=False)
    ]
    st.table(
        table.assign(written=written, images=table["images"].map(formats.count))
        .pivot(index=["test_set", "images"], columns="model", values="written")
        .loc[list(sets), [model.name for model in models]]
        .reset_index("images")
        .rename(index=shared.two_lines)
        .rename_axis("test set"),
        border="horizontal",
        width=shared.AS_WIDE_AS_THE_PAGE,
        alt="Accuracy of each model on each test set, with 95 % intervals",
    )
    st.caption(
        "Below each accuracy, and as lines: Wilson's 95 % interval. Rejected labels: five people looked "
        "again and no majority confirmed the label (Northcutt 2021). Near-duplicates: the training set holds "
        "almost the same picture (Barz 2020). Images humans agree on: about 50 people saw each, and all "
        "chose the same class (Peterson 2019)."
    )
    if missing:
        downloads.offer_lists(missing, "Without them, the test sets that need them are left out.", "compare")


require_entry()
st.title("Compare", anchor=False)
models = model_list.readable()
if not models:
    shared.offer_training("There is no finished model yet, and a comparison takes two.")
    st.stop()
chosen = choose(models)
if chosen:
    compare_table.show(chosen)
if len(models) < 2:
    shared.offer_training("There is only one finished model, and a comparison takes two.")
    st.stop()
if len(chosen) < 2:
    st.info("Choose two models or more to see how they differ.", icon=":material/info:")
    st.stop()
view = shared.segments_in_url("View", VIEWS, "view", "compare-view", VIEWS[0])
if view == "Curves":  # they need no images
    show_curves(chosen)
elif test := shared.test_set_or_explain(f"“{view}”"):
    match view:
        case "Per class":
            show_per_class(chosen, test.labels)
        case "Who is right":
            compare_duel.show(chosen, test.labels)
        case "Cleaner test sets":
            show_cleaner_test_sets(chosen, test.labels)
