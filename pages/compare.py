"""Compare: models on the same images, in numbers, class by class, and one against another."""

import numpy as np
import streamlit as st

from cifar_core import charts, formats
from cifar_core.annotations import sources
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import CifarLabError
from cifar_core.evaluation import comparison, metrics, ranking
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages import require_entry
from pages.parts import caches, compare_average, compare_duel, compare_table, downloads, public_lists
from pages.parts.curves import show_learning
from pages.parts.markdown import plain, told
from pages.parts.models import offer_training, readable_models, warn_if_gone
from pages.parts.tables import show_table, two_lines
from pages.parts.url_state import choose_view

PREFERRED = ("cnn", "vgg16")
MOST = 5  # models at once: as many as have a colour of their own
ORIGINAL = "original test set"
IMAGES = "*images*"  # a column that no model can be called: its name would have the stars escaped


def choose(models: dict[str, ModelDirectory]) -> list[ModelDirectory]:
    """Let the visitor choose models, `?models=a,b`."""
    default = first_models(models)
    linked = st.query_params["models"].split(",") if "models" in st.query_params else None
    asked = st.session_state.get("compared", default) if linked is None else linked
    known = [name for name in dict.fromkeys(asked) if name in models][:MOST]
    st.session_state["compared"] = of_one_dataset(models, known) if known or not asked else default
    there = {*models, *catalogue.damaged_models()}  # of which it is said already that they are left out
    warn_if_gone(linked or [], there, st.session_state["compared"])

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
        format_func=catalogue.titles(models.values()).__getitem__,
        max_selections=MOST,
        on_change=write_url,
        placeholder="Choose two or more",
    )
    write_url()
    return [models[name] for name in st.session_state["compared"]]


def first_models(models: dict[str, ModelDirectory]) -> list[str]:
    """Return the two models to begin with, of one dataset."""
    accuracies = {name: float(model.card()["accuracy"]) for name, model in models.items()}
    [first, *_] = ranking.first_choice(accuracies, PREFERRED)
    test = models[first].facts().tested_on
    alike = {name: accuracies[name] for name, model in models.items() if model.facts().tested_on == test}
    return ranking.first_choice(alike, PREFERRED)


def of_one_dataset(models: dict[str, ModelDirectory], names: list[str]) -> list[str]:
    """Keep the models of the first one's dataset, and say which were left out."""
    tests = [models[name].facts().tested_on for name in names]
    kept = [name for name, test in zip(names, tests, strict=True) if test == tests[0]]
    if left_out := [name for name in names if name not in kept]:
        st.info(
            "Models can only be compared on the same test images. So "
            f"{', '.join(f'“{plain(models[name].title)}”' for name in left_out)} cannot be compared with "
            f"“{plain(models[kept[0]].title)}”. Clear the choice to compare other models.",
            icon=":material/info:",
        )
    return kept


def show_per_class(models: list[ModelDirectory]) -> None:
    titles = catalogue.titles(models)
    answers = {titles[model.name]: caches.results(model) for model in models}
    [first, *_] = answers.values()
    table = comparison.f1_by_class(
        {name: each.raw for name, each in answers.items()}, first.labels, first.class_names
    )
    chart, numbers = st.columns([3, 2])
    chart.altair_chart(charts.f1_by_class(table), alt="F1 of each model in each class, the hardest first")
    chart.caption(
        "F1 of each class, the hardest first",
        help="F1 is the balance of precision (when it answers with this class: how often that is right) and "
        "recall (of the images of this class: how many it finds).",
    )
    numbers.dataframe(
        table * 100,
        height="content",
        alt="F1 of each model in each class",
        column_config={str(name): st.column_config.NumberColumn(format="%.1f %%") for name in table},
    )


def show_curves(models: list[ModelDirectory]) -> None:
    show_learning(models)
    st.caption(
        "Pale lines: training. Strong lines with dots: validation; the best epoch has a ring. Some recipes "
        "soften the labels in training, so their loss is higher here than in the table. To compare recipes, "
        "look at the accuracy."
    )


def show_cleaner_test_sets(models: list[ModelDirectory]) -> None:
    missing: list[str] = []
    titles = catalogue.titles(models)
    answers = {titles[model.name]: caches.results(model) for model in models}
    right = {name: metrics.correct(each.raw, each.labels) for name, each in answers.items()}
    sets = {ORIGINAL: np.ones(CIFAR10.sizes["test"], dtype=bool)}
    try:
        missing = sources.missing()
        sets.update(public_lists.here().cleaner_test_sets())
    except CifarLabError as error:
        st.warning(told(error), icon=":material/fact_check:")
    table = comparison.on_test_sets(right, sets)
    st.altair_chart(
        charts.cleaner_test_sets(table), alt="Accuracy of each model on each test set, with 95 % intervals"
    )
    written = [
        f"{formats.percent(accuracy)}  \n{low * 100:.1f} to {high * 100:.1f}"
        for accuracy, low, high in table[["accuracy", "low", "high"]].itertuples(index=False)
    ]
    by_model = table.assign(written=written).pivot(index="test_set", columns="model", values="written")
    shown = (
        by_model.loc[list(sets), list(right)].rename(index=two_lines, columns=plain).rename_axis("test set")
    )
    shown.insert(0, IMAGES, [formats.count(int(mask.sum())) for mask in sets.values()])
    show_table(
        shown,
        alt="Accuracy of each model on each test set, with 95 % intervals",
    )
    st.caption(
        "Below each accuracy, and as lines in the chart: Wilson's 95 % interval. Rejected labels: five "
        "people looked again, and no majority agreed with the label (Northcutt 2021). Near-duplicates: a "
        "training image is almost the same (Barz 2020). Images humans agree on: about 50 people saw each, "
        "and all chose the same class (Peterson 2019)."
    )
    if missing:
        downloads.offer_lists(missing, "Without them, the test sets that need them are left out.", "compare")


VIEWS = {
    "Per class": show_per_class,
    "Who is right": compare_duel.show,
    "Average": compare_average.show,
    "Curves": show_curves,
    "Cleaner test sets": show_cleaner_test_sets,
}
OF_CIFAR10 = {"Cleaner test sets"}  # views of what is known of its images only

require_entry()
st.title("Compare", anchor=False)
models = readable_models()
if not models:
    offer_training("There is no finished model yet, and a comparison takes two.")
    st.stop()
chosen = choose(models)
if chosen:
    compare_table.show(chosen)
if len(models) < 2:
    offer_training("There is only one finished model, and a comparison takes two.")
    st.stop()
if len(chosen) == 1:
    [alone] = chosen
    about = alone.facts()
    if sum(model.facts().tested_on == about.tested_on for model in models.values()) == 1:
        offer_training(
            f"“{plain(alone.title)}” is the only model that learned from “{plain(about.name)}”: a comparison "
            "takes two."
        )
        st.stop()
if len(chosen) < 2:
    st.info("Choose two models or more to see how they differ.", icon=":material/info:")
    st.stop()
views = [view for view in VIEWS if view not in OF_CIFAR10 or chosen[0].facts().name == CIFAR10.name]
VIEWS[choose_view("compare", views)](chosen)
