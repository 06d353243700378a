"""Vertex AI on the Deploy page: what to type to have Google Cloud host a model, and what that costs."""

import streamlit as st

from cifar_core.deploy import vertex
from cifar_core.deploy.google_calls import Place
from cifar_core.runs.model_dir import ModelDirectory

FIELDS = {
    "project": "The id of your Google Cloud project.",
    "region": "Where the machines stand.",
    "bucket": "A bucket of Cloud Storage, where the model's files go.",
}


def show(model: ModelDirectory) -> None:
    """Draw the commands for a project, a region and a bucket of the visitor's."""
    st.markdown(
        "Google Cloud runs the model in TensorFlow Serving, on as many machines as it needs. Type the "
        "commands on your own computer, with your own account. This app sees neither."
    )
    columns = zip(st.columns(len(FIELDS)), FIELDS.items(), strict=True)
    place = Place(
        **{
            name: column.text_input(
                name.capitalize(),
                getattr(vertex.EXAMPLE, name),
                key=name,
                persist_state="session",
                help=what,
            )
            for column, (name, what) in columns
        }
    )
    cost = vertex.cost(place, model.name, vertex.MACHINE, min_replicas=1, max_replicas=1)
    for number, (what, typed) in enumerate(vertex.commands(model.name, place), start=1):
        st.markdown(f"**{number} · {what}**")
        st.code(typed, language=None, wrap_lines=True)
        if what == vertex.COSTLY:
            st.warning(cost, icon=":material/payments:")
