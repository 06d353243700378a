"""Overview: what this is, the models there are, and three ways to begin."""

import psutil
import streamlit as st

from cifar_core import dataset, formats, hardware, model_dir
from cifar_core.errors import CifarLabError

st.title("CIFAR Lab", anchor=False)
st.markdown(
    "Train an image classifier on your own processor, watch it learn, and find out where and why it errs. "
    "The data are CIFAR-10: 60,000 pictures of ten kinds of things, each only 32 by 32 pixels."
)

begin = st.grid(3, min_column_width=240)
begin.page_link("pages/train.py", label="**Train your own** in two minutes", icon=":material/model_training:")
begin.page_link(
    "pages/evaluate.py", label="**See the mistakes**: why is that cat a dog?", icon=":material/grid_on:"
)
begin.page_link(
    "pages/classify.py", label="**Classify a picture** or the webcam", icon=":material/image_search:"
)

st.subheader("Models", anchor=False)
models = model_dir.models()
if not models:
    st.info("No model has been trained yet. **Train your own** takes two minutes.", icon=":material/info:")
cards = st.grid("auto", min_column_width=300)
for model in models:
    card, recipe = model.card(), model.recipe()
    low, high = card["accuracy_interval"]
    history = model.history()
    with cards.container(border=True):
        st.metric(
            f"{model.name} · {recipe.title}",
            formats.percent(card["accuracy"]),
            f"{formats.percent(low)} to {formats.percent(high)}",
            delta_color="off",
            delta_arrow="off",
            delta_description="95 % interval",
            chart_data=history["val_accuracy"].tolist() if len(history) > 1 else None,
            help="Share of the 10,000 test images it gets right.",
        )
        st.caption(
            f"trained in {formats.duration(card['training_seconds'])} · "
            f"{formats.count(card['parameters'])} parameters"
        )
        with st.container(horizontal=True):
            st.page_link("pages/evaluate.py", label="Mistakes", query_params={"model": model.name})
            st.page_link("pages/classify.py", label="Classify", query_params={"model": model.name})

st.subheader("This machine", anchor=False)
memory = psutil.virtual_memory()
st.markdown(
    f":material/memory: {hardware.describe()}, {formats.size_in_bytes(memory.available)} of "
    f"{formats.size_in_bytes(memory.total)} memory free"
)
try:
    st.markdown(f":material/photo_library: CIFAR-10 is in `{dataset.locate()}`")
except CifarLabError as error:
    st.warning(str(error), icon=":material/photo_library:")
