"""What pages say of models. Apart from `shared`, whose libraries the first page would wait for."""

import streamlit as st

from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory


def readable() -> dict[str, ModelDirectory]:
    """Return the models there are by name, but for those whose results are damaged, which it says."""
    for name, problem in catalogue.damaged_models().items():
        st.warning(f"“{name}” is left out. {problem}", icon=":material/warning:")
    return {model.name: model for model in catalogue.models()}


def warn_if_validated_on_test(model: ModelDirectory) -> None:
    """Say so where a model's training looked at the test set."""
    if model.recipe().validation == "test":
        st.caption(
            ":material/info: Like the original report, this recipe looked at the test set to decide when to "
            "stop, so its test accuracy is a little optimistic."
        )
