"""What pages say of an average, which answers as any model and has no network of its own."""

import streamlit as st

from cifar_core.errors import CifarLabError
from cifar_core.runs import catalogue
from cifar_core.runs.members import members
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts.markdown import plain, told


def say_whose(model: ModelDirectory) -> None:
    """Say whose mean an average is; of any other model there is nothing to say."""
    if model.is_average:
        st.caption(f":material/info: It answers with the mean of what {_named(model)} say.")


def offer_members(model: ModelDirectory, page: str, needs: str) -> None:
    """Say that an average cannot do what needs one network, and lead to the same page for its members."""
    st.info(
        f"**{plain(model.title)}** is the average of {_named(model)}. It has no single network {needs}. "
        "Choose one of its members.",
        icon=":material/info:",
    )
    with st.container(horizontal=True):
        for member in _members(model):
            st.page_link(
                f"pages/{page}.py",
                label=plain(member.title),
                icon=":material/arrow_forward:",
                query_params={"model": member.name},
            )


def say_no_network(model: ModelDirectory, needs: str) -> None:
    """Say the same where no page can be led to."""
    st.caption(
        f"**{plain(model.title)}** is the average of {_named(model)}. It has no single network {needs}; "
        "choose one of its members."
    )


def _named(model: ModelDirectory) -> str:
    *others, last = [f"**{plain(title)}**" for title in catalogue.titles(_members(model)).values()] or [
        "others"
    ]
    return f"{', '.join(others)} and {last}" if others else last


def _members(model: ModelDirectory) -> list[ModelDirectory]:
    try:
        return members(model)
    except CifarLabError as error:
        st.warning(told(error), icon=":material/warning:")
        return []
