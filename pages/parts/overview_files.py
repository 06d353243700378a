"""A model as one file: for another machine, or in from one."""

import io
from collections.abc import Mapping
from functools import partial

import streamlit as st

from cifar_core.errors import CifarLabError
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import permission
from pages.parts.markdown import plain, told

_TAKEN = "taken-in"  # in the session: which model was taken in


def show(models: Mapping[str, ModelDirectory]) -> None:
    """Offer each model that has a network as a file, and take one in."""
    models = {name: model for name, model in models.items() if not model.is_average}
    with st.expander(
        "A model as a file", icon=":material/drive_file_move:", expanded=_TAKEN in st.session_state
    ):
        if not permission.explain():
            return
        out, into = st.columns(2, gap="large")
        with out:
            show_out(models)
        with into:
            show_in()


def show_out(models: Mapping[str, ModelDirectory]) -> None:
    st.markdown("**For another machine:** the network and its results, without pictures.")
    if not models:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Model", list(models), key="pack-model", width=240)
        st.download_button(
            f"Download {name}.zip",
            partial(packed, models[name]),  # once it is asked for
            f"{name}.zip",
            key="pack",
            icon=":material/download:",
            on_click="ignore",
        )


def packed(model: ModelDirectory) -> bytes:
    from cifar_core.deploy import packing  # with ONNX Runtime, which the first page does without

    buffer = io.BytesIO()
    packing.pack(model, buffer)
    return buffer.getvalue()


def show_in() -> None:
    st.markdown("**From another machine:** it is checked first, and runs no code.")
    if name := st.session_state.get(_TAKEN):
        st.success(f"“{plain(name)}” is here.", icon=":material/check_circle:")
    file = st.file_uploader("A packed model", type="zip", key="unpack-file")
    name = st.text_input("Name", placeholder="as it was called", max_chars=64, key="unpack-name").strip()
    if not st.button("Take it in", icon=":material/input:", key="unpack", disabled=file is None):
        return
    assert file is not None
    from cifar_core.deploy import packing

    try:
        permission.check()
        with st.spinner("Looking at it"):
            run = packing.unpack(file, name or None)
    except CifarLabError as error:
        st.error(told(error))
        return
    st.session_state[_TAKEN] = run.name
    st.rerun()
