"""Which models there are, which one the visitor chooses, and what is to be known of it.

The first page needs some of it: nothing is imported here that it would have to wait for.
"""

from collections.abc import Container, Sequence

import streamlit as st

from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts.markdown import plain, told
from pages.parts.url_state import selectbox_in_url

NO_MODEL = "There is no finished model yet."
_MOST_GONE = 5  # of a link's models that are not there, who are named


def readable_models() -> dict[str, ModelDirectory]:
    """Return the models there are by name, but for those whose results are damaged, which it says."""
    for name, problem in catalogue.damaged_models().items():
        st.warning(f"“{plain(name)}” is left out. {told(problem)}", icon=":material/warning:")
    return {model.name: model for model in catalogue.models()}


def choose_model() -> ModelDirectory | None:
    """Let the visitor choose a model with results, `?model=…`; None if there is none."""
    models = {model.name: model for model in catalogue.models()}
    if not models:
        offer_training(NO_MODEL)
        return None
    names = list(models)
    warn_if_gone([st.query_params.get("model", "")], names, names[:1])
    titles = catalogue.titles(models.values())
    return models[selectbox_in_url("Model", names, "model", names[0], titles.__getitem__)]


def warn_if_gone(linked: Sequence[str], there: Container[str], shown: Sequence[str]) -> None:
    """Say which models of a link are not there or damaged, and what is shown."""
    if not (gone := [name for name in linked if name and name not in there]):
        return
    damaged = catalogue.damaged_models()
    problems = [
        told(damaged[name]) if name in damaged else f"There is no finished model “{plain(name)}”."
        for name in gone[:_MOST_GONE]
    ]
    here = ", ".join(f"“{plain(name)}”" for name in shown)
    st.warning(f"{' '.join(problems)} What is shown: {here}.", icon=":material/warning:")


def warn_if_validated_on_test(model: ModelDirectory) -> None:
    """Say so where a model's training looked at the test set."""
    if model.recipe().validation == "test":
        st.caption(
            ":material/info: Like the original report, this recipe looked at the test set to decide when to "
            "stop, so its test accuracy is a little too high."
        )


def warn_if_it_guesses(model: ModelDirectory) -> None:
    """Say so where a model learned next to nothing."""
    if warning := model.card().get("warning"):
        st.warning(plain(f"“{model.title}”: {warning}"), icon=":material/warning:")


def offer_training(what_is_missing: str) -> None:
    """Say what is missing without another model, and lead to where one is trained."""
    st.info(what_is_missing, icon=":material/info:")
    st.page_link("pages/train.py", label="Train one in a few minutes", icon=":material/model_training:")
