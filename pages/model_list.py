"""The models that a page can show. Apart from `shared`, whose libraries the first page would wait for."""

import streamlit as st

from cifar_core import model_dir
from cifar_core.model_dir import ModelDirectory


def readable() -> dict[str, ModelDirectory]:
    """Return the models there are by name, but for those whose results are damaged, which it says."""
    for name, problem in model_dir.damaged_models().items():
        st.warning(f"“{name}” is left out. {problem}", icon=":material/warning:")
    return {model.name: model for model in model_dir.models()}
