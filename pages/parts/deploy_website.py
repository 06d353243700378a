"""The website on the Deploy page: what to type to have one that asks the served model about pictures."""

import streamlit as st

from cifar_core.deploy import container, vertex
from cifar_core.runs.model_dir import ModelDirectory

SHOWN = {"app.py": "python", "templates/index.html": "html", "Dockerfile": "docker"}  # and how it is coloured


def introduce() -> None:
    """Say what it is."""
    st.markdown(
        "A website of your own, for people who only want an answer: they drop a picture, it asks TensorFlow "
        "Serving, and shows class, confidence and doubt as **Classify** does. It keeps no picture.",
        help="A small Flask app, yours to change. It takes JPEG and PNG, 10 MB at most.",
    )


def show(model: ModelDirectory) -> None:
    """Draw what starts the website, and its files."""
    st.subheader("2 · Start", anchor=False)
    st.markdown("Server and website together, with Docker:")
    name = container.website_compose_name(model.name)
    st.code(f"docker compose -f serving/{name} up", language=None, wrap_lines=True)
    st.markdown(f"Then open {container.WEBSITE_URL} on that computer.")
    with st.expander("The website alone, without Docker"):
        st.markdown("For a model that TensorFlow Serving has on this computer:")
        st.code(container.website_command(model.name), language=None, wrap_lines=True)
        st.markdown(
            "For an endpoint on Vertex AI, with your own account and the number that the first line prints:"
        )
        st.code(container.website_command_on_vertex(vertex.EXAMPLE), language=None, wrap_lines=True)
    with st.expander("What the export wrote for it"):
        st.caption(name)
        st.code(container.website_compose(model.name), language="yaml")
        for file, language in SHOWN.items():
            st.caption(f"{container.WEBSITE}/{file}")
            st.code(container.website(file), language=language)
