"""The models that a page can show. Apart from `shared`, whose libraries the first page would wait for."""

import streamlit as st

from cifar_core import model_dir
from cifar_core.errors import CifarLabError
from cifar_core.model_dir import ModelDirectory


def readable() -> dict[str, ModelDirectory]:
    """Return the models there are by name, but for those whose results are damaged, which it says."""
    found = {}
    for model in model_dir.models():
        try:
            model.card()
            model.recipe()
        except CifarLabError as error:
            st.warning(f"“{model.name}” is left out. {error}", icon=":material/warning:")
        else:
            found[model.name] = model
    return found
