"""Overview: what this is, three ways to begin, the models there are, and what is on this machine."""

import streamlit as st

from cifar_core import formats, hardware
from cifar_core.datasets.registry import CIFAR10
from cifar_core.runs.model_dir import ModelDirectory
from pages import require_entry
from pages.parts import downloads, overview_files
from pages.parts.markdown import plain
from pages.parts.models import readable_models, warn_if_it_guesses, warn_if_validated_on_test

# The shortest way to an answer: a test image, or where those are missing a photograph that is always here.
TEST_IMAGE, PHOTOGRAPH = {"image": "12"}, {"example": "flower"}


def show_beginnings() -> None:
    cells = st.grid(3, min_column_width=280)
    classify, mistakes, train = (cells.container(border=True, height="stretch") for _ in range(3))
    with classify:
        st.markdown("**Classify a picture**  \nSee what a model takes it for, how sure it is, and why.")
        with st.container(horizontal=True):
            st.page_link("pages/classify.py", label="Use your own", icon=":material/image_search:")
            example = TEST_IMAGE if CIFAR10.available() else PHOTOGRAPH
            st.page_link(
                "pages/classify.py",
                label="Try an example",
                icon=":material/photo_library:",
                query_params=example,
            )
    with mistakes:
        st.markdown("**See the mistakes**  \nLook at the cats that it takes for dogs.")
        st.page_link("pages/evaluate.py", label="Show the mistakes", icon=":material/grid_on:")
    with train:
        how_long = "a few minutes" if CIFAR10.available() else "half a minute, on handwritten digits"
        st.markdown(f"**Train your own**  \nWatch it learn. The quickest takes {how_long}.")
        st.page_link("pages/train.py", label="Choose a recipe", icon=":material/model_training:")


def show_model(model: ModelDirectory) -> None:
    card = model.card()
    low, high = card["accuracy_interval"]
    # Not as the label of the number, which would be cut off where it is long.
    st.markdown(
        f"**{plain(model.title)}**",
        help=f"Share of the {formats.count(card['test_images'])} test images it gets right, and where that "
        "share would lie on endlessly many such images.",
    )
    st.metric(
        plain(model.title),
        formats.percent(card["accuracy"]),
        f"{formats.percent(low)} to {formats.percent(high)}",
        delta_color="off",
        delta_arrow="off",
        delta_description="95 % interval",
        label_visibility="collapsed",
    )
    data = "" if card["dataset"] == CIFAR10.name else f" on {card['dataset']}"
    recipe = model.recipe()
    after = f" after “{plain(recipe.starts_from)}”" if recipe.starts_from else ""
    st.caption(
        f"{plain(recipe.title)}{data}  \ntrained in {formats.duration(card['training_seconds'])}{after} · "
        f"{formats.count(card['parameters'])} parameters"
    )
    warn_if_it_guesses(model)
    warn_if_validated_on_test(model)
    this = {"model": model.name}
    with st.container(horizontal=True):
        st.page_link("pages/classify.py", label="Classify", icon=":material/image_search:", query_params=this)
        st.page_link("pages/evaluate.py", label="Mistakes", icon=":material/grid_on:", query_params=this)


def show_machine() -> None:
    st.markdown(
        f":material/memory: {hardware.describe()}  \n"
        f":material/memory_alt: {formats.size_in_bytes(hardware.free_memory())} of memory free"
    )
    if CIFAR10.available():  # whose path is nobody's business where the app is hosted
        st.markdown(":material/photo_library: CIFAR-10 is here; `python -m cifar_core data` says where")
    else:
        downloads.offer(
            CIFAR10, "With them, you see the mistakes themselves and train on them.", "overview", "secondary"
        )


require_entry()
st.title("CIFAR Lab", anchor=False)
st.markdown(
    "Train an image classifier on your own computer, watch it learn, and see where it goes wrong and why. "
    "It learns from CIFAR-10: 60,000 tiny pictures of ten kinds of things."
)
show_beginnings()
st.subheader("Models", anchor=False)
if models := readable_models():
    cards = st.grid("auto", min_column_width=280)
    for model in sorted(
        models.values(), key=lambda model: not model.own
    ):  # what the visitor made comes first
        with cards.container(border=True):
            show_model(model)
else:
    st.info("No model has been trained yet. **Train your own** takes a few minutes.", icon=":material/info:")
overview_files.show(models)
st.subheader("This machine", anchor=False)
show_machine()
