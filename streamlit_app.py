"""CIFAR Lab: `streamlit run streamlit_app.py`. The pages, and what they all share."""

import streamlit as st

from cifar_core import hardware

hardware.hold_little_memory()
st.secrets.load_if_toml_exists()  # the settings in it become environment variables
st.set_page_config(page_title="CIFAR Lab", page_icon=":material/grid_view:", layout="wide")
st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("pages/data.py", title="Data", icon=":material/photo_library:"),
        st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
        st.Page("pages/evaluate.py", title="Evaluate", icon=":material/grid_on:"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page("pages/classify.py", title="Classify", icon=":material/image_search:"),
        st.Page("pages/deploy.py", title="Deploy", icon=":material/rocket_launch:"),
    ],
    position="top",
).run()
